"""What the commands of `stedi` share: their flags, the environment these stand for, errors as sentences."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stedi_assets.errors import SettingError, StediError

if TYPE_CHECKING:
    from stedi_assets.lake import Lake
    from stedi_assets.orchestration.resources import Environment

Command = TypeVar("Command", bound=Callable[..., Any])

LAKE_FLAGS = {
    "lake": click.option("--lake", metavar="URI", help="Folder or s3://… of the lake. [STEDI_LAKE]"),
    "catalog": click.option(
        "--catalog", metavar="URI", help="glue, https://…, postgresql://… or sqlite:///…. [STEDI_CATALOG]"
    ),
    "engine": click.option(
        "--engine", metavar="ENGINE", help="sail, local[N], spark://… or sc://…. [STEDI_ENGINE]"
    ),
    "policy": click.option("--policy", metavar="POLICY", help="strict or reference. [STEDI_POLICY]"),
}


def lake_flags(command: Command) -> Command:
    """Adds the flags that say which lake is meant."""
    for flag in reversed(LAKE_FLAGS.values()):
        command = flag(command)
    return command


def environment_of(flags: dict[str, str | None], *, reads_only: bool = False) -> "Environment":
    """The environment of a command: the settings of the process, with the flags that were given.

    Args:
        flags: Flags by the names of their settings, in lower case without `STEDI_`; None for one not given.
        reads_only: See `Environment.from_settings`.

    Raises:
        SettingError: A setting or flag is wrong.
    """
    from stedi_assets.orchestration.resources import Environment

    gc.freeze()
    gc.enable()
    given = {f"STEDI_{name.upper()}": value for name, value in flags.items()}
    return Environment.from_process(given, reads_only=reads_only)


@contextmanager
def sentences() -> Iterator[None]:
    """Prints an error that a person can mend as its sentence, and exits."""
    try:
        yield
    except SettingError as error:
        click.echo(error, err=True)
        sys.exit(2)
    except StediError as error:
        click.echo(error, err=True)
        sys.exit(1)


@contextmanager
def opened_lake(environment: "Environment") -> "Iterator[Lake]":
    """The lake of an environment, for reading outside of a run."""
    import dagster as dg

    from stedi_assets.lake import storage_errors

    with dg.build_resources(environment.resources()) as resources, storage_errors("The lake"):
        yield resources.lake
