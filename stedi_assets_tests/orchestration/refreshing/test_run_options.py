"""A run publishes the present only, from wherever it is started."""

import json
import time

import dagster as dg
import pytest
from click.testing import CliRunner

from stedi_assets.cli.in_process import opened_instance
from stedi_assets.cli.main import main
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.jobs import CONFIRMED
from stedi_assets.orchestration.naming import AUDIT, MAINTAIN, REFRESH, REKEY, RETRY
from stedi_assets.orchestration.resources import build_resources
from stedi_assets_tests.support.lakes import EPOCH, customer, new_lake, write_landing


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    return build_defs(new_lake(tmp_path_factory.mktemp("lake")).environment)


OTHER_TIMES = pytest.mark.parametrize("hours", [-50_000, -1, 1])


def now(hours=0):
    """A time that many hours from now, epoch ms."""
    return int((time.time() + hours * 3_600) * 1000)


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    write_landing(lake.landing, {"customer/landing/1.json": customer("ada@example.com", 500)})
    return lake


def stedi(lake, *arguments):
    where = ["--landing", str(lake.landing), "--lake", str(lake.folder / "lake")]
    return CliRunner().invoke(main, ["run", *where, "--select", "customer_landing", *arguments])


def checks(lake, table, *arguments):
    """The results of the rules of a table, as the command line prints them."""
    where = ["--lake", str(lake.folder / "lake"), "--format", "json"]
    done = CliRunner().invoke(main, ["check", table, *where, *arguments])
    return done.exit_code, {row["rule"]: row["result"] for row in json.loads(done.stdout)}


@OTHER_TIMES
def test_the_command_line_refuses_another_time_and_can_explain_it(lake, hours):
    as_of = now(hours)
    refused = stedi(lake, "--as-of", str(as_of))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"--as-of {as_of} is not now, and a run publishes the present only: add --explain to see what a "
        "run would do at that time.\n"
    )
    assert not (lake.folder / "lake").exists()
    explained = stedi(lake, "--explain", "--as-of", str(as_of))
    assert explained.exit_code == 0
    assert "first build" in explained.stdout


def test_tables_are_checked_at_another_time_and_that_is_recorded_nowhere(lake, key):
    withdrawal = customer("ada@example.com", None, updated=now(hours=1) - EPOCH)
    write_landing(lake.landing, {"customer/landing/2.json": withdrawal})
    lake.built(as_of=None)
    before = [*(lake.folder / "lake").rglob("*")]

    code, later = checks(lake, "customer_trusted", "--as-of", str(now(hours=2)))
    assert code == 1
    assert {rule for rule, result in later.items() if result == "failed"} >= {"consent_on_file"}
    code, today = checks(lake, "customer_trusted")
    assert (code, {*today.values()}) == (0, {"passed"})
    assert [*(lake.folder / "lake").rglob("*")] == before


def test_the_present_is_no_other_time(lake):
    done = stedi(lake, "--as-of", str(now()))
    assert done.exit_code == 0, done.stderr


@OTHER_TIMES
def test_a_launch_refuses_a_time_by_name(lake, hours):
    job = build_defs(lake.environment).resolve_job_def(REFRESH)
    with pytest.raises(dg.DagsterInvalidConfigError, match='unexpected config entry "as_of"'):
        dg.validate_run_config(job, {"as_of": now(hours)})


@pytest.mark.parametrize("field", ["rekey", "retry", "trust_clock", "policy", "resources", "ops", "loggers"])
@pytest.mark.parametrize("job", [REFRESH, RETRY, REKEY, AUDIT, MAINTAIN])
def test_a_launch_offers_full_and_days_only(definitions, job, field):
    config = {"confirm": CONFIRMED} if job == REKEY else {}
    assert dg.validate_run_config(definitions.resolve_job_def(job), config) is not None
    with pytest.raises(dg.DagsterInvalidConfigError, match=f'unexpected config entry "{field}"'):
        dg.validate_run_config(definitions.resolve_job_def(job), config | {field: {}})


@pytest.mark.parametrize("config", [{}, {"confirm": "yes"}])
def test_new_pseudonyms_ask_for_a_confirmation(definitions, config):
    with pytest.raises(dg.DagsterInvalidConfigError, match="confirm"):
        dg.validate_run_config(definitions.resolve_job_def(REKEY), config)


@pytest.mark.parametrize(
    ("resource", "config"),
    [
        ("lake", {"policy": "reference"}),
        ("lake", {"database": "other"}),
        ("lake", {"uri": "file:///tmp/elsewhere"}),
        ("pyspark", {"memory_mb": 64}),
        ("webhook", {"url": "https://example.com"}),
        ("landing_io_manager", {"zone": "curated"}),
    ],
)
@pytest.mark.usefixtures("key")
def test_a_launch_that_changes_a_setting_is_refused_by_name(lake, resource, config):
    """Only *Materialize all* takes the config of resources; the jobs know none."""
    job = build_defs(lake.environment).resolve_implicit_global_asset_job_def()
    if resource == "lake":
        made = build_resources(lake.environment)["lake"]
        names = ("landing", "uri", "catalog_uri", "database", "policy", "keep_days")
        config = {name: getattr(made, name) for name in names} | config
    with opened_instance(lake.environment) as instance:
        done = job.execute_in_process(
            instance=instance,
            run_config={
                "resources": {resource: {"config": config}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            raise_on_error=False,
        )
    assert not done.success
    errors = [str(event.event_specific_data) for event in done.all_events if event.is_failure]
    assert any(f"The launch configures {resource}, but only refresh can be" in error for error in errors)
    assert not (lake.folder / "lake").exists()
