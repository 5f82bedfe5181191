"""Maintenance: rows and versions stay, readers read on, and only files that no one needs are deleted."""

import json
import os
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from stedi_assets.assets import TABLES
from stedi_assets.cli.main import main
from stedi_assets.lake.iceberg.commit import describe_files
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.maintenance.compaction import small_groups
from stedi_assets.lake.maintenance.steps import maintain, superseded
from stedi_assets.lake.storage import LocalStorage
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets.settings import Settings
from stedi_assets.tables import LEDGER, QUARANTINE, SYSTEM_TABLES
from stedi_assets_tests.support import steps
from stedi_assets_tests.support.lakes import EPOCH, TestLake, customer, reading, step, write_landing
from stedi_assets_tests.support.maintenance import (
    aged,
    files_of,
    maintained,
    paths_below,
    published_again,
    scatter,
)

DAY = 86_400_000
OWNER = "ada@example.com"


def town():
    """Two consenting people and one who is not, with two days of readings of both kinds."""
    people = [customer(OWNER, 500, serial="device-1"), customer("bö@example.com", 500, serial="device-2")]
    people.append(customer("cy@example.com", None, serial="device-3"))
    instants = [EPOCH + day * DAY + second * 1_000 for day in (0, 1) for second in range(1, 5)]
    return {
        "customer/landing/1.json": "\n".join(people) + "\nno customer\n",
        "accelerometer/landing/1.json": "".join(
            reading(email, instant, x=-0.0, y=0.1, z=1 / 3) + "\n"
            for instant in instants
            for email in (OWNER, "bö@example.com", "cy@example.com")
        ),
        "step_trainer/landing/1.json": "".join(
            step(instant, f"device-{number}") + "\n" for instant in instants for number in (1, 2, 3)
        ),
    }


@pytest.fixture
def people(tmp_path):
    """A lake with the three customers alone; one line names no one."""
    lines = {name: text for name, text in town().items() if name.startswith("customer")}
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", lines))
    lake.built(select="customer_landing")
    return lake


LANDING = ("customer_landing", "accelerometer_landing")


@pytest.mark.parametrize("tables", [LANDING, pytest.param(tuple(TABLES), marks=pytest.mark.slow)], ids=len)
def test_compaction_changes_files_and_nothing_else(tmp_path, tables):
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", town()))
    lake.built(select=",".join(tables))
    for name in tables:
        scatter(lake, name)
    rows = {name: lake.rows(name) for name in tables}
    assert sum(rows["customer_landing"].values()) == 3
    assert sum(rows["accelerometer_landing"].values()) == 24
    records = {name: Record.of(lake.table(name).current_snapshot()) for name in tables}
    reports = {name: maintained(lake, name) for name in tables}
    assert {name: lake.rows(name) for name in tables} == rows
    for name in tables:
        assert not reports[name].failures
        assert reports[name].files_before == sum(rows[name].values())
        days = 2 if TABLES[name].partitioned else 1
        assert reports[name].files_after == len(files_of(lake, name)) == days
        snapshot = lake.table(name).current_snapshot()
        record = Record.of(snapshot)
        assert record.days == []
        assert "stedi.maintenance" in snapshot.summary.additional_properties
        for kept in ("version", "inputs", "snapshots", "checks", "counts", "as_of", "run", "key"):
            assert getattr(record, kept) == getattr(records[name], kept)
    first = (date(2020, 9, 13) - date(1970, 1, 1)).days
    partitions = {file.partition[0] for file in files_of(lake, "accelerometer_landing")}
    assert partitions == {first, first + 1}

    snapshots = {name: lake.table(name).current_snapshot() for name in tables}
    assert not any(table.changed for table in lake.built(select=",".join(tables)).tables.values())
    for name in tables:
        again = maintained(lake, name)
        assert again.files_before == again.files_after
        assert (again.snapshots_expired, again.files_deleted) == (0, 0)
    assert {name: lake.table(name).current_snapshot() for name in tables} == snapshots


def test_a_pinned_reader_reads_on(people):
    scatter(people, "customer_landing")
    with opened_lake(people.environment) as lake:
        pinned = lake.pinned("customer_landing")
        assert pinned.content.rows == 3
        done = maintained(people, later=6 * DAY)
        assert (done.files_before, done.files_after, done.failures) == (3, 1, ())
        assert pinned.frame(lake.spark).count() == 3
        assert lake.pinned("customer_landing").frame(lake.spark).count() == 3


def test_rows_that_left_a_table_leave_the_files_once_their_snapshots_are_expired(people):
    table = people.table("customer_landing")
    [old] = [Path(file.file_path.removeprefix("file://")) for file in files_of(people, "customer_landing")]
    rows = pq.read_table(old)
    kept = f"{table.location()}/data/kept/0.parquet"
    with table.io.new_output(kept).create() as stream:
        pq.write_table(rows.slice(1), stream)
    published_again(people, "customer_landing", [kept])
    assert maintained(people, later=6 * DAY).snapshots_expired == 0
    assert old.exists()

    done = maintained(people, later=8 * DAY)
    assert (done.snapshots_expired, done.failures) == (1, ())
    assert not old.exists()
    assert not old.parent.exists()
    assert len(people.table("customer_landing").snapshots()) == 1
    assert len(people.rows("customer_landing")) == 2
    contents = [path.read_bytes() for path in paths_below(people, "customer_landing")]
    assert not any(OWNER.encode() in content for content in contents)

    again = maintained(people, later=8 * DAY)
    assert (again.snapshots_expired, again.files_deleted, again.bytes_deleted) == (0, 0, 0)


def test_the_current_snapshot_is_kept_however_old(people):
    done = maintained(people, later=1_000 * DAY)
    assert (done.snapshots_expired, done.files_after, done.failures) == (0, 1, ())
    assert len(people.rows("customer_landing")) == 3


def test_only_files_that_no_snapshot_names_and_that_are_old_are_deleted(people):
    before = paths_below(people, "customer_landing")
    root = Path(people.table("customer_landing").location().removeprefix("file://"))
    for path in before:
        aged(path, 1_000)
    old = [
        aged(root / "data" / ("a" * 32) / "00000/_day=2024-03-01/part.parquet", 25),
        aged(root / "data" / f"{'a' * 32}-scratch" / "lines.parquet", 25),
        aged(root / "metadata" / "lost-m0.avro", 25),
        aged(root / "metadata" / "00009-half.metadata.json", 25),
    ]
    staging = [
        # A run that has been staging for more than a day, and was just now at it.
        aged(root / "data" / ("b" * 32) / "00000/part.parquet", 30),
        aged(root / "data" / f"{'b' * 32}-scratch" / "lines.parquet", 1),
        aged(root / "metadata" / "young-m0.avro", 23),
    ]
    elsewhere = aged(root / "README.txt", 1_000)
    beside = [*root.parents[1].glob("catalog.db*")]
    done = maintained(people)
    assert (done.files_deleted, done.failures) == (4, ())
    assert not any(path.exists() for path in old)
    assert not (root / "data" / ("a" * 32)).exists()
    assert paths_below(people, "customer_landing") == before | {*staging, elsewhere}
    assert beside
    assert all(path.exists() for path in beside)
    assert len(people.rows("customer_landing")) == 3


def test_a_publish_in_between_wins(people, monkeypatch):
    scatter(people, "customer_landing")

    def meanwhile(*arguments):
        published_again(
            people, "customer_landing", [file.file_path for file in files_of(people, "customer_landing")]
        )
        return describe_files(*arguments)

    steps.DESCRIBE_COMPACTED.replace(monkeypatch, meanwhile)
    before = paths_below(people, "customer_landing")
    done = maintained(people)
    assert (done.files_before, done.files_after) == (3, 3)
    assert done.left == "another run published it meanwhile"
    assert not done.failures
    assert len(people.rows("customer_landing")) == 3
    new = paths_below(people, "customer_landing") - before
    assert not [path for path in new if path.suffix == ".parquet"]


def test_rows_that_are_lost_while_compacting_change_nothing(people, monkeypatch):
    scatter(people, "customer_landing")
    before, snapshots = paths_below(people, "customer_landing"), people.table("customer_landing").snapshots()
    steps.READ_ROWS_TO_COMPACT.replace(monkeypatch, lambda *_: iter(()))
    done = maintained(people)
    assert done.failures == (
        "customer_landing: rows were lost while compacting, so nothing was changed: try again.",
    )
    assert people.table("customer_landing").snapshots() == snapshots
    assert paths_below(people, "customer_landing") == before


def test_a_lake_that_was_never_built_stays_as_it_is(tmp_path):
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", {}))
    with opened_lake(lake.environment) as found:
        for spec in {**TABLES.specs, **SYSTEM_TABLES}.values():
            assert maintain(found, spec).left == "not published yet"
    assert [path.name for path in (tmp_path / "lake").iterdir()] == ["catalog.db"]


def test_while_a_file_is_missing_nothing_is_deleted(people):
    scatter(people, "customer_landing")
    [first, *_] = files_of(people, "customer_landing")
    os.remove(first.file_path.removeprefix("file://"))
    root = Path(people.table("customer_landing").location().removeprefix("file://"))
    orphan = aged(root / "data" / ("a" * 32) / "part.parquet", 100)
    done = maintained(people)
    assert orphan.exists()
    assert done.failures[0] == (
        "customer_landing: storage or catalog failed (ENOENT); no table is half changed: fix the cause and "
        "run again."
    )
    assert done.failures[1].startswith("customer_landing: 1 files that its snapshots name are not below")


def test_a_table_of_another_catalog_in_the_same_folder_is_left_alone(people):
    other = TestLake(people.folder, people.landing, {"STEDI_CATALOG": f"sqlite:///{people.folder}/other.db"})
    other.built(select="customer_landing")
    done = maintained(people, later=2 * DAY)
    [sentence] = done.failures
    assert "also holds a table of another or a former catalog, so nothing was deleted" in sentence
    assert len(other.rows("customer_landing")) == len(people.rows("customer_landing")) == 3


def test_a_batch_that_was_interrupted_is_finished_however_long_after(people, monkeypatch):
    write_landing(
        people.landing, {"customer/landing/2.json": customer("dee@example.com", 500) + "\nnobody\n"}
    )

    def crash(*_):
        raise MemoryError

    with monkeypatch.context() as patched:
        steps.APPLY_SYSTEM.replace(patched, crash)
        assert people.run(select="customer_landing").failures
    assert sum(people.rows("customer_landing").values()) == 4
    assert sum(people.rows(QUARANTINE.name).values()) == 1
    root = Path(people.table(QUARANTINE.name).location().removeprefix("file://"))
    forgotten = aged(root / "data" / ("b" * 32) / "00000/part.parquet", 100)

    for name in ("customer_landing", *SYSTEM_TABLES):
        assert not maintained(people, name, later=30 * DAY).failures
    assert not forgotten.exists()
    people.built(select="customer_landing")
    assert sum(people.rows("customer_landing").values()) == 4
    assert sum(people.rows(QUARANTINE.name).values()) == 2
    assert sum(people.rows(LEDGER.name).values()) == 2


def test_the_files_of_system_tables_are_not_rewritten(people):
    scatter(people, QUARANTINE.name)
    assert len(people.rows(QUARANTINE.name)) == 1
    before = [file.file_path for file in files_of(people, QUARANTINE.name)]
    maintained(people, QUARANTINE.name)
    assert [file.file_path for file in files_of(people, QUARANTINE.name)] == before


class TestCommand:
    """`stedi maintain` and the job behind it."""

    def maintain(self, lake, *arguments):
        places = ["--lake", str(lake.folder / "lake")]
        return CliRunner().invoke(main, ["maintain", *places, *arguments])

    def test_the_report_has_a_line_for_every_table(self, people):
        scatter(people, "customer_landing")
        done = self.maintain(people, "--json")
        assert done.exit_code == 0
        tables = json.loads(done.stdout)["tables"]
        assert [*tables] == [*TABLES, *SYSTEM_TABLES]
        assert tables["customer_landing"] == {
            "files_before": 3, "files_after": 1, "snapshots_expired": 0,
            "files_deleted": 0, "bytes_deleted": 0, "left": None,
        }  # fmt: skip
        assert tables["customer_trusted"]["left"] == "not published yet"

    def test_a_fault_of_one_table_does_not_stop_the_others(self, people):
        scatter(people, "customer_landing")
        os.remove(files_of(people, QUARANTINE.name)[0].file_path.removeprefix("file://"))
        done = self.maintain(people)
        assert done.exit_code == 1
        assert [line for line in done.stderr.splitlines() if "not below" in line]
        assert len(files_of(people, "customer_landing")) == 1
        assert QUARANTINE.name in done.stdout

    def test_it_needs_no_pseudonym_key_and_takes_the_days_to_keep_from_the_setting(self, people, monkeypatch):
        key = Path(f"{people.folder}/lake.pseudonym-key")
        scatter(people, "customer_landing")
        monkeypatch.setenv("STEDI_KEEP_DAYS", "0")
        done = json.loads(self.maintain(people, "--json").stdout)["tables"]["customer_landing"]
        # The former files are young yet, so they stay for now.
        assert (done["snapshots_expired"], done["files_deleted"]) == (2, 0)
        assert not key.exists()


def test_the_job_runs_weekly_from_the_start_with_an_op_for_every_table():
    definitions = build_defs(Settings.from_settings({}))
    schedule = definitions.resolve_schedule_def("weekly_maintenance")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 3 * * 0", "UTC")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    job = definitions.resolve_job_def(schedule.job_name)
    assert {node.name for node in job.nodes} == {f"maintain_{name}" for name in (*TABLES, *SYSTEM_TABLES)}


def test_a_snapshot_is_as_old_as_its_successor():
    def snapshot(number, parent, at):
        return SimpleNamespace(snapshot_id=number, parent_snapshot_id=parent, timestamp_ms=at)

    history = [snapshot(1, None, 100), snapshot(2, 1, 200), snapshot(3, 2, 300)]
    assert superseded(history, 199) == []
    assert superseded(history, 200) == [1]
    assert superseded(history, 299) == [1]
    assert superseded(history, 1_000) == [1, 2, 3]


sized = st.builds(
    lambda partition, size, path: SimpleNamespace(
        partition=partition, file_size_in_bytes=size, file_path=path
    ),
    st.integers(1, 3),
    st.integers(1, 40),
    st.uuids().map(str),
)


@given(st.lists(sized, max_size=30, unique_by=lambda file: file.file_path))
def test_groups_are_small_files_of_one_partition_and_leave_one_small_file_at_most(files):
    groups = small_groups(files, small=16, full=64)
    grouped = [file for group in groups for file in group]
    assert len({file.file_path for file in grouped}) == len(grouped)
    for group in groups:
        assert len(group) > 1
        assert len({file.partition for file in group}) == 1
        assert all(file.file_size_in_bytes < 16 for file in group)
        assert sum(file.file_size_in_bytes for file in group) <= 64
    merged = [
        SimpleNamespace(
            partition=group[0].partition,
            file_size_in_bytes=sum(file.file_size_in_bytes for file in group),
            file_path=f"merged-{number}",
        )
        for number, group in enumerate(groups)
    ]
    assert not small_groups([*(file for file in files if file not in grouped), *merged], small=16, full=64)


def test_files_are_removed_with_the_folders_that_this_empties(tmp_path):
    aged(tmp_path / "data/a/0/one.parquet", 0)
    aged(tmp_path / "data/a/1/two.parquet", 0)
    aged(tmp_path / "data/b/three.parquet", 0)
    storage = LocalStorage()
    one, two, three = storage.list(f"file://{tmp_path}/data")
    storage.remove_files([one, three])
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["a"]
    assert not (tmp_path / "data/a/0").exists()
    storage.remove_files([one, two])
    assert (tmp_path / "data").is_dir()
