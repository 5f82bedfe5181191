"""SQL over the published tables, read-only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stedi_assets.assets import TABLES
from stedi_assets.errors import StediError
from stedi_assets.lake import Lake, engine_errors
from stedi_assets.tables import SYSTEM_TABLES

if TYPE_CHECKING:
    from sqlglot import exp

DIALECT = "spark"
# Functions that call into the engine's own process.
FORBIDDEN_FUNCTIONS = {"reflect", "java_method", "try_reflect"}


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


def parse_query(text: str, database: str) -> Query:
    """Takes SQL apart and makes sure that it only reads tables.

    Args:
        text: The SQL; table names may be qualified by the database.
        database: The database.

    Raises:
        QueryError: It is not one query, or reads something else than the tables.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    try:
        statements = [statement for statement in sqlglot.parse(text, dialect=DIALECT) if statement]
    except sqlglot.errors.SqlglotError:
        raise QueryError("That is not SQL that can be read: check the spelling of the query.") from None
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
    names = frozenset(_plain_name(table, database) for table in read)
    for column in query.find_all(exp.Column):
        column.set("db", None)
    return Query(names, query.sql(dialect=DIALECT))


def run_query(lake: Lake, query: Query) -> tuple[list[str], Iterator[Sequence[Any]]]:
    """Runs a query.

    Returns:
        The names of the columns, and the rows.

    Raises:
        LakeError: A table is not published, or the engine refused the query.
    """
    for name in sorted(query.tables):
        lake.pinned(name).frame(lake.spark).createOrReplaceTempView(name)
    with engine_errors("query", "reading", quote_analysis=True):
        result = lake.spark.sql(query.text).toArrow()
    rows = (
        row
        for batch in result.to_batches(max_chunksize=10_000)
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    )
    return list(result.column_names), rows


def _plain_name(table: "exp.Table", database: str) -> str:
    """Gives a table of a query its plain name, in place, and returns that name."""
    from sqlglot import exp

    name = table.name.lower()
    known = (*TABLES, *SYSTEM_TABLES)
    if name not in known or table.db.lower() not in ("", database) or table.catalog:
        raise QueryError(
            f"There is no table {table.sql(dialect=DIALECT)}: {database} has the tables {', '.join(known)}."
        )
    # A table that goes by another name in the query keeps it: its columns may be qualified by it.
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
    table.set("this", exp.to_identifier(name))
    table.set("db", None)
    return name
