"""A lake with paired readings, built once per module and put back for each test."""

import pytest

from stedi_assets_tests.support.copies import Kept
from stedi_assets_tests.support.lakes import new_lake
from stedi_assets_tests.support.paired import land


@pytest.fixture(scope="module")
def built(tmp_path_factory, key):
    lake = new_lake(tmp_path_factory.mktemp("lakes") / "lake")
    land(lake)
    lake.built()
    return lake, Kept.of(lake.folder)


@pytest.fixture
def lake(built):
    lake, kept = built
    yield lake
    kept.restore()
