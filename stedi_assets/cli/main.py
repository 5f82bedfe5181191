"""The command `stedi`: refreshes the lake, checks it, queries it, maintains it.

Commands import what they need when they run, so that `--help` answers at once.
"""

import atexit
import gc
import signal
from typing import Any

import click

from stedi_assets.cli.commands import (
    check,
    ddl,
    dev,
    erase,
    export,
    generate,
    list_tables,
    maintain_lake,
    person,
    privacy,
    prune,
    quarantine,
    rekey,
    run,
    sql,
)
from stedi_assets.cli.options import EXIT_CODES, OWN_PROCESS, listed
from stedi_assets.orchestration.interrupts import SIGNALS

SERVERS = ("dev",)
"""Commands whose processes handle signals themselves."""


class Program(click.Group):
    """The group of all commands. Called as the program that it is, it ends on signals."""

    is_program = False

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Runs a command; the process is its own."""
        self.is_program = True
        return super().__call__(*arguments, **options)


@click.group(
    cls=Program,
    epilog=listed("Exit codes", (f"{code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())),
)
@click.version_option(package_name="stedi_assets", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """The STEDI Step Trainer lakehouse."""
    if main.is_program and context.invoked_subcommand not in SERVERS:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until `settle`
        context.obj = OWN_PROCESS
    # Garbage collections while libraries load, and once more when the process ends, find nothing and took a
    # quarter of a short run.
    gc.disable()
    atexit.register(gc.freeze)


for module in (
    run,
    dev,
    check,
    privacy,
    person,
    erase,
    rekey,
    maintain_lake,
    prune,
    sql,
    list_tables,
    quarantine,
    ddl,
    export,
    generate,
):
    main.add_command(module.command)
