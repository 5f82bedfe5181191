"""The event log of a Dagster home: one file, kept connections, several processes."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest

from stedi_assets.orchestration.event_log import PooledEventLogStorage
from stedi_assets.orchestration.home import INSTANCE_SETTINGS, prepare_home

WRITERS, EVENTS = 4, 25
WRITER = f"""
import sys, dagster as dg
with dg.DagsterInstance.get() as instance:
    for number in range({EVENTS}):
        instance.report_runless_asset_event(dg.AssetMaterialization(sys.argv[1]))
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return prepare_home()


def materializations(instance, name):
    return len(instance.fetch_materializations(dg.AssetKey(name), limit=1_000).records)


def test_a_new_home_has_one_file_for_all_events(home):
    @dg.asset_check(asset="table")
    def check():
        return dg.AssetCheckResult(passed=True)

    @dg.asset
    def table():
        return 1

    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, PooledEventLogStorage)
        runs = [dg.materialize([table, check], instance=instance) for _ in range(2)]
        assert all(run.success for run in runs)
        assert materializations(instance, "table") == 2
        logs = [{it.run_id for it in instance.all_logs(run.run_id)} for run in runs]
        assert logs == [{run.run_id} for run in runs]
    assert sorted(path.name for path in (home / "history").iterdir() if path.suffix == ".db") == [
        "event_log.db",
        "runs.db",
    ]


def test_threads_and_processes_write_at_the_same_time(home):
    with dg.DagsterInstance.from_config(str(home)) as instance:
        processes = [subprocess.Popen([sys.executable, "-c", WRITER, "processes"]) for _ in range(2)]
        with ThreadPoolExecutor(WRITERS) as pool:
            event = dg.AssetMaterialization("threads")
            list(pool.map(instance.report_runless_asset_event, [event] * WRITERS * EVENTS))
        assert [process.wait() for process in processes] == [0, 0]
        assert materializations(instance, "threads") == WRITERS * EVENTS
        assert materializations(instance, "processes") == 2 * EVENTS


def test_a_home_with_stock_settings_stays_as_it_is(home):
    settings = home / INSTANCE_SETTINGS.name
    settings.write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(prepare_home())) as instance:
        assert not isinstance(instance.event_log_storage, PooledEventLogStorage)


def test_the_module_loads_nothing_but_dagster():
    code = "import dagster, sys; import stedi_assets.orchestration.event_log; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"pyspark", "pyiceberg", "pandera", "pandas", "boto3"} & {*loaded.split()}
