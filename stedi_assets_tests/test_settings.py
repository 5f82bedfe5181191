"""Settings: what is given is understood or refused by name."""

import dataclasses
import os
import subprocess
import sys

import pytest

from stedi_assets.errors import SettingError
from stedi_assets.settings import DEFAULTS, SETTINGS, Settings

IN_S3 = {"STEDI_LAKE": "s3://bucket/lake", "STEDI_CATALOG": "glue", "STEDI_PSEUDONYM_KEY": "k" * 64}

LOOPBACK = {"STEDI_WEBHOOK_HTTP": "loopback"}


def test_the_defaults_are_a_local_lake_below_the_current_folder():
    settings = Settings.from_settings({})
    here = os.getcwd()
    assert settings.landing == f"file://{here}/data"
    assert settings.lake == f"file://{here}/.stedi/lake"
    assert settings.catalog == f"sqlite:///{here}/.stedi/lake/catalog.db"
    assert (settings.engine, settings.policy, settings.database) == ("sail", "strict", "stedi")


def test_an_empty_setting_is_one_that_was_not_given():
    assert Settings.from_settings({"STEDI_POLICY": ""}).policy == "strict"


def test_flags_win_over_the_process_environment(monkeypatch):
    monkeypatch.setenv("STEDI_POLICY", "strict")
    assert Settings.from_process({"STEDI_POLICY": "reference", "STEDI_LAKE": None}).policy == "reference"


def test_a_lake_in_s3_is_named_by_its_uri_and_keeps_no_key():
    settings = Settings.from_settings(IN_S3 | {"STEDI_LANDING": "s3://other/"})
    assert (settings.landing, settings.lake) == ("s3://other", "s3://bucket/lake")
    assert (settings.catalog, settings.key_file) == ("glue", "")


@pytest.mark.parametrize(
    "catalog",
    ["glue", "https://catalog/api", "http://h:8181", "postgresql+psycopg2://u@h/db", "postgresql:///db"],
)
def test_catalogs_of_a_lake_in_s3(catalog):
    assert Settings.from_settings(IN_S3 | {"STEDI_CATALOG": catalog}).catalog == catalog


def test_who_only_reads_needs_no_key():
    settings = IN_S3 | {"STEDI_PSEUDONYM_KEY": ""}
    assert not Settings.from_settings(settings, reads_only=True).key_given


def test_hosts_of_the_ui_are_a_list():
    settings = Settings.from_settings({"STEDI_UI_HOSTS": "Stedi.example.org, localhost:8080,[::2]:80"})
    assert settings.ui_hosts == ("stedi.example.org", "localhost:8080", "[::2]:80")
    assert Settings.from_settings({}).ui_hosts == ()


@pytest.mark.parametrize("engine", ["sail", "local", "local[2]", "local[*]", "spark://host:7077", "sc://h:1"])
def test_engines_that_are_supported(engine):
    assert Settings.from_settings({"STEDI_ENGINE": engine}).engine == engine


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"STEDI_ENGINE": "duckdb"}, "STEDI_ENGINE is duckdb, but must be sail, local[N], spark://"),
        ({"STEDI_ENGINE": "local[2"}, "STEDI_ENGINE is local[2, but must be"),
        ({"STEDI_POLICY": "Strict"}, "STEDI_POLICY is Strict, but must be strict or reference."),
        ({"STEDI_MEMORY_MB": "2g"}, "STEDI_MEMORY_MB is 2g, but must be a whole number of MiB"),
        ({"STEDI_MEMORY_MB": "10"}, "STEDI_MEMORY_MB is 10, but must be"),
        ({"STEDI_KEEP_DAYS": "-1"}, "STEDI_KEEP_DAYS is -1, but must be a whole number of days, from 0"),
        ({"STEDI_KEEP_DAYS": "1.5"}, "STEDI_KEEP_DAYS is 1.5, but must be"),
        ({"STEDI_KEEP_DAYS": "3651"}, "STEDI_KEEP_DAYS is 3651, but must be"),
        (
            {"STEDI_SENSOR_SECONDS": "10s"},
            "STEDI_SENSOR_SECONDS is 10s, but must be a whole number of seconds",
        ),
        ({"STEDI_SENSOR_SECONDS": "-1"}, "STEDI_SENSOR_SECONDS is -1, but must be a whole number of seconds"),
        ({"STEDI_SENSOR_SECONDS": "86401"}, "STEDI_SENSOR_SECONDS is 86401, but must be"),
        (
            {"STEDI_QUIET_HOURS": "a day"},
            "STEDI_QUIET_HOURS is a day, but must be a number of hours above",
        ),
        ({"STEDI_QUIET_HOURS": "0"}, "STEDI_QUIET_HOURS is 0, but must be a number of hours above 0."),
        ({"STEDI_QUIET_HOURS": "inf"}, "STEDI_QUIET_HOURS is inf, but must be"),
        ({"STEDI_WEBHOOK_URL": "hooks.example/hunter2"}, "STEDI_WEBHOOK_URL is no URL: it must begin with"),
        ({"STEDI_WEBHOOK_URL": "https://u:hunter2@h/x"}, "STEDI_WEBHOOK_URL is no URL: it must begin with"),
        ({"STEDI_WEBHOOK_URL": "http://h/hunter2"}, "STEDI_WEBHOOK_URL begins with http://, which anyone on"),
        ({"STEDI_WEBHOOK_URL": "http://127.0.0.1/hunter2"}, "STEDI_WEBHOOK_URL begins with http://, which"),
        (
            LOOPBACK | {"STEDI_WEBHOOK_URL": "http://h/hunter2"},
            "STEDI_WEBHOOK_URL begins with http://, which",
        ),
        (
            LOOPBACK | {"STEDI_WEBHOOK_URL": "http://localhost.h/hunter2"},
            "STEDI_WEBHOOK_URL begins with http",
        ),
        (
            {"STEDI_WEBHOOK_HTTP": "yes"},
            "STEDI_WEBHOOK_HTTP is yes, but must be refused, loopback or allowed.",
        ),
        ({"STEDI_UI_HOSTS": "*"}, "STEDI_UI_HOSTS names *, but must be hosts as an address bar shows them"),
        ({"STEDI_UI_HOSTS": "a.example,,b"}, "STEDI_UI_HOSTS names an empty host, but must be hosts"),
        ({"STEDI_UI_HOSTS": "http://a.example"}, "STEDI_UI_HOSTS names http://a.example, but must be"),
        ({"STEDI_UI_HOSTS": "a.example/x"}, "STEDI_UI_HOSTS names a.example/x, but must be hosts"),
        ({"STEDI_LAEK": "x"}, "STEDI_LAEK is not a setting: did you mean STEDI_LAKE?"),
        ({"STEDI_XYZZY": "x"}, "STEDI_XYZZY is not a setting: the settings are STEDI_LANDING,"),
        ({"STEDI_LAKE": "gs://bucket/lake"}, "STEDI_LAKE is gs://bucket/lake, but only folders"),
        ({"STEDI_LAKE": "s3a://bucket/lake"}, "STEDI_LAKE is s3a://bucket/lake: write s3:// instead"),
        (
            {"STEDI_LAKE": "s3://Bucket/lake"},
            "STEDI_LAKE is s3://Bucket/lake, but must be s3://bucket/prefix",
        ),
        ({"STEDI_LANDING": "s3://b/in"}, "STEDI_LANDING is s3://b/in, but must be s3://bucket/prefix"),
        ({"STEDI_LANDING": "s3://bucket/a b"}, "STEDI_LANDING is s3://bucket/a b, but must be"),
        ({"STEDI_LANDING": "s3://bucket/../b"}, "STEDI_LANDING is s3://bucket/../b, but must be"),
        (
            IN_S3 | {"STEDI_LANDING": "s3://bucket/lake/in"},
            "STEDI_LAKE and STEDI_LANDING lie one in the other",
        ),
        (IN_S3 | {"STEDI_CATALOG": ""}, "STEDI_CATALOG is not given, but STEDI_LAKE is in S3: give glue,"),
        ({"STEDI_CATALOG": "glue"}, "STEDI_CATALOG is glue, but STEDI_LAKE is a folder of this machine"),
        ({"STEDI_CATALOG": "https://h/x"}, "STEDI_CATALOG is https:…, but STEDI_LAKE is a folder"),
        (
            IN_S3 | {"STEDI_CATALOG": "https://u:hunter2@h/x"},
            "STEDI_CATALOG must be a plain URL: give a cred",
        ),
        (IN_S3 | {"STEDI_CATALOG": "https://h/x?token=hunter2"}, "STEDI_CATALOG must be a plain URL"),
        (IN_S3 | {"STEDI_CATALOG": "https://"}, "STEDI_CATALOG has no host"),
        ({"STEDI_CATALOG": "hive://u:hunter2@h"}, "STEDI_CATALOG is hive:…, but must be glue, the URL"),
        ({"STEDI_CATALOG": "sqlite:///"}, "STEDI_CATALOG is sqlite:…, but must be"),
        (
            {"STEDI_CATALOG": "postgresql+asyncpg://h/db"},
            "STEDI_CATALOG is postgresql+asyncpg:…, but must be",
        ),
        (
            {"STEDI_CATALOG": "postgresql://u:hunter2@h/db"},
            "STEDI_CATALOG holds a password: leave it out, and",
        ),
        ({"STEDI_CATALOG": "postgresql://h/db?password=hunter2"}, "STEDI_CATALOG holds a password"),
        ({"STEDI_CATALOG": "postgresql://h"}, "STEDI_CATALOG names no database"),
        (IN_S3 | {"STEDI_PSEUDONYM_KEY": ""}, "STEDI_PSEUDONYM_KEY is not given, but STEDI_LAKE is in S3"),
        (
            {"STEDI_PSEUDONYM_KEY": "arn:aws:s3:::secret"},
            "STEDI_PSEUDONYM_KEY is an ARN, but must be that of",
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
        Settings.from_settings(settings)
    assert str(refused.value).startswith(sentence)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("http", "url"),
    [
        ("refused", "https://h/x"),
        ("loopback", "http://localhost:8080/x"),
        ("loopback", "http://127.0.0.1"),
        ("loopback", "http://[::1]:8080/?x"),
        ("allowed", "http://h:80/x"),
    ],
)
def test_a_webhook_without_encryption_needs_a_setting(http, url):
    settings = Settings.from_settings({"STEDI_WEBHOOK_HTTP": http, "STEDI_WEBHOOK_URL": url})
    assert settings.webhook_given


def test_the_webhook_is_no_part_of_what_settings_show():
    settings = Settings.from_settings({"STEDI_WEBHOOK_URL": "https://hooks.example/hunter2"})
    assert "hunter2" not in repr(settings)
    assert settings.webhook_given


def test_the_key_is_no_part_of_what_settings_show():
    settings = Settings.from_settings({"STEDI_PSEUDONYM_KEY": "k" * 64})
    assert "k" * 8 not in repr(settings)
    assert settings.key_given


def test_settings_load_neither_dagster_nor_an_engine():
    code = "import sys, stedi_assets.settings; print({name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for library in (
        "dagster",
        "dagster_pyspark",
        "pyspark",
        "pysail",
        "pandera",
        "pandas",
        "pyiceberg",
        "boto3",
    ):
        assert f"'{library}'" not in loaded


def test_the_table_names_every_setting_once_and_a_field_of_settings_for_each():
    assert list(DEFAULTS) == [
        "STEDI_LANDING", "STEDI_LAKE", "STEDI_CATALOG", "STEDI_ENGINE", "STEDI_POLICY", "STEDI_PSEUDONYM_KEY",
        "STEDI_ERASURE", "STEDI_ERASURE_KEY",
        "STEDI_MEMORY_MB", "STEDI_BATCH_FILES", "STEDI_BATCH_MB", "STEDI_RECORD_BYTES", "STEDI_KEEP_DAYS",
        "STEDI_KEEP_RUNS", "STEDI_FILE_ACCESS",
        "STEDI_SENSOR_SECONDS", "STEDI_QUIET_HOURS", "STEDI_REMOVAL_SHARE", "STEDI_WEBHOOK_URL",
        "STEDI_WEBHOOK_HTTP", "STEDI_UI_HOSTS",
    ]  # fmt: skip
    assert [setting.flag for setting in SETTINGS if setting.flag] == [
        "--landing", "--lake", "--catalog", "--engine", "--policy"
    ]  # fmt: skip
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert {setting.field for setting in SETTINGS} == fields - {"key_file", "erasure_key_file", "region"}
    assert len({setting.field for setting in SETTINGS}) == len(SETTINGS)
