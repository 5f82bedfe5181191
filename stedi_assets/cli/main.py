"""The command `stedi`: refresh the lake, look at it, query it, print its DDL, generate sample landing files.

Exit codes: 0 all is well, 1 something failed, 2 a setting or flag is wrong.
"""

import atexit
import dataclasses
import gc
import json
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stedi_assets.cli.options import LAKE_FLAGS, environment_of, lake_flags, opened_lake, sentences

if TYPE_CHECKING:
    from stedi_assets.lake import Lake
    from stedi_assets.orchestration.resources import Environment


@click.group()
def main() -> None:
    """The STEDI Step Trainer lakehouse."""
    # Collecting the objects of imported libraries while they load, and once more when the process ends,
    # finds nothing and took a quarter of a short run.
    gc.disable()
    atexit.register(gc.freeze)


@main.command()
@click.option("--landing", metavar="URI", help="Landing root. [STEDI_LANDING]")
@lake_flags
@click.option("--select", metavar="TABLES", help="Tables by name, or a Dagster asset selection.")
@click.option("--days", metavar="A..B", help="Make these days anew too, such as 2024-03-01..2024-03-31.")
@click.option("--full", is_flag=True, help="Make all days anew, also when nothing changed.")
@click.option("--explain", is_flag=True, help="Print what would be done and why, and do nothing.")
@click.option(
    "--as-of", metavar="MS", type=int, help="Judge consent at this instant (epoch ms) instead of now."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on standard output, nothing else."
)
def run(
    select: str | None,
    days: str | None,
    full: bool,
    explain: bool,
    as_of: int | None,
    as_json: bool,
    **flags: str | None,
) -> None:
    """Refreshes the tables from the landing files."""
    with sentences():
        environment = environment_of(flags)
        if explain:
            _explain(environment, select, days, full, as_of, "json" if as_json else "table")
            return

        from stedi_assets.cli.output import (
            CHECK_COLUMNS,
            RunDisplay,
            check_rows,
            console,
            print_rows,
            run_table,
        )
        from stedi_assets.cli.runs import refresh

        with RunDisplay(console(stderr=as_json)).shown() as display:
            result = refresh(environment, select, full, as_of, display, days=days)
        if as_json:
            report = {
                "tables": {name: dataclasses.asdict(table) for name, table in result.tables.items()},
                "checks": result.checks,
                "removed": result.removed,
                "policy": environment.policy,
                "engine": environment.engine,
                "seconds": result.seconds,
            }
            click.echo(json.dumps(report))
        else:
            console().print(run_table(result))
            if not all(check["passed"] for check in result.checks.values()):
                print_rows(CHECK_COLUMNS, check_rows(result, broken_only=True), "table")
        for table, rows in result.removed.items():
            click.echo(f"{table}: {rows:,} rows of people who withdrew were removed first.", err=True)
        for sentence in result.failures:
            click.echo(sentence, err=True)
        sys.exit(1 if result.failures else 0)


@main.command()
@click.argument("tables", nargs=-1)
@click.option(
    "--show", "rule", metavar="RULE", help="Print the rows that break a rule, as the next run has them."
)
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
@lake_flags
def check(tables: tuple[str, ...], rule: str | None, form: str, **flags: str | None) -> None:
    """Holds published tables, or all, against their contracts; writes nothing."""
    with sentences():
        environment = environment_of(flags)
        if rule is not None:
            _show(environment, tables, rule, form)
            return

        from stedi_assets.cli.output import CHECK_COLUMNS, RunDisplay, check_rows, console, print_rows
        from stedi_assets.cli.runs import check as audit

        with RunDisplay(console(stderr=True)).shown() as display:
            result = audit(environment, tables, display)
        print_rows(CHECK_COLUMNS, check_rows(result), form)
        for sentence in result.failures:
            click.echo(sentence, err=True)
        broken = any(not it["passed"] and it["severity"] == "ERROR" for it in result.checks.values())
        sys.exit(1 if result.failures or broken else 0)


@main.command()
@lake_flags
def rekey(**flags: str | None) -> None:
    """Replaces the pseudonym key, under all policies, by STEDI_PSEUDONYM_KEY or by a newly made one."""
    with sentences():
        environment = environment_of(flags)

        from stedi_assets.cli.output import RunDisplay, console, run_table
        from stedi_assets.cli.runs import rekey as replace_key

        with RunDisplay(console()).shown() as display:
            results = replace_key(environment, display)
        for result in results:
            console().print(run_table(result))
        failures = [sentence for result in results for sentence in result.failures]
        for sentence in failures:
            click.echo(sentence, err=True)
        sys.exit(1 if failures else 0)


@main.command()
@lake_flags
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on standard output, nothing else."
)
def maintain(as_json: bool, **flags: str | None) -> None:
    """Compacts small files, expires old snapshots, deletes files that no snapshot names."""
    with sentences():
        environment = environment_of(flags, reads_only=True)

        from stedi_assets.cli.commands.maintain_lake import maintain as maintain_tables
        from stedi_assets.cli.output import RunDisplay, console, print_rows

        with RunDisplay(console(stderr=True)).shown() as display:
            result = maintain_tables(environment, display)
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(result)))
        else:
            print_rows(result.columns, result.rows(), "table")
        for sentence in result.failures:
            click.echo(sentence, err=True)
        sys.exit(1 if result.failures else 0)


@main.command()
@click.argument("query")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
@lake_flags
def sql(query: str, form: str, **flags: str | None) -> None:
    """Runs a query over the published tables, such as "SELECT count(*) FROM customer_trusted"."""
    with sentences(), opened_lake(environment_of(flags, reads_only=True)) as lake:
        from stedi_assets.cli.commands.sql import parse_query, run_query
        from stedi_assets.cli.output import print_rows

        columns, rows = run_query(lake, parse_query(query, lake.database))
        print_rows(columns, rows, form)


@main.command()
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
@lake_flags
def tables(form: str, **flags: str | None) -> None:
    """Lists the published tables."""
    with sentences(), opened_lake(environment_of(flags, reads_only=True)) as lake:
        from stedi_assets.assets import TABLES
        from stedi_assets.cli.output import print_rows

        columns = ("table", "zone", "rows", "days", "bytes", "snapshot", "published", "run")
        print_rows(columns, (_described(lake, name) for name in TABLES), form)


@main.group(invoke_without_command=True)
@click.option(
    "--show", is_flag=True, help="Print the lines too: they hold what people never agreed to share."
)
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
@lake_flags
def quarantine(show: bool, form: str, **flags: str | None) -> None:
    """Counts the landing lines that could not become rows, by file and reason."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    with sentences(), opened_lake(environment_of(flags, reads_only=True)) as lake:
        from stedi_assets.cli.commands.quarantine import COUNTED, SHOWN, counted, shown
        from stedi_assets.cli.output import print_rows

        if show:
            print_rows(SHOWN, shown(lake), form)
        else:
            print_rows(COUNTED, counted(lake), form)


@quarantine.command()
@click.option("--landing", metavar="URI", help="Landing root. [STEDI_LANDING]")
@lake_flags
def retry(**flags: str | None) -> None:
    """Reads landing files with quarantined lines again, and refreshes what depends on them."""
    with sentences():
        environment = environment_of(flags)

        from stedi_assets.cli.output import RunDisplay, console, run_table
        from stedi_assets.cli.runs import refresh

        with RunDisplay(console()).shown() as display:
            result = refresh(environment, None, False, None, display, retry=True)
        console().print(run_table(result))
        for sentence in result.failures:
            click.echo(sentence, err=True)
        sys.exit(1 if result.failures else 0)


@main.command()
@click.argument("table")
@click.option("--external", is_flag=True, help="The table of the raw JSON files alone.")
@click.option("--location", metavar="URI", help="s3://… of the table or the raw files, if not by settings.")
@click.option("--landing", metavar="URI", help="Landing root. [STEDI_LANDING]")
@LAKE_FLAGS["lake"]
@LAKE_FLAGS["catalog"]
@LAKE_FLAGS["policy"]
def ddl(table: str, external: bool, location: str | None, **flags: str | None) -> None:
    """Prints the DDL of a table for Athena; of a landing table, that of its raw JSON files too."""
    with sentences():
        environment = environment_of(flags, reads_only=True)

        from stedi_assets.cli.commands.ddl import external_ddl, iceberg_ddl, table_spec

        spec = table_spec(table)
        if not external:
            click.echo(iceberg_ddl(spec, environment.database, environment.lake, location))
        if external or (spec.source and location is None):
            click.echo(external_ddl(spec, environment.landing, location))


@main.command()
@click.option("--customers", type=int, required=True, help="Number of customers.")
@click.option("--days", type=int, required=True, help="Number of days with readings.")
@click.option("--seed", type=int, required=True, help="The same seed gives the same files.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the landing zone.")
@click.option("--files-per-day", type=int, default=1, show_default=True)
@click.option("--awkward", is_flag=True, help="Add the awkward files that data/README.md explains.")
def generate(customers: int, days: int, seed: int, out: Path, files_per_day: int, awkward: bool) -> None:
    """Generates a landing zone of invented people."""
    from stedi_assets.samples import generate as write

    try:
        made = write(out, customers, days, seed, files_per_day, awkward=awkward)
    except ValueError as error:
        click.echo(error, err=True)
        sys.exit(2)
    click.echo(
        f"{made.customers:,} customer records, {made.accelerometer:,} accelerometer and "
        f"{made.step_trainer:,} step-trainer readings in {made.files:,} files, {made.bytes:,} bytes."
    )


def _explain(
    environment: "Environment",
    select: str | None,
    days: str | None,
    full: bool,
    as_of: int | None,
    form: str,
) -> None:
    from stedi_assets.cli.commands.explain import EXPLAINED, explained
    from stedi_assets.cli.output import print_rows
    from stedi_assets.cli.runs import selected_tables
    from stedi_assets.lake import Range, Run

    asked = None if days is None else Range.parse(days)
    tables = selected_tables(environment, select)
    now = int(time.time() * 1000) if as_of is None else as_of
    run = Run("none", now, environment.policy, full, days=asked)
    with opened_lake(environment) as lake:
        print_rows(EXPLAINED, explained(lake, run, tables), form)


def _show(environment: "Environment", tables: tuple[str, ...], rule: str, form: str) -> None:
    from stedi_assets.cli.commands.check import broken_rows, tables_with
    from stedi_assets.cli.output import print_rows

    found = tables_with(rule, tables, environment.policy)
    with opened_lake(environment) as lake:
        for spec in found:
            print_rows(spec.columns, broken_rows(lake, spec, rule), form)


def _described(lake: "Lake", name: str) -> tuple[Any, ...]:
    from stedi_assets.lake import Unpublished

    handle = lake.pinned(name)
    try:
        content, snapshot, record = handle.content, handle.snapshot, handle.record
    except Unpublished:
        return (name, handle.spec.zone, *("not published yet",), *[None] * 5)
    published = datetime.fromtimestamp(snapshot.timestamp_ms / 1000, timezone.utc)
    return (
        name,
        handle.spec.zone,
        content.rows,
        content.days,
        content.bytes,
        snapshot.snapshot_id,
        f"{published:%Y-%m-%d %H:%M:%S}Z",
        record.run if record else None,
    )
