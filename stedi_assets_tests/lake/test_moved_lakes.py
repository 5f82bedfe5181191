"""Lakes that were copied, moved or put back: nothing of another lake is touched."""

import os
import shutil

import pytest
from click.testing import CliRunner

from stedi_assets.cli.main import main
from stedi_assets.locations import normalised
from stedi_assets_tests.support.copies import Kept
from stedi_assets_tests.support.lakes import TestLake, new_lake, one_person, write_landing

COMMANDS = (
    ("run", "--landing", "{landing}"),
    ("run", "--landing", "{landing}", "--full"),
    ("maintain",),
    ("check",),
    ("rekey",),
    ("sql", "SELECT count(*) FROM customer_landing"),
    ("quarantine",),
    ("tables",),
)


@pytest.fixture(scope="module")
def original(tmp_path_factory, key):
    folder = tmp_path_factory.mktemp("lakes") / "original"
    lake = new_lake(folder)
    write_landing(lake.landing, one_person() | {"step_trainer/landing/2.json": "no line"})
    lake.built()
    return lake, Kept.of(folder)


@pytest.fixture
def lake(original):
    lake, kept = original
    yield lake
    shutil.rmtree(lake.folder, ignore_errors=True)
    lake.folder.mkdir(exist_ok=True)
    kept.restore()


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stedi(lake, *command):
    arguments = [part.format(landing=lake.landing) for part in command]
    return CliRunner().invoke(main, [*arguments, "--lake", str(lake.folder / "lake")])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[::3]))
def test_a_copy_is_refused_by_name_and_neither_lake_changes(lake, tmp_path, monkeypatch, command):
    monkeypatch.setenv("STEDI_KEEP_DAYS", "0")
    copy = TestLake(tmp_path / "copy", settings=lake.settings, landing=lake.landing)
    shutil.copytree(lake.folder, copy.folder)
    write_landing(lake.landing, {"customer/landing/2.json": "{}"})
    before = files(lake.folder), files(copy.folder)

    done = stedi(copy, *command)

    assert done.exit_code == 1
    assert f"not below STEDI_LAKE (file://{copy.folder}/lake)" in done.stderr
    assert "Error" not in done.stderr
    assert (files(lake.folder), files(copy.folder)) == before


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[::3]))
def test_a_lake_that_was_moved_is_refused_by_name_and_stays_as_it_is(lake, tmp_path, command):
    moved = TestLake(tmp_path / "moved", settings=lake.settings, landing=lake.landing)
    shutil.copytree(lake.folder, moved.folder)
    shutil.rmtree(lake.folder / "lake")
    before = files(moved.folder)

    done = stedi(moved, *command)

    assert done.exit_code == 1
    assert f"is not where the catalog of STEDI_LAKE (file://{moved.folder}/lake) says" in done.stderr
    assert files(moved.folder) == before


@pytest.mark.slow
def test_a_lake_that_was_moved_works_behind_a_link_at_its_former_place(lake, tmp_path):
    moved = tmp_path / "moved"
    shutil.move(lake.folder / "lake", moved)
    (lake.folder / "lake").symlink_to(moved)
    write_landing(lake.landing, one_person("bo@example.com", "device-2") | {"customer/landing/2.json": "{}"})
    lake.built()
    assert stedi(lake, "maintain").exit_code == 0


def test_a_lake_that_was_put_back_from_a_backup_goes_on(lake, tmp_path):
    shutil.copytree(lake.folder / "lake", tmp_path / "backup")
    write_landing(lake.landing, {"accelerometer/landing/2.json": "{}"})
    lake.built()
    shutil.rmtree(lake.folder / "lake")
    shutil.copytree(tmp_path / "backup", lake.folder / "lake")
    assert lake.built().tables["accelerometer_landing"].changed


@pytest.mark.parametrize(
    ("spelling", "same"),
    [
        ("s3a://bucket//a/b/", "s3://bucket/a/b"),
        ("s3n://bucket/a", "s3://bucket/a"),
        ("file:///x//y/", "file:///x/y"),
        ("file:/x/y", "file:///x/y"),
        ("/x/../x/y", "file:///x/y"),
    ],
)
def test_places_have_one_spelling(spelling, same):
    assert normalised(spelling) == same


def test_a_link_is_the_place_that_it_leads_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert normalised(f"file://{tmp_path}/link/x") == f"file://{os.path.realpath(tmp_path)}/x"
