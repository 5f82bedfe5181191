"""What the commands about people share: who is asked for, and the lake under every policy."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from stedi_assets.errors import SettingError
from stedi_assets.settings import Policy, Settings

if TYPE_CHECKING:
    from stedi_assets.lake import Lake

Command = TypeVar("Command", bound=Callable[..., Any])


def people_option(command: Command) -> Command:
    """Adds the flag that names the people; no email is ever an argument, which other users could see."""
    return click.option(
        "--people",
        type=click.File("r", encoding="utf-8-sig"),
        help="A file with one email per line; - for standard input, which is also read without this flag.",
    )(command)


def asked_for(people: Any) -> list[str]:
    """The people whom a file, standard input or a person at a prompt names.

    Raises:
        SettingError: A line is no email, or there is none.
    """
    from stedi_assets.erasure.request import people_of

    if people is not None:
        return people_of(people)
    if sys.stdin.isatty():
        click.echo("Emails, one per line; an empty line ends the list:", err=True)
        return people_of(iter(lambda: click.prompt("", default="", show_default=False, prompt_suffix=""), ""))
    return people_of(sys.stdin)


@contextmanager
def every_lake(settings: Settings) -> "Iterator[list[Lake]]":
    """Opens the lake under every policy that has tables.

    Raises:
        SettingError: There is none.
    """
    from stedi_assets.orchestration.resources import opened_lake

    with ExitStack() as stack:
        lakes = []
        for policy in get_args(Policy):
            lake = stack.enter_context(opened_lake(replace(settings, policy=policy)))
            if any(lake.pinned(spec.name).exists for spec in lake.tables.landing):
                lakes.append(lake)
        if not lakes:
            raise SettingError(f"There is no table in {settings.lake} yet: `stedi run` publishes them.")
        yield lakes
