"""Who is asked for: what the commands about people share."""

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from stedi_assets.erasure.search import Place

COLUMNS = ("place", "found", "of")
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


def print_places(places: "Iterable[Place]", form: str) -> None:
    """Prints what there is of people, place by place."""
    from stedi_assets.cli.output import print_rows

    print_rows(COLUMNS, [(place.place, place.found, place.of) for place in places], form)
