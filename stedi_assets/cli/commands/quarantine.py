"""`stedi quarantine`: counts or prints quarantined lines; `stedi quarantine retry` reads the files again."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from stedi_assets.cli.options import (
    examples,
    finish,
    format_option,
    lake_options,
    refresh_options,
    sentences,
    settings_of,
    waiting,
)

if TYPE_CHECKING:
    from stedi_assets.lake import Lake

COUNTED = ("table", "file", "reason", "in words", "lines")
SHOWN = ("table", "file", "line", "reason", "text")


@click.group(
    "quarantine",
    epilog=examples("stedi quarantine", "stedi quarantine --show", "stedi quarantine retry"),
    invoke_without_command=True,
)
@click.option(
    "--show", is_flag=True, help="Print the lines too: they hold what people never agreed to share."
)
@format_option
@lake_options
def command(show: bool, form: str, **flags: str | None) -> None:
    """Counts landing lines that could not become rows. One count for each file and reason."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    with sentences():
        settings = settings_of(flags, reads_only=True, there=True)

        from stedi_assets.cli.output import print_rows
        from stedi_assets.orchestration.resources import opened_lake

        with opened_lake(settings) as lake:
            if show:
                print_rows(SHOWN, shown(lake), form)
                return
            with waiting("Counting lines"):
                lines = [*counted(lake)]
            print_rows(COUNTED, lines, form)


@command.command()
@refresh_options
def retry(**flags: str | None) -> None:
    """Reads files with quarantined lines again. Refreshes what depends on them."""
    with sentences():
        settings = settings_of(flags)

        from stedi_assets.cli.commands.run import print_run
        from stedi_assets.cli.in_process import RunOptions, refresh
        from stedi_assets.cli.output import RunDisplay, console

        with RunDisplay(console()).shown() as display:
            result = refresh(settings, display, options=RunOptions(retry=True))
        print_run(result)
        finish(result.failures)


def counted(lake: "Lake") -> Iterator[tuple[Any, ...]]:
    """The number of lines by table, file and reason, in this order; holds no value of a line."""
    from pyspark.sql import functions as F

    from stedi_assets.lake import engine_errors
    from stedi_assets.lake.ingestion import reasons
    from stedi_assets.tables import QUARANTINE

    columns = ("table_name", "source_file", "reason")
    lines = lake.pinned(QUARANTINE.name).frame(lake.spark)
    counts = lines.groupBy(*columns).agg(F.count(F.lit(1)).alias("lines")).orderBy(*columns)
    meanings = reasons(spec.source for spec in lake.tables.landing if spec.source)
    with engine_errors(QUARANTINE.name, "counting lines"):
        for row in counts.collect():
            yield *row[:3], meanings.get(row["reason"]), row["lines"]


def shown(lake: "Lake") -> Iterator[tuple[Any, ...]]:
    """The lines, ordered by table, file and line number; bytes that are not UTF-8 are escaped."""
    from stedi_assets.lake import engine_errors
    from stedi_assets.tables import QUARANTINE

    columns = ("table_name", "source_file", "line_number")
    lines = lake.pinned(QUARANTINE.name).frame(lake.spark).orderBy(*columns)
    with engine_errors(QUARANTINE.name, "reading lines"):
        for row in lines.select(*columns, "reason", "raw").toLocalIterator():
            yield *row[:4], bytes(row["raw"]).decode(errors="backslashreplace")
