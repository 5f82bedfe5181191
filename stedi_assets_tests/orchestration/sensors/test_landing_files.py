"""Landing files that wait are requested once, whatever the outcome of the run before."""

import gc
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from stedi_assets.assets import DECLARED, TABLES
from stedi_assets.engines.sail import SailResource
from stedi_assets.errors import SettingError
from stedi_assets.lake.storage import Aws
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.home import INSTANCE_SETTINGS
from stedi_assets.orchestration.run_lock import at_work, is_abandoned
from stedi_assets.orchestration.sensors.landing_files import ABANDONED
from stedi_assets_tests.support.lakes import EPOCH, TestLake, customer, write_landing
from stedi_assets_tests.support.sensors import Sensor, finish_batch, no_engine, run_in


@contextmanager
def collected_late():
    """What is no longer needed is not given back by chance."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def opened(name):
    """How often this process has a file open."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(os.path.realpath(link).endswith(name) for link in links)


LANDING = "customer_landing,accelerometer_landing,step_trainer_landing"
STATUS = dg.DagsterRunStatus


class TestLandingFiles:
    def test_what_waits_is_requested_once_until_it_is_in_the_ledger(self, lake, home, monkeypatch):
        sensor = Sensor(lake, home, "landing_files")
        with monkeypatch.context() as patch:
            patch.setattr(SailResource, "spark_session", property(no_engine))
            [request] = sensor.tick().run_requests
        assert {key.path[-1] for key in request.asset_selection} > {"customer_landing", "customer_trusted"}
        assert request.tags["stedi/landing_files"] == "2"
        assert "ada" not in f"{request} {sensor.cursor}"

        lake.built(select=LANDING)
        with run_in(home, lake, STATUS.SUCCESS, {"dagster/run_key": request.run_key}):
            pass
        assert sensor.tick().skip_message == "No landing files are waiting."

        (lake.landing / "customer/landing/ada.json").unlink()
        [again] = sensor.tick().run_requests
        assert again.tags["stedi/landing_files"] == "1"
        assert again.run_key != request.run_key

    @pytest.mark.slow
    def test_a_consent_that_has_come_into_effect_is_requested(self, lake, home):
        write_landing(lake.landing, {"customer/landing/bo.json": customer("bo@x.io", 5_000)})
        tables = f"{LANDING},customer_trusted"
        lake.built(select=tables, as_of=EPOCH + 4_000)
        sensor = Sensor(lake, home, "landing_files")
        [request] = sensor.tick().run_requests
        assert request.tags["stedi/landing_files"] == "0"
        lake.built(select=tables)
        with run_in(home, lake, STATUS.SUCCESS, {"dagster/run_key": request.run_key}):
            pass
        assert sensor.tick().skip_message == "No landing files are waiting."

    @pytest.mark.parametrize("table", ["customer_landing", "customer_trusted"])
    def test_tables_of_another_code_version_are_requested(self, lake, home, monkeypatch, table):
        lake.built()
        assert Sensor(lake, home, "landing_files").tick().skip_message == "No landing files are waiting."
        newer = replace(TABLES[table], code_version="another")
        monkeypatch.setitem(TABLES.specs, table, newer)
        monkeypatch.setitem(DECLARED.by_name, table, replace(DECLARED[table], spec=newer))
        sensor = Sensor(lake, home, "landing_files")
        [request] = sensor.tick().run_requests
        assert request.tags["stedi/landing_files"] == "0"
        lake.built()
        with run_in(home, lake, STATUS.SUCCESS, {"dagster/run_key": request.run_key}):
            pass
        assert sensor.tick().skip_message == "No landing files are waiting."

    def test_a_tick_keeps_no_connection_to_the_catalog(self, lake, home):
        lake.built()
        sensor = Sensor(lake, home, "landing_files")
        sensor.tick()
        with collected_late():
            before = opened("catalog.db")
            for _ in range(3):
                sensor.tick()
            assert opened("catalog.db") == before

    def test_nothing_is_requested_while_a_run_is_at_work(self, lake, home):
        sensor = Sensor(lake, home, "landing_files")
        for status in (STATUS.STARTING, STATUS.STARTED):
            with run_in(home, lake, status) as (instance, run):
                assert sensor.tick().skip_message == f"Run {run.run_id} is queued or in progress."
                instance.report_run_failed(run)
        assert sensor.tick().run_requests

    def test_a_failed_run_is_requested_again_under_another_key(self, lake, home, monkeypatch):
        sensor = Sensor(lake, home, "landing_files")
        [first] = sensor.tick().run_requests
        with run_in(home, lake, STATUS.FAILURE, {"dagster/run_key": first.run_key}):
            pass
        assert "the last 1 requested runs failed" in sensor.tick().skip_message
        hour_later = time.time() + 3_600
        monkeypatch.setattr("time.time", lambda: hour_later)
        [second] = sensor.tick().run_requests
        assert second.run_key == first.run_key.removesuffix("-1") + "-2"

    def test_the_same_files_are_requested_again_after_the_lake_was_removed(self, lake, home):
        [first] = Sensor(lake, home, "landing_files").tick().run_requests
        with run_in(home, lake, STATUS.SUCCESS, {"dagster/run_key": first.run_key}):
            pass
        [second] = Sensor(lake, home, "landing_files").tick().run_requests
        assert second.run_key == first.run_key.removesuffix("-1") + "-2"

    def test_a_file_that_is_being_written_waits(self, lake, home):
        with (lake.landing / "customer/landing/ada.json").open("a") as growing:
            growing.write("{")
        sensor = Sensor(lake, home, "landing_files")
        assert sensor.tick().skip_message == "1 of 2 waiting landing files may still be written to."
        finish_batch(lake.landing / "customer/landing/ada.json", 4)
        assert sensor.tick().run_requests

    def test_ten_thousand_files_are_requested_in_one_run_and_remembered_by_a_digest(self, lake, home):
        for number in range(10_000):
            path = lake.landing / f"customer/landing/{number}.json"
            path.touch()
            finish_batch(path, -3_600)
        sensor = Sensor(lake, home, "landing_files")
        [request] = sensor.tick().run_requests
        assert request.tags["stedi/landing_files"] == "10002"
        assert len(sensor.cursor) < 500

    def test_a_landing_root_that_is_gone_fails_the_tick_in_a_sentence(self, lake, home):
        sensor = Sensor(lake, home, "landing_files")
        lake.landing.rename(lake.landing.with_name("elsewhere"))
        with pytest.raises(SettingError) as failed:
            sensor.tick()
        assert str(failed.value) == (
            f"STEDI_LANDING is {lake.landing}, but there is no such folder: create it, or correct the path."
        )


class TestAbandonedRuns:
    def test_a_run_whose_process_was_killed_is_ended_and_its_files_requested(self, lake, home):
        sensor = Sensor(lake, home, "landing_files")
        with run_in(home, lake, STATUS.STARTED) as (instance, run), worker(home, run) as process:
            assert sensor.tick().skip_message == f"Run {run.run_id} is queued or in progress."
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert sensor.tick().run_requests
            assert instance.get_run_by_id(run.run_id).status == STATUS.FAILURE
            assert ABANDONED in [it.dagster_event.message for it in instance.all_logs(run.run_id)]

    def test_a_run_that_ends_or_is_elsewhere_is_not_abandoned(self, home):
        with dg.DagsterInstance.from_config(str(home)) as instance:
            assert not is_abandoned(instance, "elsewhere")
            with at_work(instance, "here"):
                assert not is_abandoned(instance, "here")
            assert not is_abandoned(instance, "here")

    def test_a_run_says_that_it_is_at_work_until_it_ends(self, lake, home):
        seen = []
        folder = home / "storage" / "at_work"
        lake.built(select="customer_landing", on_progress=lambda _: seen.append(len([*folder.iterdir()])))
        assert set(seen) == {1}
        assert [*folder.iterdir()] == []


WORKER = """
import sys, time
import dagster as dg
from stedi_assets.orchestration.run_lock import at_work
with dg.DagsterInstance.from_config(sys.argv[1]) as instance, at_work(instance, sys.argv[2]):
    print("at work", flush=True)
    time.sleep(600)
"""


@contextmanager
def worker(home, run):
    """A process that works on a run."""
    command = [sys.executable, "-c", WORKER, str(home), run.run_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "at work\n"
            yield process
        finally:
            process.kill()


def test_runs_that_write_tables_wait_for_each_other(lake, home):
    """All runs, also those of the UI, use the pool of which the instance gives one at a time."""
    assert INSTANCE_SETTINGS.read_text() == (home / "dagster.yaml").read_text()
    with run_in(home, lake, STATUS.STARTED) as (instance, run):
        settings = instance.get_concurrency_config().pool_config
        assert (settings.pool_granularity.value, settings.default_pool_limit) == ("run", 1)
        assert instance.run_coordinator.dequeue_interval_seconds == 1
        assert run.run_op_concurrency.all_pools == {"stedi"}


@pytest.mark.slow
def test_landing_files_in_s3_are_listed_page_by_page(s3, tmp_path, home, monkeypatch):
    monkeypatch.setenv("STEDI_PSEUDONYM_KEY", "k" * 40)
    client, folder = Aws("us-east-1").s3, tmp_path.name
    for number in range(1_001):
        client.put_object(Bucket="landing", Key=f"{folder}/customer/landing/{number}.json", Body=b"")
    lake = TestLake(
        tmp_path,
        settings={
            "STEDI_LANDING": f"s3://landing/{folder}", "STEDI_LAKE": f"s3://lake/{folder}",
            "STEDI_CATALOG": f"sqlite:///{tmp_path}/catalog.db", "STEDI_PSEUDONYM_KEY": "k" * 40,
        },
    )  # fmt: skip
    [request] = Sensor(lake, home, "landing_files").tick().run_requests
    assert request.tags["stedi/landing_files"] == "1001"


def test_sensors_are_on_unless_the_setting_leaves_them_off():
    def on(seconds):
        lake = TestLake(Path("/nowhere"), settings={"STEDI_SENSOR_SECONDS": seconds})
        sensors = build_defs(lake.environment).get_repository_def().sensor_defs
        return {sensor.name for sensor in sensors if sensor.default_status.value == "RUNNING"}

    assert on("10") == {"landing_files", "derived_tables", "quiet_landing", "failed_runs"}
    assert on("0") == set()
