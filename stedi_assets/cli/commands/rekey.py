"""`stedi rekey`: replaces the pseudonym key."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import click

from stedi_assets.cli.options import finish, lake_options, sentences, settings_of
from stedi_assets.errors import SettingError
from stedi_assets.settings import Policy, Settings

if TYPE_CHECKING:
    from stedi_assets.assets import Declared
    from stedi_assets.cli.in_process import OnProgress
    from stedi_assets.cli.run_result import RunResult

DRAFT = ".new"
"""Suffix of the file with a new key until every table is made with it."""


@click.command("rekey")
@lake_options
def command(**flags: str | None) -> None:
    """Replaces the pseudonym key under all policies.

    The new key is STEDI_PSEUDONYM_KEY, or a random one if the key is kept beside the lake.
    """
    with sentences():
        settings = settings_of(flags, there=True)

        from stedi_assets.assets import DECLARED
        from stedi_assets.cli.commands.run import print_run
        from stedi_assets.cli.output import RunDisplay, console

        with RunDisplay(console()).shown() as display:
            results = rekey(settings, display, DECLARED)
        for result in results:
            print_run(result)
        finish([sentence for result in results for sentence in result.failures])


def rekey(settings: Settings, on_progress: "OnProgress", declared: "Declared") -> "list[RunResult]":
    """Rebuilds the pseudonymised tables of every policy with another key.

    The other key is the given one. If the key is kept beside the lake, a new one is made; it replaces the
    former key only when all tables are made with it. A second call completes an interrupted one. Splits of
    people stay as they are.

    Args:
        settings: Where the lake is.
        on_progress: Receives every step.
        declared: The tables.

    Raises:
        SettingError: No pseudonymised table was published yet, or the lake cannot be reached.
    """
    from stedi_assets.cli import in_process

    draft = f"{settings.key_file}{DRAFT}"
    if not settings.key_given:
        settings = replace(settings, key_file=draft)
    results = []
    for policy in get_args(Policy):
        placed = replace(settings, policy=policy)
        if _pseudonymised(placed, declared):
            select = ",".join(spec.name for spec in declared.specs.derived)
            options = in_process.RunOptions(rekey=True)
            results.append(
                in_process.refresh(placed, on_progress, select=select, options=options, declared=declared)
            )
    if not results:
        raise SettingError(f"No table of {settings.lake} was made with a pseudonym key yet: run `stedi run`.")
    if not settings.key_given and not any(result.failures for result in results):
        os.replace(draft, draft.removesuffix(DRAFT))
    return results


def _pseudonymised(settings: Settings, declared: "Declared") -> bool:
    """Whether a table is published that knows people by pseudonym."""
    from stedi_assets.orchestration.resources import opened_lake

    names = [name for name, spec in declared.specs.specs.items() if spec.subjects]
    with opened_lake(settings, declared.specs) as lake:
        return any(lake.pinned(name).exists for name in names)
