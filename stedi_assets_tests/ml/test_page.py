"""docs/machine-learning.md, followed literally on the sample zone."""

import re

import pytest

from stedi_assets_tests.support.lakes import REPOSITORY, TestLake
from stedi_assets_tests.support.zones import DATA

PAGE = REPOSITORY / "docs" / "machine-learning.md"


@pytest.fixture
def folder(tmp_path, key, monkeypatch):
    """A folder with the lake of the sample zone, as `make run` leaves it."""
    lake = TestLake(tmp_path / ".stedi", DATA)
    lake.built()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_its_code_runs_as_it_stands(folder):
    scope = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(block, scope)
    assert len(scope["frame"]) > 1_000
    assert set(scope["frame"]["split"]) == {"train"}
    windows = scope["windows"]
    assert len(windows) == len(windows.subjects) > 0
    assert windows.values.shape[2] == 4
    assert scope["again"].to_arrow().num_rows == len(scope["frame"])
