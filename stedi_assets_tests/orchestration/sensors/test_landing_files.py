"""What happens by itself when files arrive or stop arriving, or a run fails."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from stedi_assets.cli.in_process import INSTANCE_SETTINGS, prepare_home
from stedi_assets.engines.sail import SailResource
from stedi_assets.errors import SettingError
from stedi_assets.lake import LandingFile, Waiting
from stedi_assets.lake.storage.aws import Aws
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.naming import REFRESH
from stedi_assets.orchestration.resources import build_resources
from stedi_assets.orchestration.run_lock import at_work, is_abandoned
from stedi_assets.orchestration.sensors.landing_files import ABANDONED
from stedi_assets.orchestration.sensors.requests import MOST_REMEMBERED, Memory, decide, judge, pause
from stedi_assets_tests.support.lakes import EPOCH, TestLake, customer, write_landing

NOW = 1_700_000_000.0
LANDING = "customer_landing,accelerometer_landing,step_trainer_landing"
STATUS = dg.DagsterRunStatus


def waiting(*files, deleted=()):
    return {"customer_landing": Waiting(tuple(files), tuple(deleted))}


def file(path, age=60.0, version="1", scheme="file"):
    return LandingFile(path, f"{scheme}:///in/{path}", 10, version, int((NOW - age) * 1000))


class TestDecisions:
    """Ticks without storage and without Dagster."""

    def test_nothing_waits(self):
        assert decide(Memory(), waiting(), NOW).wait == "No landing file waits."

    def test_a_file_that_was_written_a_while_ago_is_requested_at_the_first_look(self):
        decision = decide(Memory(), waiting(file("a.json")), NOW)
        assert (decision.wait, decision.files) == ("", 1)

    def test_a_deleted_file_is_requested(self):
        assert decide(Memory(), waiting(deleted=["a.json"]), NOW).files == 1

    def test_a_consent_that_takes_effect_by_now_is_requested_once(self):
        due = {"customer_trusted": Waiting(due=int(NOW * 1000) - 5)}
        decision = decide(Memory(), due, NOW)
        assert (decision.wait, decision.files) == ("", 0)
        done = judge(decision.memory, {"customer_trusted": Waiting()}, "success")
        assert decide(done, {"customer_trusted": Waiting()}, NOW + 60).wait == "No landing file waits."
        stuck = judge(decision.memory, due, "success")
        assert "failed" in decide(stuck, due, NOW + 30).wait

    def test_a_file_that_grows_waits(self):
        memory = Memory()
        for tick in range(3):
            grown = LandingFile("a.json", "file:///in/a.json", 10 + tick, str(tick), int(NOW * 1000))
            decision = decide(memory, waiting(grown), NOW + 1)
            assert decision.wait == "1 of 1 landing files that wait may still be written to."
            memory = decision.memory
        assert not decide(memory, waiting(grown), NOW + 5).wait

    def test_complete_files_wait_a_minute_for_one_that_grows_and_no_longer(self):
        files = waiting(file("a.json"), file("b.json", age=0))
        decision = decide(Memory(), files, NOW)
        assert decision.wait.startswith("1 of 2 landing files")
        later = waiting(file("a.json"), file("b.json", age=-59, version="2"))
        assert decide(decision.memory, later, NOW + 59).wait.startswith("1 of 2 landing files")
        later = waiting(file("a.json"), file("b.json", age=-60, version="3"))
        assert not decide(decision.memory, later, NOW + 60).wait

    def test_a_time_in_the_future_is_a_clock_that_differs(self):
        """The file waits for the next tick, and if it is the same then, it is complete."""
        decision = decide(Memory(), waiting(file("a.json", age=-3_600)), NOW)
        assert decision.wait
        assert decide(decision.memory, waiting(file("a.json", age=-3_600, version="2")), NOW + 10).wait
        assert not decide(decision.memory, waiting(file("a.json", age=-3_600)), NOW + 10).wait

    def test_objects_in_s3_are_complete_as_soon_as_they_are_seen(self):
        for age in (0, -3_600):
            assert not decide(Memory(), waiting(file("a.json", age, scheme="s3")), NOW).wait

    def test_what_is_remembered_of_ten_thousand_files_is_bounded(self):
        files = [file(f"{number}.json", age=-60) for number in range(10_000)]
        decision = decide(Memory(), waiting(*files), NOW)
        assert len(decision.memory.ahead) == MOST_REMEMBERED
        assert len(decision.memory.dump()) < 6_000

    def test_memory_holds_no_name_of_a_file(self):
        decision = decide(Memory(), waiting(file("zyqqara.json", age=-60), file("zyqqara2.json")), NOW + 90)
        for memory in (decision.memory, decide(decision.memory, waiting(file("zyqqara.json")), NOW).memory):
            assert "zyqqara" not in memory.dump()

    def test_memory_survives_its_cursor_and_begins_anew_where_it_is_not_understood(self):
        memory = decide(Memory(), waiting(file("a.json")), NOW).memory
        assert Memory.load(memory.dump()).run_key == memory.run_key
        for cursor in (None, "", "2024-01-01", "[]", '{"other": 1}'):
            assert Memory.load(cursor) == Memory()


class TestFailedRuns:
    def asked(self, files, now=NOW, memory=None):
        decision = decide(memory or Memory(), files, now)
        assert not decision.wait, decision.wait
        return decision.memory

    def test_files_of_a_failed_run_are_requested_again_after_a_pause(self):
        files = waiting(file("a.json"))
        memory = judge(self.asked(files), files, "failure")
        decision = decide(memory, files, NOW + 59)
        assert decision.wait == (
            "1 landing files wait; the last 1 runs for such files failed, the next one is requested at "
            "22:14:20 UTC."
        )
        self.asked(files, NOW + 60, memory)

    def test_the_pause_doubles_up_to_an_hour(self):
        assert [pause(failures) for failures in (1, 2, 3, 6, 7, 1_000)] == [60, 120, 240, 1_920, 3_600, 3_600]

    def test_new_files_do_not_shorten_the_pause(self):
        """Or a run that always fails would be started at every tick while files keep arriving."""
        files = waiting(file("a.json"))
        memory = judge(self.asked(files), files, "failure")
        assert decide(memory, waiting(file("a.json"), file("b.json")), NOW + 30).wait

    def test_a_run_that_landed_its_files_and_failed_after_that_is_made_up_for(self):
        memory = judge(self.asked(waiting(file("a.json"))), waiting(), "failure")
        assert decide(memory, waiting(), NOW + 59).wait
        memory = self.asked(waiting(), NOW + 60, memory)
        memory = judge(memory, waiting(), "success")
        assert decide(memory, waiting(), NOW + 120).wait == "No landing file waits."

    def test_a_run_that_somebody_stopped_is_made_up_for_only_where_files_wait(self):
        files = waiting(file("a.json"))
        assert judge(self.asked(files), waiting(), "canceled").failures == 0
        assert judge(self.asked(files), files, "canceled").failures == 1

    def test_a_run_that_never_came_or_left_its_files_counts_as_failed(self):
        files = waiting(file("a.json"))
        assert judge(self.asked(files), files, None).failures == 1
        assert judge(self.asked(files), files, "success").failures == 1

    def test_a_success_ends_the_pauses(self):
        files = waiting(file("a.json"))
        memory = judge(self.asked(files), files, "failure")
        memory = judge(self.asked(files, NOW + 60, memory), waiting(), "success")
        self.asked(waiting(file("b.json")), NOW + 61, memory)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    return prepare_home()


class Sensor:
    """A sensor of a lake, one tick after the other, as the daemon evaluates it."""

    def __init__(self, lake, home, name):
        self.repository = build_defs(lake.environment).get_repository_def()
        self.sensor, self.home, self.cursor = self.repository.get_sensor_def(name), home, None
        self.resources = {"lake": build_resources(lake.environment)["lake"]}

    def tick(self):
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            context = dg.build_sensor_context(
                instance, self.cursor, repository_def=self.repository, resources=self.resources
            )
            with context:
                data = self.sensor.evaluate_tick(context)
        self.cursor = data.cursor or self.cursor
        return data


@pytest.fixture
def lake(tmp_path):
    """Landing files of Ada, written a minute ago."""
    files = {"customer/landing/ada.json": customer("ada@x.io", 1_000), "accelerometer/landing/a.json": ""}
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", files))
    for path in lake.landing.rglob("*.json"):
        finish_batch(path)
    return lake


def finish_batch(path, seconds=60):
    before = time.time() - seconds
    os.utime(path, (before, before))


def no_engine(_self):
    raise AssertionError("a sensor needs no engine")


@contextmanager
def run_in(home, lake, status, tags=None):
    """A run of all tables, in some status."""
    definitions = build_defs(lake.environment)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run = instance.create_run_for_job(
            definitions.resolve_job_def(REFRESH), status=status, tags=tags, run_config={}
        )
        yield instance, run


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
        assert sensor.tick().skip_message == "No landing file waits."

        (lake.landing / "customer/landing/ada.json").unlink()
        [again] = sensor.tick().run_requests
        assert again.tags["stedi/landing_files"] == "1"
        assert again.run_key != request.run_key

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
        assert sensor.tick().skip_message == "No landing file waits."

    def test_nothing_is_requested_while_a_run_is_at_work(self, lake, home):
        sensor = Sensor(lake, home, "landing_files")
        for status in (STATUS.STARTING, STATUS.STARTED):
            with run_in(home, lake, status) as (instance, run):
                assert sensor.tick().skip_message == f"Run {run.run_id} is queued or at work."
                instance.report_run_failed(run)
        assert sensor.tick().run_requests

    def test_a_failed_run_is_requested_again_under_another_key(self, lake, home, monkeypatch):
        sensor = Sensor(lake, home, "landing_files")
        [first] = sensor.tick().run_requests
        with run_in(home, lake, STATUS.FAILURE, {"dagster/run_key": first.run_key}):
            pass
        assert "the last 1 runs for such files failed" in sensor.tick().skip_message
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
        assert sensor.tick().skip_message == "1 of 2 landing files that wait may still be written to."
        finish_batch(lake.landing / "customer/landing/ada.json", 4)
        assert sensor.tick().run_requests

    def test_ten_thousand_files_are_looked_at_in_seconds(self, lake, home):
        for number in range(10_000):
            (lake.landing / f"customer/landing/{number}.json").touch()
            finish_batch(lake.landing / f"customer/landing/{number}.json", -3_600)
        sensor = Sensor(lake, home, "landing_files")
        started = time.monotonic()
        assert "10,000 of 10,002" in sensor.tick().skip_message
        assert time.monotonic() - started < 15
        assert len(sensor.cursor) < 6_000

    def test_a_landing_root_that_is_gone_fails_the_tick_in_a_sentence(self, lake, home):
        sensor = Sensor(lake, home, "landing_files")
        lake.landing.rename(lake.landing.with_name("elsewhere"))
        with pytest.raises(SettingError) as failed:
            sensor.tick()
        assert str(failed.value) == f"STEDI_LANDING is {lake.landing}, but there is no such folder."


class TestAbandonedRuns:
    def test_a_run_whose_process_was_killed_is_ended_and_its_files_requested(self, lake, home):
        sensor = Sensor(lake, home, "landing_files")
        with run_in(home, lake, STATUS.STARTED) as (instance, run), worker(home, run) as process:
            assert sensor.tick().skip_message == f"Run {run.run_id} is queued or at work."
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


class TestQuietLanding:
    def evaluations(self, data):
        return {it.asset_key.path[-1]: (it.passed, it.severity) for it in data.asset_events}

    def test_a_table_without_new_rows_turns_amber_and_green_again(self, lake, home, monkeypatch):
        lake.built(select=LANDING, as_of=None)
        sensor = Sensor(lake, home, "quiet_landing")
        monkeypatch.setattr(SailResource, "spark_session", property(no_engine))
        warn = dg.AssetCheckSeverity.WARN
        # Nobody ever sent a reading.
        assert self.evaluations(sensor.tick()) == {"customer_landing": (True, warn)}
        assert sensor.tick().asset_events == []

        now = time.time()
        monkeypatch.setattr("time.time", lambda: now + 23 * 3_600)
        assert self.evaluations(sensor.tick()) == {"customer_landing": (True, warn)}  # hourly
        monkeypatch.setattr("time.time", lambda: now + 25 * 3_600)
        assert self.evaluations(sensor.tick()) == {"customer_landing": (False, warn)}
        monkeypatch.undo()
        assert self.evaluations(sensor.tick()) == {"customer_landing": (True, warn)}

    def test_the_setting_says_when_a_table_is_quiet(self, lake, home, monkeypatch):
        lake.built(select="customer_landing", as_of=None)
        lake.settings = {"STEDI_QUIET_HOURS": "0.5"}
        now = time.time()
        monkeypatch.setattr("time.time", lambda: now + 3_600)
        [found] = Sensor(lake, home, "quiet_landing").tick().asset_events
        assert not found.passed
        assert found.metadata["hours until quiet"].value == 0.5

    def test_the_check_runs_with_the_tables_and_a_run_that_finds_nothing_new_does_not_turn_it_green(
        self, lake, home, monkeypatch
    ):
        lake.built(select="customer_landing", as_of=None)
        assert self.last_check(home).status.value == "SUCCEEDED"
        now = time.time()
        monkeypatch.setattr(
            "stedi_assets.orchestration.sensors.freshness.time.time", lambda: now + 25 * 3_600
        )
        lake.built(select="customer_landing", as_of=None)
        assert self.last_check(home).status.value == "FAILED"

    def last_check(self, home):
        key = dg.AssetCheckKey(dg.AssetKey("customer_landing"), "landing_is_quiet")
        with dg.DagsterInstance.from_config(str(home)) as instance:
            [record] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
            return record


@contextmanager
def webhook(status=200):
    """A server that takes what is posted to it."""
    taken = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/services/s3cr3t", taken
        server.shutdown()


@dg.op
def refused_table():
    raise dg.Failure("accelerometer_trusted: publish refused, the table stays.")


@dg.op
def crashing_table():
    raise RuntimeError("row of Zyqqara, 555-0199-7")


@dg.job(executor_def=dg.in_process_executor)
def failing():
    refused_table()
    crashing_table()


class TestFailures:
    """A run that failed, and the sentence about it."""

    def tell(self, lake, home, monkeypatch, url=""):
        """The lines of the log after a failed run, and what else was written."""
        monkeypatch.setenv("STEDI_WEBHOOK_URL", url)
        lake.settings = {"STEDI_WEBHOOK_URL": url}
        with dg.DagsterInstance.from_config(str(home)) as instance:
            result = failing.execute_in_process(instance=instance, raise_on_error=False)
            definitions = build_defs(lake.environment)
            context = dg.build_run_status_sensor_context(
                sensor_name="failed_runs",
                dagster_event=result.get_run_failure_event(),
                dagster_instance=instance,
                dagster_run=result.dagster_run,
                resources={"webhook": build_resources(lake.environment)["webhook"]},
            ).for_run_failure()
            definitions.get_repository_def().get_sensor_def("failed_runs")(context)
        return result.run_id, (home / "failures.log").read_text().splitlines()

    def sentence(self, run):
        return (
            f"Run {run} (failing) failed. crashing_table: USER_CODE_ERROR, see run {run} in the Dagster UI. "
            "accelerometer_trusted: publish refused, the table stays."
        )

    def test_is_a_line_in_a_log(self, lake, home, monkeypatch):
        run, [line] = self.tell(lake, home, monkeypatch)
        at, _, sentence = line.partition(" ")
        assert time.strptime(at, "%Y-%m-%dT%H:%M:%SZ")
        assert sentence == self.sentence(run)

    def test_is_posted_to_the_webhook(self, lake, home, monkeypatch):
        with webhook() as (url, taken):
            run, _ = self.tell(lake, home, monkeypatch, url)
        assert taken == [("/services/s3cr3t", "application/json", {"text": self.sentence(run)})]

    @pytest.mark.parametrize("kind", ["refuses", "is not there"])
    def test_a_webhook_that_fails_is_a_warning_without_its_url(
        self, lake, home, monkeypatch, caplog, capfd, kind
    ):
        with webhook(500) as (url, _):
            if kind == "refuses":
                _, lines = self.tell(lake, home, monkeypatch, url)
        if kind == "is not there":
            _, lines = self.tell(lake, home, monkeypatch, url)
        assert len(lines) == 1
        why = {"refuses": "500", "is not there": "URLError"}[kind]
        printed = caplog.text + "".join(capfd.readouterr())
        assert (
            f"The webhook did not take a sentence about a failed run ({why}): check STEDI_WEBHOOK_URL."
            in printed
        )
        assert "s3cr3t" not in printed + "".join(lines)

    def test_a_log_that_cannot_be_written_does_not_fail_the_sensor(self, lake, home, monkeypatch):
        (home / "failures.log").mkdir()
        with webhook() as (url, taken), pytest.raises(IsADirectoryError):
            self.tell(lake, home, monkeypatch, url)  # raised by the test, which reads the log
        assert len(taken) == 1


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
