"""Fixtures of all tests: a Dagster home of their own, and a lake built from the sample zone."""

import pytest

from stedi_assets_tests.lakes import TestLake


@pytest.fixture(scope="session", autouse=True)
def dagster_home(tmp_path_factory):
    """Keeps the tests out of the Dagster home and the settings of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("dagster")
        patch.setenv("DAGSTER_HOME", str(home))
        for name in ("LANDING", "LAKE", "CATALOG", "ENGINE", "POLICY", "PSEUDONYM_KEY", "MEMORY_MB"):
            patch.delenv(f"STEDI_{name}", raising=False)
        yield home


@pytest.fixture(scope="session")
def sample_lake(tmp_path_factory, dagster_home):
    """The sample zone, built once; tests must not change it."""
    lake = TestLake(tmp_path_factory.mktemp("sample"))
    lake.built()
    return lake
