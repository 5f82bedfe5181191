"""Locked files and errors that nothing expects end in one sentence, and no text of theirs is kept."""

import sqlite3
import stat
from contextlib import closing, contextmanager

import pytest
from click.testing import CliRunner

from stedi_assets.cli import in_process
from stedi_assets.cli.main import main
from stedi_assets.lake.unexpected import LOG
from stedi_assets.orchestration import event_log
from stedi_assets.orchestration.home import prepare_home
from stedi_assets_tests.support.lakes import new_lake, one_person, write_landing

CANARY = "zyqqara@example.com"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    return prepare_home()


@pytest.fixture
def lake(tmp_path, key):
    lake = new_lake(tmp_path)
    write_landing(lake.landing, one_person())
    return lake


def stedi(lake, *command):
    where = ["--landing", str(lake.landing)] if command[0] == "run" else []
    return CliRunner().invoke(main, [*command, *where, "--lake", str(lake.folder / "lake")])


@contextmanager
def locked(path):
    """Another process holds a SQLite file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def one_sentence(done):
    assert done.exit_code in (1, 2)
    [sentence] = {line for line in done.stderr.splitlines() if not line.startswith("engine: ")}
    assert "Traceback" not in sentence
    assert "SELECT" not in sentence
    return sentence


@pytest.mark.slow
def test_a_locked_catalog_is_one_sentence(lake, home):
    lake.built(select="customer_landing")
    with locked(lake.folder / "lake" / "catalog.db"):
        assert "catalog.db cannot be used" in one_sentence(stedi(lake, "run"))
        assert "catalog" in one_sentence(stedi(lake, "tables"))


@pytest.mark.parametrize("name", ["runs.db", "event_log.db"])
def test_a_locked_dagster_home_is_one_sentence(lake, home, monkeypatch, name):
    monkeypatch.setattr(event_log, "BUSY_SECONDS", 1)
    lake.built(select="customer_landing")
    with locked(home / "history" / name):
        sentence = one_sentence(stedi(lake, "run"))
    assert sentence.endswith("is locked by another process: let it end, and run again.")


def test_an_error_that_nothing_expects_is_noted_without_its_text(lake, home, monkeypatch):
    def failing(*_arguments, **_options):
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise RuntimeError(f"no row of {CANARY}") from error

    monkeypatch.setattr(in_process, "refresh", failing)
    sentence = one_sentence(stedi(lake, "run"))
    log = home / LOG
    assert sentence == f"RuntimeError, which nothing expects: see {log}, and report it."
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    noted = log.read_text()
    assert "builtins.RuntimeError" in noted
    assert "builtins.KeyError" in noted
    assert "test_unexpected.py" in noted
    assert CANARY not in noted
