"""Tables that got no new rows for a while."""

import time

import dagster as dg

from stedi_assets.engines.sail import SailResource
from stedi_assets_tests.support.sensors import Sensor, no_engine

LANDING = "customer_landing,accelerometer_landing,step_trainer_landing"


class TestQuietLanding:
    def evaluations(self, data):
        return {it.asset_key.path[-1]: (it.passed, it.severity) for it in data.asset_events}

    def test_a_table_without_new_rows_fails_and_passes_again(self, lake, home, monkeypatch):
        lake.built(select=LANDING, as_of=None)
        sensor = Sensor(lake, home, "quiet_landing")
        monkeypatch.setattr(SailResource, "spark_session", property(no_engine))
        warn = dg.AssetCheckSeverity.WARN
        # No reading ever arrived.
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
        lake.built(select="customer_landing", as_of=None, retry=True)
        assert self.last_check(home).status.value == "FAILED"

    def last_check(self, home):
        key = dg.AssetCheckKey(dg.AssetKey("customer_landing"), "rows_arrive")
        with dg.DagsterInstance.from_config(str(home)) as instance:
            [record] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
            return record
