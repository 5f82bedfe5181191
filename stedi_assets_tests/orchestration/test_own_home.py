"""Each lake has a Dagster home of its own, beside it."""

import dagster as dg
import pytest
from click.testing import CliRunner

from stedi_assets.cli.main import main
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.jobs import MAINTAIN
from stedi_assets.settings import Settings
from stedi_assets_tests.support.lakes import customer, new_lake, write_landing


@pytest.fixture(autouse=True)
def without_home(monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME")


@pytest.fixture
def lakes(tmp_path, key):
    """Two lakes with a customer each."""
    made = [new_lake(tmp_path / name) for name in ("one", "two")]
    for lake in made:
        write_landing(lake.landing, {"customer/landing/1.json": customer("ada@example.com", 500)})
    return made


def stedi(lake, monkeypatch, *command):
    """Runs a command in a process that works with one lake."""
    with monkeypatch.context() as patch:
        patch.setenv("STEDI_LANDING", str(lake.landing))
        patch.setenv("DAGSTER_HOME", "")  # the command sets it
        return CliRunner().invoke(main, [*command, "--lake", str(lake.folder / "lake")])


@pytest.mark.parametrize(
    ("lake", "home"),
    [
        ("/data/lake", "/data/dagster"),
        ("/data/other", "/data/other.dagster"),
        ("s3://bucket/some/lake", ".stedi/s3-bucket-some-lake.dagster"),
    ],
)
def test_a_home_lies_beside_its_lake(tmp_path, monkeypatch, lake, home):
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_settings(
        {"STEDI_LAKE": lake, "STEDI_CATALOG": "glue" if lake.startswith("s3") else ""}, reads_only=True
    )
    assert settings.dagster_home == tmp_path / home
    monkeypatch.setenv("DAGSTER_HOME", "/given")
    assert str(settings.dagster_home) == "/given"


def test_two_lakes_have_two_histories(lakes, monkeypatch):
    for lake in lakes:
        done = stedi(lake, monkeypatch, "run", "--select", "customer_landing")
        assert done.exit_code == 0, done.stderr
        home = str(lake.folder / "dagster")
        monkeypatch.setenv("DAGSTER_HOME", home)
        with dg.DagsterInstance.from_config(home) as instance:
            [run] = instance.get_runs()
            assert (
                instance.get_latest_materialization_event(dg.AssetKey("customer_landing")).run_id
                == run.run_id
            )


def test_a_run_of_another_lake_is_refused_by_name_and_changes_no_history(lakes, monkeypatch):
    one, two = lakes
    assert stedi(one, monkeypatch, "run", "--select", "customer_landing").exit_code == 0
    home = one.folder / "dagster"
    with monkeypatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        refused = CliRunner().invoke(
            main, ["run", "--landing", str(two.landing), "--lake", str(two.folder / "lake")]
        )
        assert refused.exit_code == 2
        assert refused.stderr == (
            f"This Dagster home has the history of the lake file://{one.folder}/lake, not of "
            f"file://{two.folder}/lake: leave DAGSTER_HOME out, or set it to a folder of its own.\n"
        )
        assert not (two.folder / "lake").exists()
        job = build_defs(two.environment, console="CRITICAL").resolve_job_def(MAINTAIN)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            done = job.execute_in_process(instance=instance, raise_on_error=False)
            failures = [str(event.event_specific_data) for event in done.all_events if event.is_step_failure]
            assert all("has the history of the lake" in failure for failure in failures)
            assert failures
            assert {key.path[-1] for key in instance.all_asset_keys()} >= {"customer_landing"}
