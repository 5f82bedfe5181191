"""The assets of the group research: outside of every job, with results that name no one."""

import dagster as dg
import pytest

from stedi_assets.ml import open_readings
from stedi_assets.orchestration.build import build_defs
from stedi_assets_tests.support.lakes import TestLake, new_lake
from stedi_assets_tests.support.paired import PEOPLE, land

CARD = dg.AssetKey("machine_learning_data_card")


def materialized(lake):
    job = build_defs(lake.environment).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(asset_selection=[CARD], raise_on_error=False)


@pytest.fixture(scope="module")
def lake(tmp_path_factory, key):
    lake = new_lake(tmp_path_factory.mktemp("research") / "lake")
    land(lake)
    lake.built()
    return lake


def test_the_card_of_the_present_snapshot_is_on_the_page(lake):
    [event] = materialized(lake).get_asset_materialization_events()
    metadata = event.materialization.metadata
    citation = open_readings(lake.environment.lake).citation
    assert metadata["citation"].value == citation
    assert citation in metadata["card"].value
    assert not [value for pair in PEOPLE.items() for value in pair if value in metadata["card"].value]


def test_without_a_table_the_asset_says_what_to_do(tmp_path):
    result = materialized(TestLake(tmp_path))
    assert not result.success
    assert "build it: `stedi run`" in str(result.all_node_events)


@pytest.mark.parametrize("job", ["refresh", "retry_quarantine", "rekey", "audit"])
def test_no_job_has_it(lake, job):
    definitions = build_defs(lake.environment)
    assert CARD not in definitions.resolve_job_def(job).asset_layer.executable_asset_keys
