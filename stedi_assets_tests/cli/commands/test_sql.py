"""`stedi sql`: its errors quote no row, and it ends in time."""

import time

import pytest
from click.testing import CliRunner
from pyspark.sql.connect.dataframe import DataFrame

from stedi_assets.cli.main import main
from stedi_assets_tests.support import commands


@pytest.fixture(scope="module")
def ask(sample_lake):
    """Runs a query over the sample zone."""
    settings = sample_lake.environment

    def run(query, *flags):
        return CliRunner().invoke(main, ["sql", query, "--lake", settings.lake, *flags])

    return run


QUOTING = [
    "SELECT raise_error(email) FROM customer_trusted",
    "SELECT raise_error(concat('row ', email)) FROM customer_trusted",
    "SELECT assert_true(email IS NULL, email) FROM customer_trusted",
    "SELECT cast(email AS int) FROM customer_trusted",
    "SELECT (SELECT raise_error(max(email)) FROM customer_trusted) AS a FROM customer_curated",
    "SELECT * FROM customer_trusted WHERE cast(email AS bigint) > 1",
    "SELECT to_timestamp(email, 'yyyy') FROM customer_trusted",
    "SELECT from_json(email, 'a INT', map('mode', 'FAILFAST')) FROM customer_trusted",
]


@pytest.mark.parametrize("query", QUOTING)
def test_an_error_while_rows_are_read_quotes_no_row(ask, query):
    done = ask(query)
    assert done.exit_code == 1 or "@" not in done.stdout
    assert "@" not in done.stderr
    assert len(done.stderr.splitlines()) == done.exit_code
    if "raise_error(email)" in query:
        assert done.stderr.startswith("query: the engine stopped while reading (")


def test_an_error_in_the_query_itself_names_what_is_wrong(ask):
    done = ask("SELECT nosuchcolumn FROM customer_trusted")
    assert done.exit_code == 1
    assert done.stderr.startswith("query: there is no column nosuchcolumn here: the columns are birthday, ")


ENDLESS = """
    SELECT count(*) FROM step_trainer_landing a
    CROSS JOIN step_trainer_landing b CROSS JOIN step_trainer_landing c CROSS JOIN step_trainer_landing d
    WHERE a.distancefromobject * b.distancefromobject + c.distancefromobject * d.distancefromobject = 7
"""


def test_a_query_ends_in_time_although_it_keeps_the_engine_busy(sample_lake, tmp_path):
    started = time.monotonic()
    done = commands.stedi(
        tmp_path, "sql", ENDLESS, "--timeout", "1", "--lake", sample_lake.environment.lake, check=False
    )
    assert time.monotonic() - started < 60
    assert done.returncode == 1
    assert done.stderr == (
        "query: stopped after 1 s, as --timeout says: narrow the query, or give it more time.\n"
    )


def test_a_query_that_can_be_stopped_ends_with_the_same_sentence(ask, monkeypatch):
    arrow = DataFrame.toArrow

    def slow(frame):
        time.sleep(1)
        return arrow(frame)

    monkeypatch.setattr(DataFrame, "toArrow", slow)
    done = ask("SELECT count(*) FROM customer_trusted", "--timeout", "0.2")
    assert done.exit_code == 1
    assert done.stderr.startswith("query: stopped after 0.2 s, as --timeout says")


def test_a_query_that_is_fast_enough_answers(ask):
    done = ask("SELECT count(*) AS n FROM customer_trusted", "--timeout", "60", "--format", "csv")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[0] == "n"
    done = ask("SELECT raise_error(email) FROM customer_trusted", "--timeout", "60")
    assert done.stderr.startswith("query: the engine stopped while reading (")


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_limit_that_is_none_is_refused(ask, seconds):
    assert ask("SELECT 1", "--timeout", seconds).exit_code == 2
