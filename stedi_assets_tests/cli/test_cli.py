"""The command `stedi`, run as a person or a script runs it."""

import csv
import io
import json
import stat
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import dagster as dg
import pytest

from stedi_assets.assets import TABLES
from stedi_assets.cli.in_process import selected_tables
from stedi_assets.orchestration.build import build_defs
from stedi_assets.settings import Settings
from stedi_assets_tests.support import commands
from stedi_assets_tests.support.town import DERIVED
from stedi_assets_tests.support.zones import awkward_zone

# One lake for all of them, which some tests change: in one worker, in this order.

SETTINGS = {"STEDI_LANDING": str(awkward_zone()), "STEDI_PSEUDONYM_KEY": ""}


@pytest.fixture(scope="module")
def stedi():
    """Runs commands. Those of a folder share a process, as to import what a command needs takes seconds."""
    processes = {}
    with ExitStack() as stack:

        def run(folder, *arguments):
            if folder not in processes:
                processes[folder] = stack.enter_context(commands.commands(folder, **SETTINGS))
            return processes[folder].stedi(*arguments, check=False)

        yield run


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with a lake, and what a first run printed as JSON, in a process of its own."""
    folder = tmp_path_factory.mktemp("cli")
    return folder, commands.stedi(folder, "run", "--format", "json", check=False, **SETTINGS)


@contextmanager
def recorded(folder):
    """The Dagster instance of a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        with dg.DagsterInstance.get() as instance:
            yield instance


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A folder without a lake."""
    return tmp_path_factory.mktemp("elsewhere")


COMMANDS = [
    "check",
    "ddl",
    "dev",
    "erase",
    "export",
    "generate",
    "maintain",
    "person",
    "privacy",
    "prune",
    "quarantine",
    "rekey",
    "run",
    "sql",
    "tables",
]


def test_help_lists_all_commands_and_loads_neither_dagster_nor_an_engine(stedi, elsewhere):
    listed = stedi(elsewhere, "--help").stdout.split("Commands:\n")[1].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS
    assert not [line for line in listed if line.endswith("...")]  # every sentence fits on its line
    code = "import sys, stedi_assets.cli.main; print({name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for library in ("dagster", "pyspark", "pandera", "pandas", "pyiceberg", "boto3", "sqlglot"):
        assert f"'{library}'" not in loaded


def test_run_prints_one_json_object_and_nothing_else(built):
    _, done = built
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report) == {"run", "tables", "checks", "removed", "policy", "engine", "seconds"}
    assert list(report["tables"]) == list(TABLES)
    assert (report["policy"], report["engine"]) == ("strict", "sail")
    for table in report["tables"].values():
        assert set(table) == {*("rows", "snapshot_id", "changed", "what_changed", "seconds", "audit_seconds")}
        assert table["changed"] is True


def test_a_second_run_says_that_nothing_changed(stedi, built):
    folder, first = built
    done = stedi(folder, "run")
    assert done.returncode == 0
    assert done.stdout.count(" nothing ") == len([*TABLES])
    run = json.loads(first.stdout)["run"].partition("-")[0]
    assert f"Everything is up to date, so no run was started; published by {run}." in done.stdout
    with recorded(folder) as instance:
        assert len(instance.get_run_records()) == 1
    assert all(len(line.rstrip()) <= 80 for line in done.stdout.splitlines()), done.stdout


def test_a_failed_check_that_blocks_nothing_is_in_the_last_line_and_strict_makes_it_the_exit_code(
    stedi, built
):
    folder, _ = built
    done, strict = stedi(folder, "run"), stedi(folder, "run", "--strict")
    assert (done.returncode, strict.returncode) == (0, 3)
    assert done.stdout == strict.stdout
    assert " ".join(done.stdout.split()).endswith(
        "A check failed, blocking nothing: customer_landing breaks quarantine_names_people 4 of 6 times. "
        "`stedi check customer_landing --show quarantine_names_people` shows where."
    )


def test_the_key_is_made_once_beside_the_lake_for_the_owner_only_and_the_run_says_so(built):
    folder, first = built
    key = folder / ".stedi" / "lake.pseudonym-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key.read_text())) == 32
    assert f"pseudonym key: made one, kept in {key}" in first.stderr
    assert key.read_text() not in first.stderr


def test_runs_are_recorded_in_the_dagster_instance(built):
    folder, _ = built
    with recorded(folder) as instance:
        assert instance.get_run_records()[-1].dagster_run.job_name == "refresh"
        event = instance.get_latest_materialization_event(dg.AssetKey("customer_trusted"))
        assert event is not None
        assert not instance.telemetry_enabled


def test_selected_tables_only(stedi, built):
    folder, _ = built
    done = stedi(folder, "run", "--format", "json", "--full", "--select", "customer_landing,customer_trusted")
    assert list(json.loads(done.stdout)["tables"]) == ["customer_landing", "customer_trusted"]
    done = stedi(folder, "run", "--format", "json", "--select", "step_trainer_trusted+")
    assert list(json.loads(done.stdout)["tables"]) == ["step_trainer_trusted", "machine_learning_curated"]


@pytest.mark.parametrize(
    ("select", "tables"),
    [
        ("customer_trusted", ["customer_trusted"]),
        ("customer_trusted+", DERIVED),
        ("customer_trusted+1", ["customer_trusted", "accelerometer_trusted", "customer_curated"]),
        ("+customer_trusted", ["customer_landing", "customer_trusted"]),
        ("1+customer_curated", ["customer_trusted", "accelerometer_trusted", "customer_curated"]),
        ("step_trainer_landing, customer_landing", ["customer_landing", "step_trainer_landing"]),
        ('key:"step_trainer_trusted"+', ["step_trainer_trusted", "machine_learning_curated"]),
        ("group:curated", ["customer_curated", "machine_learning_curated"]),
    ],
)
def test_a_selection_means_what_it_means_in_the_ui(select, tables):
    assert selected_tables(build_defs(Settings.from_settings({})), TABLES, select) == tables


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--policy", "lenient"], "STEDI_POLICY is lenient, but must be strict or reference."),
        (["run", "--engine", "duckdb"], "STEDI_ENGINE is duckdb, but must be"),
        (["run", "--select", "customers"], "--select customers selects no table"),
        (["run", "--select", "customer_trusted,customers+"], "--select customers+ selects no table"),
        (["run", "--landing", "nowhere"], "STEDI_LANDING is "),
        (["tables", "--catalog", "mysql://x"], "STEDI_CATALOG is mysql:"),
        (["generate", "--customers", "0", "--days", "1", "--seed", "1", "--out", "x"], "customers"),
    ],
)
def test_a_bad_setting_exits_with_2_and_one_sentence(stedi, elsewhere, arguments, sentence):
    done = stedi(elsewhere, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not done.stdout


def test_sql_answers_in_three_formats_and_any_case(stedi, built):
    folder, _ = built
    query = "SELECT Split, COUNT(*) AS n FROM stedi.Machine_Learning_Curated GROUP BY SPLIT ORDER BY split"
    as_json = json.loads(stedi(folder, "sql", query, "--format", "json").stdout)
    as_csv = list(csv.DictReader(io.StringIO(stedi(folder, "sql", query, "--format", "csv").stdout)))
    as_table = stedi(folder, "sql", query).stdout
    assert {row["Split"] for row in as_json} <= {"train", "validation", "test"}
    assert [row["n"] for row in as_csv] == [str(row["n"]) for row in as_json]
    assert all(f"{row['n']:,}" in as_table for row in as_json)


def test_sql_joins_tables_and_takes_common_table_expressions(stedi, built):
    folder, _ = built
    query = """
        WITH people AS (SELECT email FROM customer_curated)
        SELECT count(DISTINCT a.user) AS n
        FROM stedi.accelerometer_trusted a JOIN people p ON a.user = p.email
    """
    [row] = json.loads(stedi(folder, "sql", query, "--format", "json").stdout)
    assert row["n"] > 0


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("DROP TABLE customer_trusted", "Only queries are allowed here"),
        ("INSERT INTO customer_trusted SELECT * FROM customer_trusted", "Only queries are allowed here"),
        ("CREATE TABLE x AS SELECT 1", "Only queries are allowed here"),
        ("SET a = 1", "Only queries are allowed here"),
        ("SELECT 1; SELECT 2", "One query at a time"),
        ("", "One query at a time"),
        ("SELEC 1", "The SQL cannot be parsed"),
        ("SELECT * FROM parquet.`/etc/passwd`", "There is no table"),
        ("SELECT * FROM text.`/etc/passwd`", "There is no table"),
        ("SELECT * FROM customers", "There is no table customers: the tables are customer_landing,"),
        ("SELECT * FROM other.customer_trusted", "There is no table other.customer_trusted"),
        ("SELECT reflect('java.lang.System', 'exit', 1)", "The function reflect is not allowed here"),
        ("SELECT\n  email FROM customer_trusted WHERE (", "The SQL cannot be parsed at line 2, column "),
        ("SELECT emial FROM customer_trusted", "query: there is no column emial here: did you mean email?"),
        (
            "SELECT c.Serial FROM customer_trusted c",
            "query: there is no column Serial here: did you mean serialnumber?",
        ),
        (
            "SELECT zzz FROM customer_trusted",
            "query: there is no column zzz here: the columns are birthday, ",
        ),
        ("SELECT foo(email) FROM customer_trusted", "query: the engine may not know the function foo"),
    ],
)
def test_sql_refuses_what_is_not_a_query_over_the_tables(stedi, built, query, sentence):
    folder, _ = built
    done = stedi(folder, "sql", query)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert "Traceback" not in done.stderr


def test_tables_lists_what_is_published(stedi, built):
    folder, first = built
    rows = {row["table"]: row for row in json.loads(stedi(folder, "tables", "--format", "json").stdout)}
    assert list(rows) == list(TABLES)
    for name, table in json.loads(first.stdout)["tables"].items():
        assert rows[name]["rows"] == table["rows"]
        assert rows[name]["run"]
        assert rows[name]["bytes"] > 0


@pytest.mark.parametrize(
    "command",
    [
        ("tables",),
        ("sql", "SELECT * FROM customer_trusted"),
        ("quarantine",),
        ("check",),
        ("check", "--show", "phone_format"),
        ("maintain",),
        ("rekey",),
    ],
)
def test_what_reads_a_lake_that_is_not_there_says_so_and_creates_nothing(stedi, tmp_path, elsewhere, command):
    lake, printed = tmp_path / "mistyped", {elsewhere / "stdout", elsewhere / "stderr"}
    before = {*elsewhere.rglob("*")} | printed
    done = stedi(elsewhere, *command, "--lake", str(lake))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"There is no lake at file://{lake}: check STEDI_LAKE or --lake, or build it: `stedi run`.\n"
    )
    assert not lake.exists()
    assert {*elsewhere.rglob("*")} | printed == before


def test_a_rule_that_no_row_breaks_is_said_in_a_sentence(stedi, built):
    folder, _ = built
    done = stedi(folder, "check", "customer_trusted", "--show", "consent_on_file")
    assert done.stdout == "No row of customer_trusted breaks consent_on_file.\n"


def test_quarantine_counts_lines_and_shows_them_on_demand_only(stedi, built):
    folder, _ = built
    counted = stedi(folder, "quarantine", "--format", "json").stdout
    in_seconds = [row for row in json.loads(counted) if row["reason"] == "instant_in_seconds"]
    [held] = [row for row in in_seconds if row["table"] == "customer_landing"]
    assert len(in_seconds) == 3
    assert held == {
        "table": "customer_landing",
        "file": "customer/landing/awkward-faults.json",
        "reason": "instant_in_seconds",
        "in words": "A time is in seconds, not in milliseconds.",
        "lines": 1,
    }
    assert sum(row["lines"] for row in json.loads(counted)) == 43
    assert "@" not in counted
    shown = json.loads(stedi(folder, "quarantine", "--show", "--format", "json").stdout)
    assert len(shown) == 43
    [line] = [row for row in shown if (row["table"], row["reason"]) == (held["table"], held["reason"])]
    assert line["line"] == 4
    assert "Rowan.Parallax@example.com" in line["text"]


@pytest.mark.slow
def test_generate_makes_a_landing_zone_that_runs(stedi, elsewhere):
    done = stedi(elsewhere, "generate", "--customers", "20", "--days", "2", "--seed", "7", "--out", "zone")
    assert done.returncode == 0, done.stderr
    report = json.loads(stedi(elsewhere, "run", "--format", "json", "--landing", "zone").stdout)
    assert report["tables"]["machine_learning_curated"]["rows"] > 0
