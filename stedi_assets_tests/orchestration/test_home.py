"""The Dagster home is for its owner alone."""

import stat

import pytest

from stedi_assets.orchestration.home import INSTANCE_SETTINGS, prepare_home
from stedi_assets_tests.support.commands import stedi


def mode(folder):
    return stat.S_IMODE(folder.stat().st_mode)


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "new" / "dagster"
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


def test_a_new_home_is_for_its_owner(home):
    assert prepare_home() == home
    assert mode(home) == 0o700
    assert (home / "dagster.yaml").read_text() == INSTANCE_SETTINGS.read_text()


@pytest.mark.parametrize("wide", [0o755, 0o775, 0o777, 0o710, 0o701, 0o2770])
def test_a_home_of_ours_is_closed_to_others(home, wide):
    prepare_home()
    home.chmod(wide)
    prepare_home()
    assert mode(home) == 0o700


def test_an_empty_folder_that_becomes_a_home_is_closed_too(home):
    home.mkdir(parents=True, mode=0o755)
    prepare_home()
    assert mode(home) == 0o700


def test_a_home_with_settings_of_another_origin_is_left_alone(home):
    home.mkdir(parents=True)
    home.chmod(0o750)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    prepare_home()
    assert mode(home) == 0o750


@pytest.mark.slow
def test_commands_close_it(tmp_path):
    home = tmp_path / "dagster"
    home.mkdir()
    home.chmod(0o755)  # whatever mask the tests before it left behind
    where = ["--lake", str(tmp_path / "lake"), "--landing", str(tmp_path / "none")]
    stedi(tmp_path, "run", *where, check=False)
    assert mode(home) == 0o700
