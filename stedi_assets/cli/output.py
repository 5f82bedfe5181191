"""The output of `stedi`: the progress of a run, tables of results, rows."""

import csv
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.live import Live
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from stedi_assets.assets import TABLES
from stedi_assets.cli.run_result import RunResult
from stedi_assets.errors import inert, inert_json
from stedi_assets.lake import Progress
from stedi_assets.orchestration.refreshing.check_results import PASSED
from stedi_assets.tables import SYSTEM_TABLES

# The first characters of a formula, in full width too.
FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
UNBOUNDED = 100_000
WIDE = 160  # columns of text that is not shown on a terminal


def console(*, stderr: bool = False) -> Console:
    """A console. It does not cut lines at the width of a terminal if the output is a file or a pipe."""
    made = Console(stderr=stderr)
    return made if made.is_terminal else Console(stderr=stderr, width=WIDE)


class RunDisplay:
    """Shows the progress of a run: live on a terminal, as plain lines otherwise."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: dict[str, Progress] = {}
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator["RunDisplay"]:
        """Shows progress while the block runs."""
        if not self._console.is_terminal:
            yield self
            return
        with Live(console=self._console, transient=True, refresh_per_second=8) as self._live:
            yield self

    def __call__(self, progress: Progress) -> None:
        """Receives one step of a run."""
        self._steps[progress.table] = progress
        if self._live is not None:
            self._live.update(self._overview())
        else:
            rows = "" if progress.rows is None else f", {progress.rows:,} rows"
            self._console.print(shown(f"{progress.table}: {progress.step}{rows}"))

    def _overview(self) -> Table:
        table = Table("table", "step", box=None)
        table.add_column("rows", justify="right")
        known = [name for name in (*TABLES, *SYSTEM_TABLES) if name in self._steps]
        for name in dict.fromkeys([*known, *self._steps]):
            progress = self._steps[name]
            table.add_row(name, shown(progress.step), "" if progress.rows is None else f"{progress.rows:,}")
        return table


RUN_COLUMNS = ("table", "rows", "what changed", "seconds")


def run_rows(result: RunResult) -> Iterator[Sequence[Any]]:
    """The results of a run under RUN_COLUMNS, one row for each table."""
    for name, done in result.tables.items():
        yield name, done.rows, done.what_changed, round(done.seconds, 1)


CHECK_COLUMNS = ("table", "rule", "result", "checked", "broken")


def check_rows(result: RunResult, *, broken_only: bool = False) -> Iterator[Sequence[Any]]:
    """The results of the rules, under CHECK_COLUMNS."""
    for name, check in result.checks.items():
        if not (broken_only and check["result"] == PASSED):
            yield (*name.split("."), check["result"], check["checked"], check["broken"])


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], form: str) -> None:
    """Prints rows to standard output as inert text.

    Args:
        columns: Names of the columns.
        rows: The rows.
        form: `table`, `csv` or `json` (a list of objects).
    """
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([cell(value) for value in row] for row in (columns, *rows))
    elif form == "json":
        objects = [dict(zip(columns, map(json_value, row), strict=True)) for row in rows]
        print(inert_json(json.dumps(objects, default=str, ensure_ascii=False, allow_nan=False)))
    else:
        _print_table(columns, [*rows])


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints a table with numbers to the right; a single row that does not fit stands upright."""
    to = console()
    table = Table(box=box.SIMPLE, pad_edge=False)
    for number, name in enumerate(columns):
        values = [row[number] for row in rows if row[number] is not None]
        numbers = bool(values) and all(is_number(value) for value in values)
        # The first column names what the row is about, so it is never cut.
        table.add_column(shown(name), justify="right" if numbers else "left", no_wrap=number == 0 or numbers)
    for row in rows:
        table.add_row(*map(shown, row))
    if len(rows) == 1 and Measurement.get(to, to.options.update(width=UNBOUNDED), table).maximum > to.width:
        table = Table(box=box.SIMPLE, pad_edge=False, show_header=False)
        for name, value in zip(columns, rows[0], strict=True):
            table.add_row(shown(name), shown(value))
    to.print(table)


def is_number(value: object) -> bool:
    """Whether a value is a number; a truth value is none."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def shown(value: object) -> Text:
    """A value as inert text of a terminal, without markup; nothing for no value."""
    if value is None:
        return Text()
    return Text(f"{value:,}" if is_number(value) else inert(str(value)))


def cell(value: object) -> object:
    """A value as a cell of a csv file, which no spreadsheet takes for a formula; numbers stay numbers."""
    if value is None or isinstance(value, int | float | Decimal):
        return value
    text = str(value)
    formula = text.lstrip().startswith(FORMULAS) or text.startswith(("\t", "\r"))
    return f"'{inert(text)}" if formula and not NUMBER.fullmatch(text) else inert(text)


def json_value(value: object) -> object:
    """A value that JSON can hold: it has neither NaN nor infinity, and its keys are texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    return value
