"""`stedi erase`: erases people, keeps them away, and proves it."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stedi_assets.cli.options import (
    examples,
    finish,
    format_option,
    refresh_options,
    sentences,
    settings_of,
    waiting,
)
from stedi_assets.cli.people import asked_for, people_option, print_places
from stedi_assets.errors import counted_words
from stedi_assets.settings import Policy, Settings

if TYPE_CHECKING:
    from stedi_assets.assets import Declared
    from stedi_assets.cli.in_process import OnProgress
    from stedi_assets.erasure.eraser import Refresh


@click.group("erase")
def command() -> None:
    """Erases people everywhere, keeps them away, and proves it."""


@command.command("plan", epilog=examples("stedi erase plan --people request.txt --reference 2026-017"))
@people_option
@click.option("--reference", default="", help="Who asked, such as a ticket; it will be in the receipt.")
@format_option
@refresh_options
def plan(people: Any, reference: str, form: str, **flags: str | None) -> None:
    """Finds everything of some people, and names what is to be done with a digest."""
    with sentences():
        named = asked_for(people)
        settings = settings_of(flags, there=True)

        from stedi_assets.assets import DECLARED
        from stedi_assets.erasure.plan import make_plan
        from stedi_assets.orchestration.erasing import every_lake, run_now, work_folder

        with every_lake(settings, DECLARED) as lakes:
            lakes[0].erasures.check_place()
            key = lakes[0].erasure_key.read()
            made, work = make_plan(lakes, named, reference, run_now(settings), key)
            work_folder(settings).save(work)
        print_places(made.places, form)
        for sentence in (*made.decisions, *(f"Blocked: {reason}" for reason in made.blocked)):
            click.echo(f"{sentence}.", err=True)
        click.echo(
            f"Plan {work.digest} for {counted_words(made.people, 'person', 'people')}. Readers of former "
            f"snapshots get no grace period. `stedi erase run {work.digest}` executes it.",
            err=True,
        )


@command.command("run", epilog=examples("stedi erase run 0123456789abcdef"))
@click.argument("digest")
@refresh_options
def run(digest: str, **flags: str | None) -> None:
    """Executes a plan; the same command goes on where it was stopped."""
    with sentences():
        settings = settings_of(flags, there=True)

        from stedi_assets.assets import DECLARED
        from stedi_assets.cli.output import RunDisplay, console
        from stedi_assets.orchestration.erasing import erased, told

        with RunDisplay(console(stderr=True)).shown() as display:
            refresh = refresher(settings, display, DECLARED)
            receipt, scanned = erased(settings, DECLARED, digest, refresh)
        click.echo(f"Receipt: {receipt}")
        click.echo(told(scanned))
        finish([] if scanned.clean else ["The erasure is not clean: the receipt says where values are left."])


@command.command(
    "verify",
    epilog=examples("stedi erase verify .stedi/lake.erasure/receipts/000001.json --people request.txt"),
)
@click.argument("receipt", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@people_option
@refresh_options
def verify(receipt: Path, people: Any, **flags: str | None) -> None:
    """Looks again, at any later time.

    Without people it compares what the landing files and tables hold with the tombstones. With people it
    searches every byte for what is theirs.
    """
    with sentences():
        settings = settings_of(flags, there=True)

        from stedi_assets.assets import DECLARED
        from stedi_assets.orchestration.erasing import (
            every_lake,
            look_again,
            receipts_of,
            run_now,
            standing_hits,
            told,
        )

        with every_lake(settings, DECLARED) as lakes, waiting("Looking"):
            receipts_of(lakes[0]).check(receipt.read_bytes())
            if people is None:
                left = standing_hits(lakes, run_now(settings))
                click.echo(f"{counted_words(left, 'record', 'records')} of people with tombstones.")
                finish([] if not left else ["People who were erased are back: `stedi erase reapply`."])
            found = look_again(lakes, settings, asked_for(people))
            click.echo(told(found))
            finish([] if found.clean else ["Values of these people are left or came back."])


@command.command("reapply", epilog=examples("stedi erase reapply"))
@refresh_options
def reapply(**flags: str | None) -> None:
    """Erases everyone with a tombstone again, from a lake or a landing root that was put back."""
    with sentences():
        settings = settings_of(flags, there=True)

        from stedi_assets.assets import DECLARED
        from stedi_assets.cli.output import RunDisplay, console
        from stedi_assets.erasure.eraser import reapply as again
        from stedi_assets.orchestration.erasing import every_lake, run_now

        with RunDisplay(console(stderr=True)).shown() as display, every_lake(settings, DECLARED) as lakes:
            done = again(lakes, run_now(settings), refresher(settings, display, DECLARED))
        for step, result in done.items():
            click.echo(f"{step}: {result}")


@command.command("lift", epilog=examples('stedi erase lift --people request.txt --reason "registered again"'))
@people_option
@click.option("--reason", required=True, help="Why they may come back, without personal data.")
@refresh_options
def lift(people: Any, reason: str, **flags: str | None) -> None:
    """Ends tombstones of people who want to come back."""
    with sentences():
        named = asked_for(people)
        settings = settings_of(flags, there=True)

        from stedi_assets.assets import DECLARED
        from stedi_assets.erasure.eraser import lift as end
        from stedi_assets.lake.ingestion.erasing import email_forms
        from stedi_assets.orchestration.erasing import every_lake

        with every_lake(settings, DECLARED) as lakes:
            forms = [form for person in named for form in email_forms(person)]
            ended = end(lakes, forms, reason, int(time.time() * 1000))
        click.echo(f"{counted_words(ended, 'tombstone', 'tombstones')} ended.")


def refresher(settings: Settings, on_progress: "OnProgress", declared: "Declared") -> "Refresh":
    """What rebuilds derived tables under a policy, in a run that the UI shows."""
    from stedi_assets.cli.in_process import refresh

    def refreshed(policy: Policy) -> Sequence[str]:
        return refresh(replace(settings, policy=policy), on_progress, declared=declared).failures

    return refreshed
