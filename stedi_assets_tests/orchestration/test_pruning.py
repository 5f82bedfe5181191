"""A Dagster home that lasts: old runs go, and what the pages show stays."""

import time

import dagster as dg
import pytest
from click.testing import CliRunner

from stedi_assets.cli.main import main
from stedi_assets.orchestration.home import prepare_home
from stedi_assets.orchestration.pruning import prune
from stedi_assets_tests.support.lakes import new_lake, one_person, write_landing

DAY = 86_400


@dg.asset
def table():
    return 1


@dg.asset_check(asset=table)
def daily():
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=table)
def once():
    return dg.AssetCheckResult(passed=False)


@pytest.fixture(params=["ours", "stock"])
def instance(request, tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    if request.param == "stock":
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    prepare_home()
    with dg.DagsterInstance.get() as instance:
        yield instance


def materialized(instance, *assets):
    return dg.materialize([*assets], instance=instance).run_id


def runs(instance):
    return {*instance.get_run_ids()}


def state_of(instance):
    keys = [dg.AssetCheckKey(table.key, name) for name in ("daily", "once")]
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    checks = {key.name: (record.run_id, record.status) for key, record in found.items()}
    return instance.get_latest_materialization_event(table.key).run_id, checks


def test_old_runs_go_and_the_latest_of_each_table_and_check_stay(instance):
    only = materialized(instance, table, daily, once)
    old = [materialized(instance, table, daily) for _ in range(12)]
    before = state_of(instance)

    done = prune(instance, 1, time.time() + 2 * DAY)

    assert runs(instance) == {only, old[-1]}
    assert done.runs == 11
    assert done.after < done.before
    assert state_of(instance) == before
    assert len(instance.fetch_materializations(table.key, limit=100).records) == 2
    checked = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(table.key, "daily"), limit=100
    )
    assert {record.run_id for record in checked} == {only, old[-1]}
    assert prune(instance, 1, time.time() + 2 * DAY).runs == 0


def test_young_runs_and_runs_at_work_stay(instance):
    young = materialized(instance, table, daily, once)
    materialized(instance, table, daily, once)
    at_work = instance.create_run_for_job(
        dg.define_asset_job("job").resolve(asset_graph=dg.Definitions([table]).resolve_asset_graph())
    )
    instance.report_run_canceling(at_work)
    assert prune(instance, 1, time.time()).runs == 0
    prune(instance, 1, time.time() + 2 * DAY)
    assert young not in runs(instance)
    assert at_work.run_id in runs(instance)


@pytest.mark.slow
def test_the_command_says_what_it_deleted_and_a_run_changes_nothing_afterwards(tmp_path, monkeypatch, key):
    lake = new_lake(tmp_path)
    write_landing(lake.landing, one_person())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    where = ["--lake", str(tmp_path / "lake")]
    for arguments in (["run", "--full"], ["run", "--full"]):
        assert CliRunner().invoke(main, [*arguments, *where, "--landing", str(lake.landing)]).exit_code == 0
    later = time.time() + 91 * DAY
    monkeypatch.setattr("time.time", lambda: later)
    done = CliRunner().invoke(main, ["prune", *where])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("1 run was deleted; the Dagster home has ")
    again = CliRunner().invoke(main, ["run", *where, "--landing", str(lake.landing)])
    assert "Everything is up to date, so no run was started" in again.stdout
