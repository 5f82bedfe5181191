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
from stedi_assets_tests.support import commands
from stedi_assets_tests.support.lakes import SAMPLE

# One lake for all of them, which some tests change: in one worker, in this order.

SETTINGS = {"STEDI_LANDING": str(SAMPLE), "STEDI_PSEUDONYM_KEY": ""}


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
    """A folder with a lake, and what `stedi run --json` printed when it was made, in a process of its own."""
    folder = tmp_path_factory.mktemp("cli")
    return folder, commands.stedi(folder, "run", "--json", check=False, **SETTINGS)


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


COMMANDS = ["check", "ddl", "dev", "generate", "maintain", "quarantine", "rekey", "run", "sql", "tables"]


def test_help_lists_all_commands_and_loads_neither_dagster_nor_an_engine(stedi, elsewhere):
    listed = stedi(elsewhere, "--help").stdout.split("Commands:\n")[1].splitlines()
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
    assert done.stdout.count("│ nothing ") == len([*TABLES])
    run = json.loads(first.stdout)["run"].partition("-")[0]
    assert f"Everything is up to date, so no run was started; published by {run}." in done.stdout
    with recorded(folder) as instance:
        assert len(instance.get_run_records()) == 1
    for table in json.loads(first.stdout)["tables"].values():
        assert str(table["snapshot_id"]) in done.stdout


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
    done = stedi(folder, "run", "--json", "--full", "--select", "customer_landing,customer_trusted")
    assert list(json.loads(done.stdout)["tables"]) == ["customer_landing", "customer_trusted"]
    done = stedi(folder, "run", "--json", "--select", "step_trainer_trusted+")
    assert list(json.loads(done.stdout)["tables"]) == ["step_trainer_trusted", "machine_learning_curated"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--policy", "lenient"], "STEDI_POLICY is lenient, but must be strict or reference."),
        (["run", "--engine", "duckdb"], "STEDI_ENGINE is duckdb, but must be"),
        (["run", "--select", "customers"], "--select customers selects no table"),
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
    assert all(str(row["n"]) in as_table for row in as_json)


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
        ("SELECT nosuchcolumn FROM customer_trusted", "query: the engine stopped"),
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


def test_tables_of_a_lake_that_was_never_built_are_not_published_yet(stedi, elsewhere):
    done = stedi(elsewhere, "tables")
    assert done.returncode == 0
    assert done.stdout.count("not published yet") == len([*TABLES])
    done = stedi(elsewhere, "sql", "SELECT * FROM customer_trusted")
    assert done.returncode == 1
    assert done.stderr == "customer_trusted is not published yet: materialize it first.\n"


def test_quarantine_counts_lines_and_shows_them_on_demand_only(stedi, built):
    folder, _ = built
    counted = stedi(folder, "quarantine", "--format", "json").stdout
    [held] = [row for row in json.loads(counted) if row["reason"] == "sharewithresearchasofdate_plausible"]
    assert held == {
        "table": "customer_landing",
        "file": "customer/landing/awkward-faults.json",
        "reason": "sharewithresearchasofdate_plausible",
        "in words": "Broken rule: sharewithresearchasofdate is not a time between 1970 and 2000; "
        "null, zero or less means no consent.",
        "lines": 1,
    }
    assert sum(row["lines"] for row in json.loads(counted)) == 43
    assert "@" not in counted
    shown = json.loads(stedi(folder, "quarantine", "--show", "--format", "json").stdout)
    assert len(shown) == 43
    [line] = [row for row in shown if row["reason"] == held["reason"]]
    assert line["line"] == 4
    assert "Rowan.Parallax@example.com" in line["text"]


def test_the_quarantine_of_a_lake_that_was_never_built_is_empty(stedi, elsewhere):
    done = stedi(elsewhere, "quarantine", "--format", "json")
    assert (done.returncode, done.stdout) == (0, "[]\n")


@pytest.mark.slow
def test_generate_makes_a_landing_zone_that_runs(stedi, elsewhere):
    done = stedi(elsewhere, "generate", "--customers", "20", "--days", "2", "--seed", "7", "--out", "zone")
    assert done.returncode == 0, done.stderr
    report = json.loads(stedi(elsewhere, "run", "--json", "--landing", "zone").stdout)
    assert report["tables"]["machine_learning_curated"]["rows"] > 0
