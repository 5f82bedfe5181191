"""What the commands of `stedi` share: flags and the settings they stand for, exit codes, errors as sentences.

Loads neither Dagster nor an engine, so that help and wrong flags answer at once.
"""

import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, TypeVar

import click

from stedi_assets.errors import SettingError, StediError, inert
from stedi_assets.settings import PREFIX, SETTINGS, Settings, dagster_home

Command = TypeVar("Command", bound=Callable[..., Any])


OWN_PROCESS = object()
"""The object of a command's context if the process is its own."""


class Exit(IntEnum):
    """The exit codes of `stedi`; EXIT_CODES says what they mean."""

    DONE = 0
    FAILED = 1
    WRONG_SETTING = 2
    CHECK_FAILED = 3
    STOPPED = 130


EXIT_CODES = {
    Exit.DONE: "Done. If a check failed that blocks nothing, the last line says so.",
    Exit.FAILED: "A table was not published, or a check or a query failed.",
    Exit.WRONG_SETTING: "A flag or a setting is wrong, or there is no lake.",
    Exit.CHECK_FAILED: "With --strict: all was published, but a check failed.",
    Exit.STOPPED: "Stopped by Ctrl-C or SIGTERM. The next run goes on.",
}


def listed(title: str, lines: Iterable[str]) -> str:
    """The end of a help: lines that stay as they are, under a title."""
    return "\b\n" + "\n".join([f"{title}:", *(f"  {line}" for line in lines)])


def examples(*lines: str) -> str:
    """The examples at the end of a help."""
    return listed("Examples", lines)


def format_of(*more: str) -> Callable[[Command], Command]:
    """Adds the flag that chooses how results are printed.

    Args:
        more: Forms beside those that all commands have.
    """
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", "csv", "json", *more]),
        default="table",
        show_default=True,
        help="How results are printed on standard output.",
    )


format_option = format_of()


def setting_options(*names: str) -> Callable[[Command], Command]:
    """Adds flags for settings to a command, which receives them as keyword arguments.

    Args:
        names: Names of the flags without dashes, in the order of the help.
    """
    flags = {setting.option: setting for setting in SETTINGS if setting.flag}

    def add(command: Command) -> Command:
        for name in reversed(names):
            setting = flags[name]
            text = f"{setting.help} [{setting.name}]"
            command = click.option(setting.flag, metavar=setting.metavar, help=text)(command)
        return command

    return add


lake_options = setting_options("lake", "catalog", "engine", "policy")
"""Adds the flags that choose the lake and the engine."""

refresh_options = setting_options("landing", "lake", "catalog", "engine", "policy")
"""Adds the flags of a command that reads landing files."""


def settings_of(
    flags: Mapping[str, str | None], *, reads_only: bool = False, there: bool = False
) -> Settings:
    """The settings of a command: those of the process, with the flags that were given.

    Loads Dagster too, but only after the settings turned out to be good.

    Args:
        flags: Flags by name without dashes; None for one that was not given.
        reads_only: See `Settings.from_settings`.
        there: Whether the command works on a lake that is there already.

    Raises:
        SettingError: A setting or flag is wrong, or there is no lake.
    """
    given = {f"{PREFIX}{name.upper()}": value for name, value in flags.items()}
    try:
        settings = Settings.from_process(given, reads_only=reads_only)
        settle(settings)
        if there:
            require_lake(settings)
        import stedi_assets.orchestration.build  # noqa: F401  # loads what every command needs, see `main`
    finally:
        gc.freeze()
        gc.enable()
    return settings


def settle(settings: Settings | None = None) -> None:
    """Makes the process of a command safe from its neighbours and from signals, before it starts a thread.

    Does nothing if the process is not the command's own.

    Args:
        settings: The settings; None for a command that opens no lake.
    """
    if click.get_current_context().find_root().obj is not OWN_PROCESS:
        return

    from stedi_assets.engines.own_network import enter_own_network
    from stedi_assets.orchestration.interrupts import end_on_signals

    if settings is not None and not settings.needs_network:
        enter_own_network()
    end_on_signals()


def require_lake(settings: Settings) -> None:
    """Refuses to go on without a lake, before anything is created.

    Raises:
        SettingError: There is no lake.
    """
    if not settings.lake_may_exist:
        raise SettingError(
            f"There is no lake at {settings.lake}: check STEDI_LAKE or --lake, or build it: `stedi run`."
        )


def no_such_table(name: str, tables: Iterable[str]) -> str:
    """The sentence about a name that is not one of the tables."""
    return f"There is no table {name}: the tables are {', '.join(tables)}."


def finish(failures: Sequence[str], otherwise: Exit = Exit.DONE) -> None:
    """Prints the failures and exits.

    Args:
        failures: One sentence for each.
        otherwise: The exit code if there are none.
    """
    for sentence in failures:
        click.echo(inert(sentence), err=True)
    sys.exit(Exit.FAILED if failures else otherwise)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Shows on a terminal that a command is at work.

    Args:
        what: What it does, such as "reading".
    """
    from rich.console import Console

    terminal = Console(stderr=True)
    if not terminal.is_terminal:
        yield
        return
    with terminal.status(f"{what} …"):
        yield


@contextmanager
def sentences() -> Iterator[None]:
    """Prints an error that a person can fix as its sentence, and exits."""
    try:
        yield
    except StediError as error:
        click.echo(error, err=True)
        sys.exit(Exit.WRONG_SETTING if isinstance(error, SettingError) else Exit.FAILED)
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except Exception as error:
        click.echo(_unexpected(error), err=True)
        sys.exit(Exit.FAILED)


def _unexpected(error: Exception) -> str:
    """The sentence about an error that nothing expects; its text may quote rows or parameters of SQL."""
    from stedi_assets.lake.unexpected import note

    cause: BaseException | None = error
    while cause is not None:
        if "database is locked" in str(getattr(cause, "orig", "")):
            return (
                f"A SQLite file of the Dagster home {dagster_home()} or of the catalog is locked by "
                "another process: let it end, and run again."
            )
        cause = cause.__cause__ or cause.__context__
    return f"{type(error).__name__}, which nothing expects: see {note(error)}, and report it."
