"""Rows become frames of landing tables, and frames of tables become rows again.

Here belongs what tests need to run the transforms as the assets do, table after table.
"""

import json
from collections.abc import Iterable, Sequence

from pyspark.sql import DataFrame, SparkSession

from stedi_assets import tables
from stedi_assets.lake.ingestion.faults import named_people
from stedi_assets.tables import TableSpec
from stedi_assets.transforms import consent, machine_learning, pseudonyms, readings
from stedi_assets.transforms.held import held_people
from stedi_assets_tests.support.oracle import (
    Acceleration,
    Customer,
    Keys,
    Policy,
    Step,
    SubjectReading,
    Tables,
    World,
    event_date,
)

Row = Customer | Acceleration | Step | SubjectReading


def landing(spark: SparkSession, spec: TableSpec, rows: Sequence[Row], batches: int = 3) -> DataFrame:
    """A landing table. Every row lies in a file of its own, so that no duplicate is one in provenance.

    Args:
        spark: The engine's session.
        spec: The table.
        rows: Its rows.
        batches: In how many batches the rows were delivered, turn by turn from the last batch to the first.
    """
    return _frame(
        spark,
        spec,
        [
            (*_dated(spec, row), f"file-{number}.json", f"batch-{batches - number % batches}")
            for number, row in enumerate(rows)
        ],
    )


def customer_landing(spark: SparkSession, *rows: Customer) -> DataFrame:
    """The table customer_landing."""
    return landing(spark, tables.CUSTOMER_LANDING, rows)


def accelerometer_landing(spark: SparkSession, *rows: Acceleration) -> DataFrame:
    """The table accelerometer_landing."""
    return landing(spark, tables.ACCELEROMETER_LANDING, rows)


def step_trainer_landing(spark: SparkSession, *rows: Step) -> DataFrame:
    """The table step_trainer_landing."""
    return landing(spark, tables.STEP_TRAINER_LANDING, rows)


def quarantine(spark: SparkSession, *held: str) -> DataFrame:
    """The table quarantine: a broken line for every email, one that names no one, and one of a reading."""
    named = [named_people(f'{{"email": {json.dumps(email)}', "email") for email in held]
    people = [" ".join(emails) for emails in named] + ["", None]
    spec = tables.QUARANTINE
    fixed = {
        "table_name": "customer_landing",
        "line_number": 1,
        "record_number": 1,
        "reason": "truncated",
        "raw": b"{",
    }
    rows = [fixed | {"people": emails, "source_file": "a.json", "batch_id": "b"} for emails in people]
    return _frame(spark, spec, [tuple(row[name] for name in spec.columns) for row in rows])


def table(spark: SparkSession, spec: TableSpec, rows: Iterable[Row]) -> DataFrame:
    """A table of the trusted or curated zone, as it would be read back once published."""
    return _frame(spark, spec, [_dated(spec, row) for row in rows])


def rows_of(spec: TableSpec, frame: DataFrame) -> list[Row]:
    """The rows of a frame of a table without their days, which must be the right ones."""
    types: dict[str, type[Row]] = {
        "customer": Customer,
        "accelerometer": Acceleration,
        "step_trainer": Step,
        "machine_learning": SubjectReading,
    }
    [row_type] = [type_ for name, type_ in types.items() if spec.name.startswith(name)]
    found = [tuple(row) for row in frame.select(*spec.columns).collect()]
    rows = [row_type(*row[: len(row_type._fields)]) for row in found]
    assert found == [_dated(spec, row) for row in rows]
    return rows


def latest_records(spark: SparkSession, records: Sequence[Customer], as_of: int) -> list[Row]:
    """The record that counts, of every person."""
    latest = consent.latest_records(customer_landing(spark, *records), as_of)
    return rows_of(tables.CUSTOMER_TRUSTED, latest)


def refreshed(spark: SparkSession, world: World, policy: Policy, as_of: int, keys: Keys) -> Tables:
    """The five tables as the transforms make them, each read back before the next one."""
    records = customer_landing(spark, *world.customers)

    spec = tables.CUSTOMER_TRUSTED
    held = held_people(quarantine(spark, *world.held))
    customer_trusted = rows_of(spec, consent.consenting_people(records, held, as_of))
    trusted = table(spark, spec, customer_trusted)

    spec = tables.ACCELEROMETER_TRUSTED
    landed = accelerometer_landing(spark, *world.accelerometer)
    accelerometer_trusted = rows_of(spec, readings.consented_accelerometer(landed, trusted, policy))
    accelerometer = table(spark, spec, accelerometer_trusted)

    spec = tables.CUSTOMER_CURATED
    customer_curated = rows_of(spec, consent.people_with_readings(trusted, accelerometer))
    curated = table(spark, spec, customer_curated)

    spec = tables.STEP_TRAINER_TRUSTED
    landed = step_trainer_landing(spark, *world.step_trainer)
    step_trainer_trusted = rows_of(spec, readings.consented_step_trainer(landed, curated, records, policy))
    steps = table(spark, spec, step_trainer_trusted)

    spec = tables.MACHINE_LEARNING_CURATED
    subjects = pseudonyms.subjects(curated, keys.pseudonym, keys.salt)
    pairs = rows_of(spec, machine_learning.paired_readings(accelerometer, steps, curated, subjects, policy))
    return Tables(customer_trusted, accelerometer_trusted, customer_curated, step_trainer_trusted, pairs)


def _dated(spec: TableSpec, row: Row) -> tuple[object, ...]:
    return (*row, event_date(getattr(row, spec.instant))) if spec.instant else tuple(row)


def _frame(spark: SparkSession, spec: TableSpec, rows: list[tuple[object, ...]]) -> DataFrame:
    return spark.createDataFrame(rows, spec.schema)
