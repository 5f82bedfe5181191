"""A Dagster home of its own for a test, and a lake with landing files that wait."""

import pytest

from stedi_assets.orchestration.home import prepare_home
from stedi_assets_tests.support.lakes import TestLake, customer, write_landing
from stedi_assets_tests.support.sensors import finish_batch


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    return prepare_home()


@pytest.fixture
def lake(tmp_path):
    """Landing files of Ada, written a minute ago."""
    files = {"customer/landing/ada.json": customer("ada@x.io", 1_000), "accelerometer/landing/a.json": ""}
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", files))
    for path in lake.landing.rglob("*.json"):
        finish_batch(path)
    return lake
