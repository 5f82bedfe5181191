"""The command `stedi`: refreshes the lake, checks it, queries it, maintains it.

Commands import what they need when they run, so that `--help` answers at once.
"""

import atexit
import gc

import click

from stedi_assets.cli.commands import (
    check,
    ddl,
    generate,
    list_tables,
    maintain_lake,
    quarantine,
    rekey,
    run,
    sql,
)


@click.group()
def main() -> None:
    """The STEDI Step Trainer lakehouse."""
    # Garbage collections while libraries load, and once more when the process ends, find nothing and took a
    # quarter of a short run.
    gc.disable()
    atexit.register(gc.freeze)


for module in (run, check, rekey, maintain_lake, sql, list_tables, quarantine, ddl, generate):
    main.add_command(module.command)
