"""Settings: what is given is understood or refused by name."""

import os

import pytest

from stedi_assets.environment import Environment
from stedi_assets.errors import SettingError


def test_the_defaults_are_a_local_lake_below_the_current_folder():
    environment = Environment.from_settings({})
    here = os.getcwd()
    assert environment.landing == f"file://{here}/data"
    assert environment.lake == f"file://{here}/.stedi/lake"
    assert environment.catalog == f"sqlite:///{here}/.stedi/lake/catalog.db"
    assert (environment.engine, environment.policy, environment.database) == ("sail", "strict", "stedi")


def test_an_empty_setting_is_one_that_was_not_given():
    assert Environment.from_settings({"STEDI_POLICY": ""}).policy == "strict"


def test_flags_win_over_the_process_environment(monkeypatch):
    monkeypatch.setenv("STEDI_POLICY", "strict")
    assert Environment.from_process({"STEDI_POLICY": "reference", "STEDI_LAKE": None}).policy == "reference"


@pytest.mark.parametrize("engine", ["sail", "local", "local[2]", "local[*]", "spark://host:7077", "sc://h:1"])
def test_engines_that_are_supported(engine):
    assert Environment.from_settings({"STEDI_ENGINE": engine}).engine == engine


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"STEDI_ENGINE": "duckdb"}, "STEDI_ENGINE is duckdb, but must be sail, local[N], spark://"),
        ({"STEDI_ENGINE": "local[2"}, "STEDI_ENGINE is local[2, but must be"),
        ({"STEDI_POLICY": "Strict"}, "STEDI_POLICY is Strict, but must be strict or reference."),
        ({"STEDI_MEMORY_MB": "2g"}, "STEDI_MEMORY_MB is 2g, but must be a whole number of MiB"),
        ({"STEDI_MEMORY_MB": "10"}, "STEDI_MEMORY_MB is 10, but must be"),
        ({"STEDI_LAEK": "x"}, "STEDI_LAEK is not a setting: did you mean STEDI_LAKE?"),
        ({"STEDI_XYZZY": "x"}, "STEDI_XYZZY is not a setting: the settings are STEDI_LANDING,"),
        ({"STEDI_LAKE": "gs://bucket/lake"}, "STEDI_LAKE is gs://bucket/lake, but only folders"),
        (
            {"STEDI_CATALOG": "postgresql://u:secret@h/db"},
            "STEDI_CATALOG is postgresql:…, but must",
        ),
        ({"STEDI_LAKE": "data/lake"}, "STEDI_LAKE and STEDI_LANDING lie one in the other"),
        ({"STEDI_LANDING": ".stedi/lake/in"}, "STEDI_LAKE and STEDI_LANDING lie one in the other"),
        ({"STEDI_LANDING": "x", "STEDI_LAKE": "x"}, "STEDI_LAKE and STEDI_LANDING lie one in the other"),
        (
            {"STEDI_ENGINE": "local[2]", "STEDI_MEMORY_MB": "1024"},
            "STEDI_MEMORY_MB bounds the embedded engine, but STEDI_ENGINE is local[2]",
        ),
    ],
)
def test_a_bad_setting_is_refused_by_name(settings, sentence):
    with pytest.raises(SettingError) as refused:
        Environment.from_settings(settings)
    assert str(refused.value).startswith(sentence)
    assert "secret" not in str(refused.value)


def test_the_key_is_no_part_of_what_the_environment_shows():
    environment = Environment.from_settings({"STEDI_PSEUDONYM_KEY": "k" * 64})
    assert "k" * 8 not in repr(environment)
    assert environment.key_given
