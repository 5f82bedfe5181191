"""`stedi run`: refreshes the tables, or explains what a run would do."""

import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from stedi_assets.cli.options import (
    Exit,
    examples,
    finish,
    format_option,
    refresh_options,
    sentences,
    settings_of,
)
from stedi_assets.errors import SettingError
from stedi_assets.settings import Settings

TOLERANCE_MS = 60_000
"""How far a time may lie from the present and still pass for it."""

NARROW = 80
"""The columns of a terminal that any window has."""

if TYPE_CHECKING:
    from stedi_assets.cli.run_result import RunResult
    from stedi_assets.lake import Run


@click.command(
    "run",
    epilog=examples(
        "stedi run --landing DIR --lake DIR", "stedi run --select customer_trusted+", "stedi run --explain"
    ),
)
@refresh_options
@click.option(
    "--select", metavar="TABLES", help="Names with commas; NAME+ adds all downstream, +NAME all upstream."
)
@click.option("--days", metavar="A..B", help="Rebuild these days too, such as 2024-03-01..2024-03-31.")
@click.option("--full", is_flag=True, help="Rebuild all days, even if nothing changed.")
@click.option("--explain", is_flag=True, help="Print what a run would do and why; do nothing.")
@click.option("--as-of", metavar="MS", type=int, help="With --explain: judge consent at this time, epoch ms.")
@click.option("--trust-clock", is_flag=True, help="Publish although a snapshot lies in the future.")
@click.option("--strict", is_flag=True, help="Exit with 3 if a check failed that blocks nothing.")
@format_option
def command(
    select: str | None,
    days: str | None,
    full: bool,
    explain: bool,
    as_of: int | None,
    trust_clock: bool,
    strict: bool,
    form: str,
    **flags: str | None,
) -> None:
    """Refreshes the tables from the landing files."""
    with sentences():
        settings = settings_of(flags)

        from stedi_assets.cli.in_process import RunOptions, refresh
        from stedi_assets.cli.output import RunDisplay, console

        options = RunOptions(full=full, days=days, trust_clock=trust_clock)
        if explain:
            run = options.run(settings.policy, as_of)
            _explain(settings, select, run, form)
            return
        if as_of is not None and abs(as_of - options.run(settings.policy).as_of) > TOLERANCE_MS:
            raise SettingError(
                f"--as-of {as_of} is not now, and a run publishes the present only: add --explain to see "
                "what a run would do at that time."
            )
        with RunDisplay(console(stderr=form != "table")).shown() as display:
            result = refresh(settings, display, select=select, options=options)
        if form == "json":
            click.echo(json.dumps(_report(settings, result)))
        else:
            print_run(result, form)
        for table, sentence in result.removals.items():
            click.echo(f"{table}: {sentence}", err=True)
        finish(result.failures, Exit.CHECK_FAILED if strict and result.failed_rules else Exit.DONE)


def _report(settings: Settings, result: "RunResult") -> dict[str, object]:
    return {
        "run": result.run_id,
        "tables": {name: dataclasses.asdict(table) for name, table in result.tables.items()},
        "checks": result.checks,
        "removed": result.removed,
        "policy": settings.policy,
        "engine": settings.engine,
        "seconds": result.seconds,
    }


def print_run(result: "RunResult", form: str = "table") -> None:
    """Prints what a run did, which rules rows break, and how it ended."""
    from stedi_assets.cli.output import CHECK_COLUMNS, RUN_COLUMNS, check_rows, print_rows, run_rows

    print_rows(RUN_COLUMNS, run_rows(result), form)
    if form != "table":
        return
    if broken := [*check_rows(result, broken_only=True)]:
        print_rows(CHECK_COLUMNS, broken, form)
    for sentence in ending(result):
        click.echo(click.wrap_text(sentence, NARROW))


def ending(result: "RunResult") -> Iterator[str]:
    """The last lines about a run: whether tables were published, and which checks failed all the same."""
    if result.run_id is None:
        runs = ", ".join(run.partition("-")[0] for run in result.published_by)
        yield f"Everything is up to date, so no run was started; published by {runs}."
    elif result.tables:
        changed = sum(table.changed for table in result.tables.values())
        same = len(result.tables) - changed
        yield f"{changed} table{'' if changed == 1 else 's'} published, {same} up to date."
    for name in result.failed_rules if not result.failures else ():
        table, rule = name.split(".")
        check = result.checks[name]
        yield (
            f"A check failed, blocking nothing: {table} breaks {rule} {check['broken']:,} of "
            f"{check['checked']:,} times. `stedi check {table} --show {rule}` shows where."
        )


def _explain(settings: Settings, select: str | None, run: "Run", form: str) -> None:
    from stedi_assets.assets import DECLARED
    from stedi_assets.cli.explanation import EXPLAINED, explained
    from stedi_assets.cli.in_process import selected_tables
    from stedi_assets.cli.output import print_rows
    from stedi_assets.lake.ingestion import shared_devices
    from stedi_assets.orchestration.build import build_defs
    from stedi_assets.orchestration.resources import opened_lake

    tables = selected_tables(build_defs(settings), DECLARED.specs, select)
    with opened_lake(settings) as lake:
        rows = explained(lake, dataclasses.replace(run, shared=shared_devices(lake)), tables, DECLARED)
        print_rows(EXPLAINED, rows, form)
