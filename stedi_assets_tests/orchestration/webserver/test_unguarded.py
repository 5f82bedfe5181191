"""The sentence that `dagster dev` and `dg dev` print; `test_hostile_page` starts the former as it is."""

import multiprocessing
import sys

import pytest

from stedi_assets.orchestration.webserver import unguarded
from stedi_assets.orchestration.webserver.unguarded import SENTENCE, warn_if_unguarded


@pytest.fixture
def code_server(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["dagster", "api", "grpc", "--lazy-load-user-code"])
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")
    monkeypatch.setattr(unguarded, "_replaces_another", lambda: False)


def test_a_code_server_of_dagster_dev_says_what_is_missing(code_server, capsys):
    warn_if_unguarded()
    assert capsys.readouterr().err == f"{SENTENCE}\n"


def test_a_reload_is_silent(code_server, monkeypatch, capsys):
    monkeypatch.setattr(unguarded, "_replaces_another", lambda: True)
    warn_if_unguarded()
    assert capsys.readouterr().err == ""


def test_a_run_is_silent(code_server, monkeypatch, capsys):
    monkeypatch.setattr(multiprocessing, "parent_process", object)
    warn_if_unguarded()
    assert capsys.readouterr().err == ""


def test_stedi_dev_and_other_commands_are_silent(code_server, monkeypatch, capsys):
    monkeypatch.delenv("DAGSTER_IS_DEV_CLI")
    warn_if_unguarded()
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")
    monkeypatch.setattr(sys, "argv", ["stedi", "run"])
    warn_if_unguarded()
    assert capsys.readouterr().err == ""
