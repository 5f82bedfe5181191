"""Maintenance: rows and versions stay, readers read on, and only files that no one needs are deleted."""

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from stedi_assets.assets import TABLES
from stedi_assets.cli.main import main
from stedi_assets.lake.maintenance.steps import maintain, refs_with_withdrawn_rows, superseded
from stedi_assets.lake.storage import LocalStorage
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets.settings import Settings
from stedi_assets.tables import LEDGER, QUARANTINE, SYSTEM_TABLES
from stedi_assets_tests.support import steps
from stedi_assets_tests.support.copies import Kept
from stedi_assets_tests.support.lakes import TestLake, customer, new_lake, one_person, write_landing
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
        "customer_landing: storage or catalog failed (ENOENT): fix the cause and run again."
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
        done = self.maintain(people, "--format", "json")
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
        done = json.loads(self.maintain(people, "--format", "json").stdout)["tables"]["customer_landing"]
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


@pytest.fixture(scope="module")
def left(tmp_path_factory, key):
    lake = new_lake(tmp_path_factory.mktemp("lakes") / "left")
    write_landing(lake.landing, one_person(OWNER))
    lake.built()
    table = lake.table("customer_trusted")
    before = table.current_snapshot().snapshot_id
    table.manage_snapshots().create_tag(before, "export").create_branch(before, "audit").commit()
    write_landing(lake.landing, {"customer/landing/2.json": customer(OWNER, None, updated=2_000)})
    lake.built()
    return lake, Kept.of(lake.folder)


@pytest.fixture
def withdrawn(left):
    """A lake that a person left; the table of people has a tag and a branch from before."""
    lake, kept = left
    yield lake
    kept.restore()


def maintained_table(lake, name, later):
    with opened_lake(lake.environment) as opened:
        return maintain(opened, TABLES[name], now=int(time.time() * 1000) + later)


def test_tags_and_branches_stay_and_the_report_says_what_they_keep(withdrawn):
    done = maintained_table(withdrawn, "customer_trusted", 100 * DAY)
    kept = ("the tag export", "the branch audit")
    assert all(ref in done.left for ref in kept)
    assert "of people who withdrew" in done.left
    table = withdrawn.table("customer_trusted")
    tagged = table.scan(snapshot_id=table.metadata.refs["export"].snapshot_id).to_arrow()
    assert tagged["email"].to_pylist() == [OWNER]


def test_the_rows_that_a_tag_keeps_are_counted(withdrawn):
    table = withdrawn.table("customer_trusted")
    assert [*refs_with_withdrawn_rows(table)] == [
        "the tag export keeps 1 row of people who withdrew",
        "the branch audit keeps 1 row of people who withdrew",
    ]


def test_nothing_goes_while_gc_is_disabled(withdrawn):
    table = withdrawn.table("accelerometer_trusted")
    with table.transaction() as change:
        change.set_properties({"gc.enabled": "false"})
    before = sorted(paths_below(withdrawn, "accelerometer_trusted"))
    done = maintained_table(withdrawn, "accelerometer_trusted", 100 * DAY)
    assert done.left == "gc.enabled is false, so everything stays, rows of people who withdrew too"
    assert (done.snapshots_expired, done.files_deleted) == (0, 0)
    assert before == sorted(paths_below(withdrawn, "accelerometer_trusted"))


def test_what_the_last_batch_of_a_source_removed_is_deleted(tmp_path, key):
    lake = new_lake(tmp_path)
    write_landing(lake.landing, {"customer/landing/1.json": f"{OWNER} sent no record"})
    lake.built(select="customer_landing")
    write_landing(lake.landing, {"customer/landing/1.json": customer("bo@example.com", 500)})
    lake.built(select="customer_landing")
    with opened_lake(lake.environment) as opened:
        for _ in range(2):
            maintain(opened, QUARANTINE, now=int(time.time() * 1000) + 100 * DAY)
    left = [path for path in (tmp_path / "lake").rglob("*.parquet") if "quarantine" in str(path)]
    assert not any(OWNER.encode() in path.read_bytes() for path in left)
    assert not left
