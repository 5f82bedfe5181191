"""The audit counts what Pandera counts: compared with its own backends, on frames made to break the rules."""

import re
from datetime import date

import pandas as pd
import pandera.pandas as pandas_backend
import pandera.pyspark as pa
import pyspark.sql.types as T
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from stedi_assets.assets import TABLES
from stedi_assets.contracts import Contract
from stedi_assets.schemas.checks import VOCABULARY, UnknownCheckError, value_rules
from stedi_assets.schemas.curated import MachineLearningCurated
from stedi_assets.schemas.landing import AccelerometerLanding, CustomerRecord, StepTrainerRecord
from stedi_assets.tables import SYSTEM_TABLES

UUID = "c0ffee00-dead-4bad-beef-00000000cafe"
DAYS = [date(1969, 12, 31), date(2024, 3, 5), date(2024, 3, 6)]
INSTANTS = [
    None, 0, -1, 1, 946_684_799_999, 946_684_800_000, 1_709_596_800_000, 1_709_683_199_999, 1_709_683_200_000,
    4_102_444_799_999, 4_102_444_800_000, 253_402_300_799_999, 253_402_300_800_000,
]  # fmt: skip
TEXTS = [
    None, "", " ", "ada@example.com", "ada@example.com\n", "\u00a0ada@example.com\u3000", "a b@c", "@",
    "φύλλος@x",
    "555-0100", "555-0100\n", "+1 (555) 010-01 00", "1980-02-31", "1980-02-28", "1980-02-28\n", "967-01-01",
    "2024-03-06", UUID, UUID.upper(), f"{UUID}\n", "a" * 64, "g" * 64, "a" * 200, "a" * 201,
    "é" * 200, "😀" * 201,
    "train", "Train", "0123456789abcdef" * 2,
]  # fmt: skip
NUMBERS = {
    "double": [None, 0.0, -0.0, 16.0, -16.0, 16.000001, -16.1, 1e300],
    "bigint": [None, -1, 0, 1, 4_000, 4_001],
    "string": TEXTS,
    "date": DAYS,
}
MODELS = (CustomerRecord, AccelerometerLanding, StepTrainerRecord, MachineLearningCurated)
PANDAS = {"string": "string", "bigint": "Int64", "double": "Float64", "date": "object"}
OWN = {"not_between", "not_after", "day_of"}
"""Checks that Pandera does not have, which can be added to its pyspark backend only."""


def rows(model):
    """Rows of a model, of values about its rules."""
    fields = model.to_structtype()
    values = {
        field.name: st.sampled_from(
            INSTANTS + NUMBERS["bigint"]
            if field.dataType.simpleString() == "bigint" and "distance" not in field.name
            else NUMBERS[field.dataType.simpleString()]
        )
        for field in fields
    }
    return st.lists(st.tuples(*(values[field.name] for field in fields)), min_size=1, max_size=12)


def counted(spark, model, data):
    """Rows that break each rule, as the engine counts them."""
    frame = spark.createDataFrame(data, model.to_structtype())
    [found] = frame.agg(
        *(
            F.coalesce(F.sum(rule.broken.cast("int")), F.lit(0)).alias(rule.name)
            for rule in value_rules(model)
        )
    ).collect()
    return found.asDict()


def of_pandas(model, data):
    """Failure cases of each check of Pandera's pandas backend, by the name of the rule."""
    kinds = {field.name: field.dataType.simpleString() for field in model.to_structtype()}
    frame = pd.DataFrame(data, columns=list(kinds)).astype(
        {name: PANDAS[kind] for name, kind in kinds.items()}
    )
    found = {}
    for name, column in model.to_schema().columns.items():
        for check in column.checks:
            if check.name in OWN:
                continue
            given = {key: value for key, value in check.statistics.items() if value is not None}
            schema = pandas_backend.SeriesSchema(
                checks=getattr(pandas_backend.Check, check.name)(**given), nullable=True
            )
            try:
                schema.validate(frame[name], lazy=True)
                cases = 0
            except pandas_backend.errors.SchemaErrors as error:
                cases = len(error.failure_cases)
            found[f"{name}_{VOCABULARY[check.name].suffix}"] = cases
    return found


def strict_about_line_feeds(model, found, data):
    """The counts of Pandera if `$` did not also match before a last line feed, as it does in Python."""
    names = model.to_structtype().names
    for rule in (rule for rule in value_rules(model) if "pattern" in rule.arguments):
        texts = [row[names.index(rule.columns[0])] for row in data]
        fed = [text for text in texts if text is not None and text.endswith("\n")]
        pattern = rule.arguments["pattern"]
        found[rule.name] += sum(
            re.match(f"^{pattern}$", text) is not None and re.fullmatch(pattern, text) is None for text in fed
        )
    return found


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@settings(max_examples=6)
@given(st.data())
def test_counts_are_those_of_pandera_and_of_python(spark, model, data):
    drawn = data.draw(rows(model))
    columns = model.to_structtype().names
    audited = counted(spark, model, drawn)
    by_row = {
        rule.name: sum(rule.broken_by(dict(zip(columns, row, strict=True))) for row in drawn)
        for rule in value_rules(model)
    }
    assert audited == by_row
    pandera = strict_about_line_feeds(model, of_pandas(model, drawn), drawn)
    assert {name: audited[name] for name in pandera} == pandera


@pytest.mark.parametrize("spec", [*TABLES.values(), *SYSTEM_TABLES.values()], ids=lambda spec: spec.name)
@pytest.mark.parametrize("policy", ["strict", "reference"])
def test_the_model_of_every_table_compiles(spec, policy):
    names = [rule.name for rule in Contract(spec, policy, ()).rules]
    assert {"columns", "no_missing_values"} <= set(names)
    assert len(names) == len(set(names))
    assert all(rule.description for rule in Contract(spec, policy, ()).rules)


@pytest.mark.parametrize("spec", TABLES.values(), ids=lambda spec: spec.name)
def test_a_check_that_cannot_be_compiled_is_named(spec):
    class Odd(spec.model):
        surprise: T.StringType = pa.Field(str_contains="x", nullable=True)

    with pytest.raises(UnknownCheckError, match=r"Odd uses the check str_contains for surprise, which"):
        value_rules(Odd)


def test_pandera_finds_what_is_planted():
    """Equal counts would prove nothing if there were none."""
    good, bad = ("ada@example.com", 1_709_596_800_000), ("no-email", 1)
    planted = [(*good, 0.0, 16.0, -16.0, DAYS[1]), (*bad, 17.0, -17.0, None, DAYS[1])]
    model = TABLES["accelerometer_trusted"].model
    order = [*model.to_structtype().names]
    named = [
        dict(zip(("user", "timestamp", "x", "y", "z", "event_date"), row, strict=True)) for row in planted
    ]
    found = of_pandas(model, [tuple(row[name] for name in order) for row in named])
    assert found == {
        "user_format": 1, "timestamp_in_range": 1, "x_in_range": 1, "y_in_range": 1, "z_in_range": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("odd", "broken"),
    [
        ({}, set()),
        ({"x": 16.1}, {"x"}),
        ({"user": "no-email"}, {"user"}),
        ({"timestamp": 1}, {"timestamp", "day_of"}),
        ({"event_date": DAYS[2]}, {"day_of"}),
        ({"z": None}, {"z"}),
    ],
)
def test_pandera_on_pyspark_passes_and_fails_the_same_rows(spark, odd, broken):
    model = TABLES["accelerometer_trusted"].model
    row = {"user": "ada@example.com", "timestamp": 1_709_596_800_000, "x": 0.0, "y": 0.0, "z": 0.0}
    row |= {"event_date": DAYS[1]} | odd
    names = model.to_structtype().names
    frame = spark.createDataFrame([tuple(row[name] for name in names)], model.to_structtype())
    errors = model.validate(frame).pandera.errors
    assert bool(errors) == bool(broken), errors
    text = str(dict(errors))
    assert all(name in text for name in broken), text
    own = counted(spark, model, [tuple(row[name] for name in names)])
    missing = sum(row[name] is None for name in names)
    assert (sum(own.values()) + missing > 0) == bool(errors)
