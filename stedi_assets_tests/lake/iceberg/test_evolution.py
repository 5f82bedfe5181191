"""Lakes whose models got new columns, and lakes whose tables another program changed, in whole runs."""

import json
from dataclasses import replace

import pandera.pyspark as pa
import pyspark.sql.types as T
import pytest
from click.testing import CliRunner

from stedi_assets.assets import DECLARED, Declared
from stedi_assets.cli.commands.check import audit
from stedi_assets.cli.in_process import execute, opened_instance
from stedi_assets.cli.main import main
from stedi_assets.contracts.accounting.rows import Reconciled
from stedi_assets.lake.iceberg.table import PinnedTable
from stedi_assets.lake.maintenance.steps import maintain
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.naming import AUDIT, REFRESH
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets.schemas import checks
from stedi_assets.schemas.columns import column
from stedi_assets.schemas.landing import CustomerRecord, Dated, Delivered, StepTrainerRecord
from stedi_assets.schemas.system import Ledger
from stedi_assets.tables import LEDGER
from stedi_assets_tests.support.copies import Kept
from stedi_assets_tests.support.lakes import AS_OF, EPOCH, TestLake, customer, present_at, write_landing

DAY = 24 * 3_600_000
ADA, BO = "ada@example.com", "bo@example.com"
DEVICES = {ADA: "device-1", BO: "device-2"}
LATER = EPOCH + 10 * DAY
PEOPLE = ("customer_trusted", "customer_curated")
READINGS = ("accelerometer_trusted", "step_trainer_trusted", "machine_learning_curated")


class NamedRecord(CustomerRecord):
    """A customer record with a column that the sources send from now on."""

    nickname: T.StringType = pa.Field(nullable=True, metadata=column("nickName", personal=True))


class NamedLanding(Delivered, NamedRecord):
    class Config:
        strict = True


class NamedCustomer(NamedRecord):
    class Config:
        strict = True


class FloorRecord(StepTrainerRecord):
    """A step-trainer reading with a column that the sources send from now on."""

    floor: T.LongType = pa.Field(nullable=True, metadata=column())


class FloorLanding(Delivered, Dated, FloorRecord):
    day = checks.day_of("event_date", "sensorreadingtime")

    class Config:
        strict = True


class FloorTrusted(Dated, FloorRecord):
    day = checks.day_of("event_date", "sensorreadingtime")

    class Config:
        strict = True
        unique = [*FloorRecord.to_schema().columns]  # noqa: RUF012


class NotedLedger(Ledger):
    note: T.StringType = pa.Field(nullable=True, metadata=column())

    class Config:
        strict = True


NEW_MODELS = {
    "customer_landing": (NamedLanding, NamedRecord),
    "customer_trusted": (NamedCustomer, None),
    "customer_curated": (NamedCustomer, None),
    "step_trainer_landing": (FloorLanding, FloorRecord),
    "step_trainer_trusted": (FloorTrusted, None),
}


def with_new_columns() -> Declared:
    """The declared tables after their models got a column each."""
    tables = []
    for table in DECLARED:
        model, record = NEW_MODELS.get(table.spec.name, (table.spec.model, None))
        source = table.spec.source
        spec = replace(
            table.spec, model=model, source=replace(source, record=record) if source and record else source
        )
        accounting = tuple(
            type(group)(spec) if isinstance(group, Reconciled) and spec.name in NEW_MODELS else group
            for group in table.accounting
        )
        tables.append(replace(table, spec=spec, accounting=accounting))
    return Declared.of(tables)


def run(lake, declared=DECLARED, job=REFRESH, **config):
    """Runs the graph of a registry; gives the sentences about tables that failed."""
    resolved = build_defs(lake.environment, declared).resolve_job_def(job)
    with present_at(None if job == AUDIT else AS_OF), opened_instance(lake.environment) as instance:
        return execute(instance, resolved, lambda progress: None, config=config).failures


def town(days=(0, 1), extra=()):
    """Two consenting people, with readings of both kinds on some days."""
    times = [EPOCH + day * DAY + 1_000 for day in days]
    accelerometer = [
        {"user": email, "timestamp": time, "x": 0.1, "y": 0.2, "z": 0.3}
        for time in times
        for email in DEVICES
    ]
    steps = [
        {"sensorReadingTime": time, "serialNumber": device, "distanceFromObject": 200}
        for time in times
        for device in DEVICES.values()
    ]
    return {
        "accelerometer/landing": "".join(json.dumps(reading) + "\n" for reading in accelerometer),
        "step_trainer/landing": "".join(json.dumps(reading) + "\n" for reading in (*steps, *extra)),
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A lake as the present models make it; a line of each kind waits in the quarantine."""
    folder = tmp_path_factory.mktemp("lakes") / "built"
    people = "\n".join(customer(email, 500, serial=device) for email, device in DEVICES.items())
    files = {f"{folder}/1.json": text + "no line\n" for folder, text in town().items()}
    files["customer/landing/1.json"] = people + "\n{}\n"
    lake = TestLake(folder, write_landing(folder / "in", files))
    lake.built()
    return lake, Kept.of(folder)


@pytest.fixture
def lake(built):
    lake, kept = built
    yield lake
    kept.restore()


def withdraw(lake, email, **extra):
    """A record of a person who no longer consents arrives."""
    line = json.loads(customer(email, 0, updated=LATER - EPOCH, serial=DEVICES[email]))
    write_landing(lake.landing, {f"customer/landing/withdrawal-{email}.json": json.dumps(line | extra)})


def dicts(lake, name):
    return lake.table(name).scan().to_arrow().to_pylist()


def people_in(lake, *names):
    """Who is in tables: emails, and devices for readings of devices."""
    owners = {device: email for email, device in DEVICES.items()}
    return {
        name: {
            row.get("email") or row.get("user") or owners[row["serialnumber"]] for row in dicts(lake, name)
        }
        for name in names
    }


@pytest.mark.slow
def test_a_new_column_joins_every_table_and_withdrawals_go_in(lake, monkeypatch):
    declared = with_new_columns()
    monkeypatch.setitem(vars(LEDGER), "model", NotedLedger)
    before = lake.snapshots()

    assert run(lake, declared) == []
    assert run(lake, declared, AUDIT) == []
    assert lake.snapshots() == before, "a new column changes no row"

    # New landing lines have the column, old rows are null in it.
    extra = {
        "sensorReadingTime": EPOCH + 5 * DAY,
        "serialNumber": "device-1",
        "distanceFromObject": 3,
        "floor": 2,
    }
    files = town(days=(5,), extra=[extra])
    write_landing(lake.landing, {f"{folder}/2.json": text for folder, text in files.items()})
    assert run(lake, declared) == []
    for name in ("step_trainer_landing", "step_trainer_trusted"):
        floors = [row["floor"] for row in dicts(lake, name)]
        assert sorted(floors, key=lambda floor: floor or 0) == [*[None] * 6, 2]
        assert lake.table(name).schema().column_names[-1] == "floor"

    # The table's own field ids differ from the order of the model, and its statistics still prove the days.
    landing = PinnedTable(declared.specs["step_trainer_landing"], lambda: lake.table("step_trainer_landing"))
    assert landing.schema.column_names != landing.spec.columns
    assert landing.within_days("sensorreadingtime")

    # A withdrawal goes in, with the new column, and no one else leaves.
    withdraw(lake, ADA, nickName="Ad")
    assert run(lake, declared) == []
    assert run(lake, declared, AUDIT) == []
    assert people_in(lake, *PEOPLE, *READINGS[:2]) == {name: {BO} for name in (*PEOPLE, *READINGS[:2])}
    assert len({row["subject_id"] for row in dicts(lake, "machine_learning_curated")}) == 1
    nicknames = [row["nickname"] for row in dicts(lake, "customer_landing")]
    assert sorted(nicknames, key=str) == ["Ad", None, None]
    for name in ("customer_landing", *PEOPLE):
        assert lake.table(name).properties["write.metadata.metrics.column.nickname"] == "none"

    assert "note" in lake.table("ledger").schema().column_names

    # Everything can be rebuilt, too.
    contents = {name: sorted(map(str, dicts(lake, name))) for name in ("step_trainer_trusted", *PEOPLE)}
    assert run(lake, declared, full=True) == []
    assert {name: sorted(map(str, dicts(lake, name))) for name in contents} == contents


@pytest.mark.slow
def test_files_of_before_and_after_a_new_column_are_compacted(lake):
    declared = with_new_columns()
    extra = {
        "sensorReadingTime": EPOCH + 2_000,
        "serialNumber": "device-1",
        "distanceFromObject": 3,
        "floor": 2,
    }
    write_landing(lake.landing, {"step_trainer/landing/2.json": json.dumps(extra)})
    assert run(lake, declared) == []
    before = sorted(map(str, dicts(lake, "step_trainer_landing")))

    with opened_lake(lake.environment) as opened:
        report = maintain(opened, declared.specs["step_trainer_landing"])

    assert report.failures == ()
    assert report.files_after < report.files_before
    assert sorted(map(str, dicts(lake, "step_trainer_landing"))) == before
    assert run(lake, declared) == []
    assert run(lake, declared, AUDIT) == []


def rename(lake, name, old, new):
    with lake.table(name).update_schema() as update:
        update.rename_column(old, new)


@pytest.mark.slow
def test_a_renamed_column_is_one_sentence_for_readers_and_writers(lake):
    rename(lake, "step_trainer_landing", "distancefromobject", "distance")
    sentence = (
        "step_trainer_landing: another program renamed the column distancefromobject to distance: "
        "rename it back."
    )

    write_landing(lake.landing, {f"{folder}/2.json": text for folder, text in town(days=(3,)).items()})
    failed = run(lake)
    assert [failure.partition(":")[0] for failure in failed][:1] == ["step_trainer_landing"]
    assert all(sentence in failure for failure in failed), failed
    assert sentence in " ".join(run(lake, full=True))
    assert sentence in " ".join(
        audit(lake.environment, ["step_trainer_trusted"], lambda progress: None, DECLARED).failures
    )
    flags = ["--lake", str(lake.folder / "lake")]
    query = CliRunner().invoke(main, ["sql", *flags, "select count(*) from step_trainer_landing"])
    assert query.exit_code == 1
    assert query.output.strip() == sentence

    rename(lake, "step_trainer_landing", "distance", "distancefromobject")
    assert run(lake) == []


@pytest.mark.slow
def test_people_leave_every_table_that_can_be_written(lake):
    changed = "accelerometer_trusted"
    rename(lake, changed, "x", "other")
    withdraw(lake, ADA)

    failed = run(lake)

    sentence = f"{changed}: another program renamed the column x to other: rename it back."
    assert sentence in " ".join(failed)
    others = [name for name in (*PEOPLE, *READINGS[:2]) if name != changed]
    assert people_in(lake, *others) == {name: {BO} for name in others}
    assert len({row["subject_id"] for row in dicts(lake, "machine_learning_curated")}) == 1

    rename(lake, changed, "other", "x")
    assert run(lake) == []
    assert people_in(lake, changed) == {changed: {BO}}
