"""Whatever happens to a run, the next one ends in the tables of a run to which nothing happened.

A lake that was built is given a second delivery with everything in it that a delivery can have: a person who
withdraws, one who is new, a file with new content, the same file twice, faulty lines. The faults strike the
run of that delivery; the next run is an ordinary one.
"""

import random
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partialmethod
from itertools import product
from pathlib import Path

import pytest
from pyspark.sql.connect.client.retries import DefaultPolicy

from scripts.local_s3 import SCRIPTS, Server, free_ports
from stedi_assets_tests.support import steps
from stedi_assets_tests.support.copies import sampled
from stedi_assets_tests.support.killed import KILLED, Fault, Killer
from stedi_assets_tests.support.lakes import TestLake, new_lake, write_landing
from stedi_assets_tests.support.oracle import Acceleration, Customer, Step
from stedi_assets_tests.support.scenario import record
from stedi_assets_tests.support.states import assert_nothing_is_lost, state, text
from stedi_assets_tests.support.town import ADA, BO, CY, DEE, DERIVED, LANDING, day, readings

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(900), pytest.mark.usefixtures("key")]

AS_OF = day(20)
ACCELEROMETER = "accelerometer_landing"


def zone(name: str, *rows: Customer | Acceleration | Step | str) -> dict[str, str]:
    """Landing files of one name; faulty lines are of the phone."""
    kinds = {"customer": Customer, "accelerometer": (Acceleration, str), "step_trainer": Step}
    files = {}
    for source, kind in kinds.items():
        if lines := tuple(row for row in rows if isinstance(row, kind)):
            files[f"{source}/landing/{name}.json"] = text(source, lines)
    return files


FIRST = zone(
    "a", record(ADA, day(0)), record(BO, day(0)), record(CY, None),
    *(row for email in (ADA, BO, CY) for row in readings(email, 0, 1)), "nonsense", "",
)  # fmt: skip
SECOND = (
    zone("bo withdraws", record(BO, None, day(5)), record(DEE, day(1)), '{"user": "cut')
    | zone("new", *readings(DEE, 0, 1, 2), *readings(ADA, 2))
    | zone("twice", *readings(DEE, 0, 1, 2), *readings(ADA, 2))
    | {"accelerometer/landing/a.json": FIRST["accelerometer/landing/a.json"].split("\n", 1)[1] + "{}\n"}
)


@pytest.fixture(scope="module")
def killer(key: None) -> Iterator[Killer]:
    running = Killer()
    yield running
    running.close()


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the lake holds when nothing happens."""
    lake = new_lake(tmp_path_factory.mktemp("clean"))
    for files in (FIRST, SECOND):
        write_landing(lake.landing, files)
        lake.built(as_of=AS_OF)
    held = state(lake)
    assert all(held.values()), "the comparison would be of nothing"
    return held


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> tuple[TestLake, Path]:
    """A lake that was built, with the second delivery before it; and a copy to begin again from."""
    lake = new_lake(tmp_path_factory.mktemp("delivered"))
    write_landing(lake.landing, FIRST)
    lake.built(as_of=AS_OF)
    write_landing(lake.landing, SECOND)
    copy = lake.folder.with_name("copy")
    shutil.copytree(lake.folder, copy)
    return lake, copy


@pytest.fixture
def lake(delivered: tuple[TestLake, Path]) -> TestLake:
    """The lake before the second delivery is ingested."""
    it, copy = delivered
    shutil.rmtree(it.folder)
    shutil.copytree(copy, it.folder)
    return it


def assert_clean(lake: TestLake, clean: dict) -> None:
    assert_nothing_is_lost(lake)
    found = state(lake)
    for name, rows in clean.items():
        assert found[name] == rows, name


def both(*faults: Fault) -> list[Fault]:
    return [replace(fault, after=after) for fault in faults for after in (False, True)]


INGEST = both(
    Fault("write", ACCELEROMETER),
    Fault("write", ACCELEROMETER, 2),  # rows that stay of days that a superseded file had
    Fault("write", "quarantine"),
    Fault("write", "activity"),
    Fault("describe", ACCELEROMETER),
    Fault("describe", "quarantine"),
    Fault("write_ledger", "ledger"),
    Fault("commit", ACCELEROMETER),
    Fault("commit", "quarantine"),
    Fault("commit", "activity"),
    Fault("commit", "ledger"),
)


@pytest.fixture(scope="module")
def clean_phone(clean: dict, delivered: tuple[TestLake, Path]) -> dict:
    """What concerns the readings of the phone."""
    return {ACCELEROMETER: clean[ACCELEROMETER]} | {
        name: {row: number for row, number in clean[name].items() if row[0] == ACCELEROMETER}
        for name in ("quarantine", "activity", "ledger")
    }


@pytest.mark.parametrize("fault", sampled(INGEST, *INGEST[1::3]), ids=str)
def test_killed_at_any_step_of_a_batch(lake, killer, clean_phone, fault):
    assert killer.run(lake, fault, select=ACCELEROMETER, as_of=AS_OF) == [KILLED]
    lake.built(select=ACCELEROMETER, as_of=AS_OF)
    assert_nothing_is_lost(lake)
    found = state(lake)
    for name, rows in clean_phone.items():
        of_phone = dict(found[name])
        if name != ACCELEROMETER:
            of_phone = {row: number for row, number in of_phone.items() if row[0] == ACCELEROMETER}
        assert of_phone == rows, name


@pytest.mark.parametrize(
    "fault",
    sampled(both(Fault("commit", ACCELEROMETER), Fault("commit", "ledger")), Fault("commit", "ledger")),
    ids=str,
)
def test_killed_while_a_table_is_made_for_the_first_time(tmp_path, killer, clean, fault):
    lake = new_lake(tmp_path)
    write_landing(lake.landing, FIRST)
    assert killer.run(lake, fault, as_of=AS_OF) == [KILLED]
    write_landing(lake.landing, SECOND)
    lake.built(as_of=AS_OF)
    assert_clean(lake, clean)


@pytest.mark.parametrize(
    ("table", "number"), sampled([*product(DERIVED, (1, 2))], *zip(DERIVED, (1, 2, 2, 1, 2), strict=True))
)
def test_killed_after_a_table_was_published(lake, killer, clean, table, number):
    fault = Fault("commit", table, number, after=True)
    assert killer.run(lake, fault, as_of=AS_OF) == [KILLED]
    lake.built(as_of=AS_OF)
    assert_clean(lake, clean)


def test_killed_again_and_again_before_every_write_and_every_publish(lake, killer, clean):
    """Each run gets one step further than the one before; of the removals, then of what is computed."""
    removals = [Fault(step, table) for table in reversed(DERIVED) for step in ("write", "commit")]
    landed = [
        Fault(step, table)
        for table in ("customer_landing", "step_trainer_landing")
        for step in ("write", "commit")
    ]
    computed = [Fault(step, table) for table in DERIVED for step in ("write", "commit")]
    for fault in (*removals, *landed, *computed):
        assert killer.run(lake, fault, as_of=AS_OF) == [KILLED], fault
    lake.built(as_of=AS_OF)
    assert_clean(lake, clean)


def test_two_runs_at_once_in_two_processes(lake, killer, clean):
    statuses = killer.run(lake, None, None, as_of=AS_OF)
    assert {*statuses} <= {0, 1}, statuses
    lake.built(as_of=AS_OF)
    assert_clean(lake, clean)


def test_two_first_runs_at_once_in_two_processes(tmp_path, killer, clean):
    lake = new_lake(tmp_path)
    write_landing(lake.landing, FIRST | SECOND)
    statuses = killer.run(lake, None, None, as_of=AS_OF)
    assert {*statuses} <= {0, 1}, statuses
    lake.built(as_of=AS_OF)
    assert_clean(lake, clean)


def test_every_commit_happens_but_is_answered_by_an_error(lake, clean, monkeypatch):
    from pyiceberg.catalog.sql import SqlCatalog

    commit = SqlCatalog.commit_table

    def lossy(*arguments, **options):
        commit(*arguments, **options)
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(SqlCatalog, "commit_table", lossy)
        lake.built(as_of=AS_OF)
    assert_clean(lake, clean)
    assert not any(table.changed for table in lake.built(as_of=AS_OF).tables.values())


@pytest.mark.parametrize("file_bytes", sampled([500, 2_000, 6_000], 2_000))
def test_the_disk_is_full_for_files_of_that_size(lake, killer, clean, file_bytes):
    assert killer.run(lake, None, as_of=AS_OF, file_bytes=file_bytes) == [1]
    lake.built(as_of=AS_OF)
    assert_clean(lake, clean)


@pytest.mark.parametrize("step", [steps.WRITE, steps.WRITE_LEDGER], ids=str)
def test_the_disk_is_full_is_said_in_a_sentence(lake, clean, monkeypatch, step):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device", "somewhere")

    with monkeypatch.context() as patched:
        step.replace(patched, full)
        failures = lake.run(as_of=AS_OF).failures
    assert all("storage or catalog failed (ENOSPC)" in failure for failure in failures), failures
    assert len(failures) == len(LANDING)
    lake.built(as_of=AS_OF)
    assert_clean(lake, clean)


@pytest.mark.parametrize(
    "table", sampled([ACCELEROMETER, "activity", "accelerometer_trusted"], ACCELEROMETER)
)
@pytest.mark.filterwarnings("ignore:.RETRIES_EXCEEDED")
def test_the_engine_is_killed_while_it_writes(lake, clean, tmp_path, monkeypatch, table):
    write = steps.WRITE.function
    [port] = free_ports(1)
    command = [str(SCRIPTS / "sail"), "spark", "server", "--port", str(port)]

    def killing(area, frame):
        if area.spec.name == table:
            threading.Thread(target=engine.kill).start()
        return write(area, frame)

    with Server(command, [port], tmp_path / "sail.log") as engine, monkeypatch.context() as patched:
        # PySpark waits ten minutes for a server to come back.
        patched.setattr(DefaultPolicy, "__init__", partialmethod(DefaultPolicy.__init__, max_retries=1))
        steps.WRITE.replace(patched, killing)
        elsewhere = {**lake.settings, "STEDI_ENGINE": f"sc://127.0.0.1:{port}"}
        failures = replace(lake, settings=elsewhere).run(as_of=AS_OF).failures
    assert failures
    assert all("the engine " in failure for failure in failures), failures
    lake.built(as_of=AS_OF)
    assert_clean(lake, clean)


def test_any_order_and_any_repetition_of_deliveries_ends_the_same(tmp_path, clean):
    files = [
        (path, content)
        for delivery in (FIRST, SECOND)
        for path, content in delivery.items()
        if delivery is SECOND or path not in SECOND
    ]
    found = {}
    for way in ("at once", "one by one", "twice"):
        lake = new_lake(tmp_path / way.replace(" ", "-"))
        order = list(files)
        if way != "at once":
            random.Random(way).shuffle(order)
        if way == "twice":
            order += [(path.replace(".json", " again.json"), content) for path, content in order[::-1]]
        parts = {"at once": [order], "one by one": [[file] for file in order]}.get(
            way, [order[:4], order[4:]]
        )
        for part in parts:
            write_landing(lake.landing, dict(part))
            lake.built(as_of=AS_OF)
        assert_nothing_is_lost(lake)
        found[way] = state(lake)
    for name, rows in clean.items():
        assert {way: found[way][name] for way in found} == dict.fromkeys(found, rows), name
