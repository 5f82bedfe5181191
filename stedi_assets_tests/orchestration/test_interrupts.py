"""Ctrl-C, SIGTERM and Terminate end a run within seconds, and the next run goes on."""

import os
import signal

import dagster as dg
import pytest

from stedi_assets.orchestration.home import prepare_home
from stedi_assets.samples import generate
from stedi_assets_tests.support.commands import STEDI, reached, started
from stedi_assets_tests.support.copies import sampled
from stedi_assets_tests.support.lakes import TestLake, new_lake, one_person, write_landing

pytestmark = pytest.mark.usefixtures("key")

PATIENCE = 60  # seconds; it hung for minutes
SIGNALS = [signal.SIGINT, signal.SIGTERM]
GOES_ON = "each table has its former rows or its new ones; the next run goes on."
POINTS = (
    "accelerometer_landing: staging",
    "customer_landing: planning",
    "step_trainer_landing: publishing",
    "accelerometer_trusted: auditing",
    "machine_learning_curated: staging",
)
JOB = "from dagster.__main__ import main; main()"


def end(process, number):
    """Sends a signal; returns the exit code and what the process still prints, and leaves no process."""
    process.send_signal(number)
    _, printed = process.communicate(timeout=PATIENCE)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    return process.returncode, printed


def prepared_home(lake, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(lake.folder / "dagster"))
    return prepare_home()


def statuses(lake, monkeypatch):
    prepared_home(lake, monkeypatch)
    with dg.DagsterInstance.get() as instance:
        return [record.dagster_run.status.value for record in instance.get_run_records()]


@pytest.mark.parametrize("number", sampled(SIGNALS, signal.SIGTERM, rest="slow"))
def test_a_signal_ends_a_run_with_a_sentence_and_the_next_run_goes_on(tmp_path, monkeypatch, number):
    lake = new_lake(tmp_path)
    write_landing(lake.landing, one_person())
    process = started(lake, "-c", STEDI, "run", "--format", "json")
    reached(process, "accelerometer_trusted: auditing")
    code, printed = end(process, number)
    assert code == 130
    assert printed.strip().splitlines()[-1] == f"Stopped by {number.name}: {GOES_ON}"
    assert statuses(lake, monkeypatch) == ["CANCELED"]
    again = started(
        lake, "-c", STEDI, "run", "--format", "json"
    )  # a process in which no engine is running yet
    _, printed = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, printed
    assert sum(lake.rows("machine_learning_curated").values()) == 1


def test_a_signal_ends_a_command_that_reads(tmp_path):
    lake = new_lake(tmp_path)
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "catalog.db").touch()
    process = started(lake, "-X", "importtime", "-c", STEDI, "sql", "SELECT 1")
    reached(process, "pyarrow")
    code, printed = end(process, signal.SIGINT)
    assert code == 130
    assert "\nStopped by SIGINT.\n" in printed


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_command_that_opens_no_lake(tmp_path, number):
    lake = new_lake(tmp_path)
    size = ("--customers", "3000", "--days", "300", "--seed", "1", "--out", str(tmp_path / "zone"))
    process = started(lake, "-X", "importtime", "-c", STEDI, "generate", *size)
    reached(process, "stedi_assets.samples.walks")
    code, printed = end(process, number)
    assert code == 130
    assert f"\nStopped by {number.name}.\n" in printed


@pytest.fixture(scope="module")
def zone(tmp_path_factory):
    """60 MB of landing files."""
    folder = tmp_path_factory.mktemp("zone")
    generate(folder, customers=150, days=28, seed=1)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("number", sampled(SIGNALS, signal.SIGINT))
def test_sixty_megabytes_at_five_points(tmp_path, monkeypatch, zone, number):
    """The lake that is left after each signal is the one that the next run starts with."""
    lake = TestLake(tmp_path, zone)
    for point in POINTS:
        process = started(lake, "-c", STEDI, "run", "--format", "json")
        reached(process, point)
        code, printed = end(process, number)
        assert code == 130, printed
    assert statuses(lake, monkeypatch) == ["CANCELED"] * len(POINTS)
    lake.built(as_of=None)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "another"))
    again = TestLake(tmp_path / "again", zone)
    again.built(as_of=None)
    for name in ("customer_landing", "accelerometer_trusted", "step_trainer_trusted"):
        assert lake.table(name).scan().count() == again.table(name).scan().count(), name


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS[1:4])
def test_terminate_in_the_ui_cancels_a_run(tmp_path, monkeypatch, zone, point):
    """The run launcher reports that the run is canceling, and sends its process a SIGINT."""
    lake = TestLake(tmp_path, zone)
    prepared_home(lake, monkeypatch)
    process = started(lake, "-c", JOB, "job", "execute", "-m", "stedi_assets.definitions", "-j", "refresh")
    reached(process, point)
    with dg.DagsterInstance.get() as instance:
        [run] = instance.get_runs()
        instance.report_run_canceling(run)
    end(process, signal.SIGINT)
    assert statuses(lake, monkeypatch) == ["CANCELED"]
