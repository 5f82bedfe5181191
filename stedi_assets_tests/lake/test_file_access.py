"""The files of a lake are for their owner, or for the group of their folder."""

import os
import stat

import pytest

from stedi_assets.orchestration.resources import opened_lake
from stedi_assets_tests.support.lakes import new_lake, one_person, write_landing


@pytest.fixture(autouse=True)
def umask():
    """The usual umask, under which anyone may read a new file."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder):
    return {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}


def built(folder, **settings):
    lake = new_lake(folder, STEDI_PSEUDONYM_KEY="", **settings)
    write_landing(lake.landing, one_person())
    lake.built()
    return folder / "lake", folder / "lake.pseudonym-key"


def test_no_one_else_reads_a_lake_or_its_key(tmp_path):
    lake, key = built(tmp_path)
    assert not any(mode & 0o077 for mode in modes(lake))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_group_reads_a_lake_by_setting_and_never_the_key(tmp_path):
    (tmp_path / "lake").mkdir(mode=0o750)
    lake, key = built(tmp_path, STEDI_FILE_ACCESS="group")
    found = modes(lake)
    assert all(mode & 0o040 for mode in found)
    assert not any(mode & 0o027 for mode in found)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_lake_that_others_could_read_is_closed(tmp_path):
    lake = new_lake(tmp_path, STEDI_PSEUDONYM_KEY="")
    (tmp_path / "lake").mkdir(mode=0o755)
    with opened_lake(lake.environment):
        pass
    assert stat.S_IMODE((tmp_path / "lake").stat().st_mode) == 0o700
