"""Landing files are ingested exactly once, whatever arrives, changes, goes, or happens in between."""

import json
import os
import random

import pytest

from stedi_assets.assets import TABLES
from stedi_assets_tests.support import steps
from stedi_assets_tests.support.lakes import EPOCH, TestLake, customer, reading, write_landing
from stedi_assets_tests.support.zones import awkward_zone

ACCELEROMETER = "accelerometer_landing"
DAY = 86_400_000


@pytest.fixture
def lake(tmp_path):
    return TestLake(tmp_path, write_landing(tmp_path / "in", {}))


def put(lake, **files):
    write_landing(lake.landing, {f"accelerometer/landing/{name}.json": text for name, text in files.items()})


def ingested(lake, **options):
    return lake.built(select=ACCELEROMETER, **options).tables[ACCELEROMETER]


def xs(lake):
    """The x of all landed readings."""
    return sorted(row["x"] for row in lake.table(ACCELEROMETER).scan().to_arrow().to_pylist())


def ledger(lake, *columns):
    rows = lake.table("ledger").scan().to_arrow().to_pylist()
    rows.sort(key=lambda row: (row["path"], row["outcome"] != "superseded", row["seen"]))
    return [tuple(row[name] for name in columns) for row in rows]


def activity(lake):
    names = ("table_name", "who", "event_date", "reading_count", "first_instant", "last_instant")
    rows = lake.table("activity").scan().to_arrow().to_pylist()
    return sorted((*(row[name] for name in names[:2]), *(row[name] for name in names[3:])) for row in rows)


def data_files(lake, table=ACCELEROMETER):
    return {task.file.file_path for task in lake.table(table).scan().plan_files()}


def test_a_new_file_is_added_and_the_data_files_of_earlier_ones_stay(lake):
    put(lake, a=reading(x=1))
    assert ingested(lake).what_changed == "first build; 1 new file → 1 day"
    before = data_files(lake)
    put(lake, b=reading(x=2))
    assert ingested(lake).what_changed == "1 new file → 1 day"
    assert data_files(lake) > before
    assert xs(lake) == [1, 2]
    assert not ingested(lake).changed


def test_the_ledger_says_of_every_file_what_became_of_its_lines(lake):
    put(lake, a=f"{reading(x=1)}\n\nnonsense\n{reading(x=17)}\n", b=reading(x=2), c=reading(x=2))
    ingested(lake)
    columns = ("path", "outcome", "lines", "rows", "quarantined", "empty_lines", "days")
    assert ledger(lake, *columns) == [
        ("accelerometer/landing/a.json", "ingested", 4, 1, 2, 1, "2023-11-14"),
        ("accelerometer/landing/b.json", "ingested", 1, 1, 0, 0, "2023-11-14"),
        ("accelerometer/landing/c.json", "duplicate", 0, 0, 0, 0, None),
    ]
    [(reasons,), *_] = ledger(lake, "reasons")
    assert json.loads(reasons) == {"not_json": 1, "x_in_range": 1}


def test_new_bytes_under_a_name_replace_its_rows_lines_and_activity_and_no_other_day(lake):
    later = 1_700_000_000_000 + DAY
    put(lake, a=f"{reading(x=1)}\nnonsense", b=reading(x=2), c=reading(x=3, timestamp=later))
    ingested(lake)
    before = data_files(lake)
    put(lake, a=reading(x=4, user="Bo@example.com"))
    assert ingested(lake).what_changed == "1 file with new content → 1 day"
    assert xs(lake) == [2, 3, 4]
    assert lake.rows("quarantine") == {}
    assert len(data_files(lake) & before) == 1
    first = 1_700_000_000_000
    assert activity(lake) == [
        (ACCELEROMETER, "ada@example.com", 1, first, first),
        (ACCELEROMETER, "ada@example.com", 1, later, later),
        (ACCELEROMETER, "bo@example.com", 1, first, first),
    ]
    assert [outcome for (outcome,) in ledger(lake, "outcome")] == [
        *("superseded", "ingested", "ingested", "ingested")
    ]


def test_rows_of_a_replaced_file_stay_while_another_file_has_the_same_bytes(lake):
    put(lake, a=f"{reading(x=1)}\nnonsense", b=f"{reading(x=1)}\nnonsense")
    ingested(lake)
    put(lake, a=reading(x=2))
    ingested(lake)
    [row, _] = sorted(lake.table(ACCELEROMETER).scan().to_arrow().to_pylist(), key=lambda row: row["x"])
    assert (row["x"], row["source_file"]) == (1, "accelerometer/landing/b.json")
    [line] = lake.table("quarantine").scan().to_arrow().to_pylist()
    assert line["source_file"] == "accelerometer/landing/b.json"


def test_a_deleted_file_keeps_its_rows_and_says_so(lake):
    put(lake, a=reading(x=1), b=reading(x=2))
    ingested(lake)
    (lake.landing / "accelerometer/landing/a.json").unlink()
    version = lake.table(ACCELEROMETER).current_snapshot().summary["stedi.version"]
    assert ingested(lake).what_changed == "1 deleted file"
    assert xs(lake) == [1, 2]
    assert [deleted is not None for (deleted,) in ledger(lake, "deleted")] == [True, False]
    assert lake.table(ACCELEROMETER).current_snapshot().summary["stedi.version"] == version


def test_a_file_that_was_only_touched_changes_no_row(lake):
    put(lake, a=reading(x=1))
    ingested(lake)
    before = data_files(lake)
    os.utime(lake.landing / "accelerometer/landing/a.json", (1, 1))
    assert ingested(lake).what_changed == "1 file written as it was"
    assert data_files(lake) == before
    assert not ingested(lake).changed


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_run(lake, monkeypatch):
    put(lake, a=reading(x=1), b=reading(x=2))
    ingest = steps.INGEST.function

    def meanwhile(*arguments, **options):
        counts = ingest(*arguments, **options)
        put(lake, b=reading(x=3) + "\n" + reading(x=4))
        return counts

    with monkeypatch.context() as patched:
        steps.INGEST.replace(patched, meanwhile)
        ingested(lake)
    assert xs(lake) == [1]
    ingested(lake)
    assert xs(lake) == [1, 3, 4]


def test_a_backlog_is_worked_off_in_batches_each_of_them_published(lake):
    lake.settings = {"STEDI_BATCH_FILES": "2"}
    put(lake, **{f"f{number}": reading(x=number) for number in range(5)})
    found = ingested(lake)
    assert found.what_changed.startswith("first build; 2 new files → 1 day; 2 new files → 1 day; 1 new file")
    assert xs(lake) == [0, 1, 2, 3, 4]
    assert len(lake.table(ACCELEROMETER).snapshots()) == 3
    assert len({batch for (batch,) in ledger(lake, "batch_id")}) == 3


def test_quarantined_lines_are_read_again_on_demand(lake):
    long = reading()[:-1] + ', "note": "' + "x" * 5_000 + '"}'
    put(lake, a=f"{long}\n{reading(x=1)}", b=reading(x=2))
    lake.settings = {"STEDI_RECORD_BYTES": "1000"}
    ingested(lake)
    assert xs(lake) == [1, 2]
    lake.settings = {}
    assert not ingested(lake).changed
    lake.built(select=ACCELEROMETER, retry=True)
    assert xs(lake) == [0.1, 1, 2]
    assert lake.rows("quarantine") == {}


def test_a_full_run_reads_all_files_again_and_keeps_rows_of_deleted_ones(lake):
    put(lake, a=reading(x=1), b=reading(x=2))
    ingested(lake)
    (lake.landing / "accelerometer/landing/a.json").unlink()
    assert ingested(lake, full=True).what_changed == "1 file read again, 1 deleted file → 1 day"
    assert xs(lake) == [1, 2]


def test_two_runs_at_once_end_as_one(lake, monkeypatch):
    put(lake, a=reading(x=1))
    ingested(lake)
    put(lake, b=reading(x=2))
    ingest, others = steps.INGEST.function, []

    def overtaken(*arguments, **options):
        counts = ingest(*arguments, **options)
        if not others:
            others.append(True)
            assert ingested(lake).changed
        return counts

    with monkeypatch.context() as patched:
        steps.INGEST.replace(patched, overtaken)
        assert not ingested(lake).changed
    assert xs(lake) == [1, 2]
    assert len(lake.table(ACCELEROMETER).snapshots()) == 2


@pytest.mark.parametrize("done", range(3))
def test_a_run_that_ends_between_the_commits_of_a_batch_is_finished_by_the_next(lake, monkeypatch, done):
    put(lake, a=f"{reading(x=1)}\nnonsense")
    replace_files, calls = steps.COMMIT_SYSTEM.function, []

    def dying(*arguments, **options):
        calls.append(arguments)
        if len(calls) > done:
            raise MemoryError
        replace_files(*arguments, **options)

    with monkeypatch.context() as patched:
        steps.COMMIT_SYSTEM.replace(patched, dying)
        assert lake.run(select=ACCELEROMETER).failures
    put(lake, b=reading(x=2))
    ingested(lake)
    assert xs(lake) == [1, 2]
    assert [outcome for (outcome,) in ledger(lake, "outcome")] == ["ingested", "ingested"]
    assert sum(lake.rows("quarantine").values()) == 1
    assert [row[2] for row in activity(lake)] == [2]


def test_a_lake_without_a_ledger_is_ingested_anew(lake):
    put(lake, a=f"{reading(x=1)}\nnonsense")
    ingested(lake)
    catalog = lake.table("ledger").catalog
    for name in ("ledger", "activity"):
        catalog.drop_table(("stedi", name))
    ingested(lake)
    assert xs(lake) == [1]
    assert sum(lake.rows("quarantine").values()) == 1
    assert [row[2] for row in activity(lake)] == [1]


def landed_rows(lake):
    """The landed rows without what says how they were delivered."""
    found = {}
    for name in [spec.name for spec in TABLES.values() if spec.source]:
        rows = lake.table(name).scan().to_arrow().drop_columns(["source_file", "batch_id"]).to_pylist()
        found[name] = sorted(repr(sorted(row.items())) for row in rows)
    return found


@pytest.mark.slow
def test_files_one_by_one_in_any_order_end_as_all_at_once(tmp_path, sample_lake):
    files = [str(path.relative_to(awkward_zone())) for path in sorted(awkward_zone().rglob("*.json*"))]
    random.Random(7).shuffle(files)
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", {}), {"STEDI_BATCH_FILES": "1"})
    for start in range(0, len(files), 7):
        write_landing(
            lake.landing, {path: (awkward_zone() / path).read_bytes() for path in files[start : start + 7]}
        )
        lake.built(select="customer_landing,accelerometer_landing,step_trainer_landing")
    assert landed_rows(lake) == landed_rows(sample_lake)
    assert activity(lake) == activity(sample_lake)
    assert lake.rows("quarantine").total() == sample_lake.rows("quarantine").total()


def test_a_customer_file_that_is_replaced_takes_the_former_record_with_it(tmp_path):
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", {}))
    write_landing(lake.landing, {"customer/landing/a.json": customer("ada@example.com", 500)})
    lake.built(select="customer_landing,customer_trusted", as_of=EPOCH + 5_000)
    assert len(lake.rows("customer_trusted")) == 1
    write_landing(lake.landing, {"customer/landing/a.json": customer("ada@example.com", None)})
    lake.built(select="customer_landing,customer_trusted", as_of=EPOCH + 5_000)
    assert len(lake.rows("customer_landing")) == 1
    assert lake.rows("customer_trusted") == {}
