"""`stedi sql`: SQL over the published tables, read-only."""

import difflib
import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stedi_assets.cli.options import (
    Exit,
    examples,
    format_option,
    lake_options,
    no_such_table,
    sentences,
    settings_of,
    waiting,
)
from stedi_assets.errors import LakeError, StediError

if TYPE_CHECKING:
    from pyarrow import Table
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    from stedi_assets.lake import Lake

Done = TypeVar("Done")

DIALECT = "spark"
# Functions that call into the engine's own process.
FORBIDDEN_FUNCTIONS = {"reflect", "java_method", "try_reflect"}
STOP_SECONDS = 2.0
"""How long an engine may take to stop a query."""


@click.command(
    "sql",
    epilog=examples(
        'stedi sql "SELECT count(*) FROM customer_trusted"',
        'stedi sql "SELECT split, count(*) FROM machine_learning_curated GROUP BY 1" --format csv',
    ),
)
@click.argument("query")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop the query if it takes longer.",
)
@format_option
@lake_options
def command(query: str, timeout: float | None, form: str, **flags: str | None) -> None:
    """Runs a query over the published tables."""
    with sentences():
        settings = settings_of(flags, reads_only=True, there=True)

        from stedi_assets.assets import TABLES
        from stedi_assets.cli.output import print_rows
        from stedi_assets.orchestration.resources import opened_lake
        from stedi_assets.tables import SYSTEM_TABLES

        parsed = parse_query(query, settings.database, (*TABLES, *SYSTEM_TABLES))
        with opened_lake(settings) as lake:
            with waiting("Asking the engine"):
                columns, rows = run_query(lake, parsed, timeout)
            print_rows(columns, rows, form)


class QueryError(StediError):
    """The SQL is not a query over the tables."""


@dataclass(frozen=True)
class Query:
    """A query that only reads tables.

    Attributes:
        tables: The tables it reads.
        text: The SQL with plain table names.
    """

    tables: frozenset[str]
    text: str


def parse_query(text: str, database: str, tables: Collection[str]) -> Query:
    """Parses SQL and makes sure that it only reads tables.

    Args:
        text: The SQL; table names may be qualified by the database.
        database: The database.
        tables: Names of the tables.

    Raises:
        QueryError: The text is not a single query, or reads something other than the tables.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    try:
        statements = [statement for statement in sqlglot.parse(text, dialect=DIALECT) if statement]
    except sqlglot.errors.SqlglotError as error:
        raise QueryError(f"The SQL cannot be parsed{_place(error)}: check the spelling there.") from None
    if len(statements) != 1:
        raise QueryError("One query at a time: give a single SELECT.")
    [query] = statements
    if not isinstance(query, exp.Query) or query.find(exp.DML, exp.DDL, exp.Command, exp.Into):
        raise QueryError("Only queries are allowed here: give a SELECT; tables change by runs only.")
    for function in query.find_all(exp.Anonymous):
        if function.name.lower() in FORBIDDEN_FUNCTIONS:
            raise QueryError(f"The function {function.name.lower()} is not allowed here: leave it out.")
    read = [
        source
        for scope in traverse_scope(query)
        for source in scope.sources.values()
        if isinstance(source, exp.Table)
    ]
    names = frozenset(_plain_name(table, database, tables) for table in read)
    for column in query.find_all(exp.Column):
        column.set("db", None)
    return Query(names, query.sql(dialect=DIALECT))


def run_query(
    lake: "Lake", query: Query, timeout: float | None = None
) -> tuple[list[str], Iterator[Sequence[Any]]]:
    """Runs a query.

    Args:
        lake: The lake.
        query: The query.
        timeout: Seconds that the query may take, without the start of the engine; None for no limit.

    Returns:
        The names of the columns, and the rows.

    Raises:
        QueryError: The query took too long.
        LakeError: A table is not published, or the engine refused the query.
    """
    session = lake.spark
    if timeout is None:
        result = _answer(lake, query)
    else:
        result = _in_time(lambda: _answer(lake, query), timeout, session.interruptAll)
    rows = (
        row
        for batch in result.to_batches(max_chunksize=10_000)
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    )
    return list(result.column_names), rows


def _answer(lake: "Lake", query: Query) -> "Table":
    from stedi_assets.lake import engine_errors

    columns: set[str] = set()
    for name in sorted(query.tables):
        rows = lake.pinned(name).frame(lake.spark)
        rows.createOrReplaceTempView(name)
        columns |= {*rows.columns}
    # The schema is known before any row is read, so an error here quotes the query alone.
    try:
        with engine_errors("query", "planning", quote_analysis=True):
            frame = lake.spark.sql(query.text)
            _ = frame.schema
    except LakeError:
        if unknown := _unknown_name(query, columns):
            raise QueryError(unknown) from None
        raise
    with engine_errors("query", "reading"):
        return frame.toArrow()


def _place(error: "SqlglotError") -> str:
    """Where a query cannot be parsed, as far as the parser says."""
    found = getattr(error, "errors", None) or [{}]
    line, column = found[0].get("line"), found[0].get("col")
    return f" at line {line}, column {column}" if line and column else ""


def _unknown_name(query: Query, columns: Collection[str]) -> str | None:
    """The sentence about a column that no table of a query has, or about a function that nothing knows."""
    import sqlglot
    from sqlglot import exp

    parsed = sqlglot.parse_one(query.text, dialect=DIALECT)
    given = {alias.alias for alias in parsed.find_all(exp.Alias, exp.TableAlias)}
    given |= {column.name for alias in parsed.find_all(exp.TableAlias) for column in alias.columns}
    known = {name.lower(): name for name in (*columns, *given)}
    for column in parsed.find_all(exp.Column):
        if column.name and column.name.lower() not in known:
            close = difflib.get_close_matches(column.name.lower(), known, n=1)
            hint = (
                f"did you mean {known[close[0]]}?"
                if close
                else f"the columns are {', '.join(sorted(columns))}."
            )
            return f"query: there is no column {column.name} here: {hint}"
    for function in parsed.find_all(exp.Anonymous):
        return f"query: the engine may not know the function {function.name.lower()}: check its name."
    return None


def _in_time(work: Callable[[], Done], seconds: float, stop: Callable[[], object]) -> Done:
    """Waits for work in a thread of its own.

    Raises:
        QueryError: It takes too long. If the engine is too busy to stop it, the process ends instead.
    """
    done: futures.Future[Done] = futures.Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    futures.wait([done], seconds)
    if done.done():
        return done.result()
    too_long = QueryError(
        f"query: stopped after {seconds:g} s, as --timeout says: narrow the query, or give it more time."
    )
    threading.Thread(target=stop, daemon=True).start()
    futures.wait([done], STOP_SECONDS)
    if not done.done():
        # The threads of the embedded engine answer nothing while a join keeps all of them at work.
        click.echo(too_long, err=True)
        os._exit(Exit.FAILED)
    raise too_long


def _plain_name(table: "exp.Table", database: str, tables: Collection[str]) -> str:
    """Gives a table of a query its plain name, in place, and returns that name."""
    from sqlglot import exp

    name = table.name.lower()
    if name not in tables or table.db.lower() not in ("", database) or table.catalog:
        raise QueryError(no_such_table(table.sql(dialect=DIALECT), tables))
    # The name in the query becomes an alias, because columns may be qualified by it.
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
    table.set("this", exp.to_identifier(name))
    table.set("db", None)
    return name
