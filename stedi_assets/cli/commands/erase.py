"""`stedi erase`: erases people, keeps them away, and proves it."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

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
from stedi_assets.cli.people import asked_for, every_lake, people_option
from stedi_assets.errors import counted_words
from stedi_assets.settings import Policy, Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from stedi_assets.cli.in_process import OnProgress
    from stedi_assets.erasure.request import Work, WorkFolder
    from stedi_assets.lake import Lake, Run
    from stedi_assets.scanner.scan import Scan

COLUMNS = ("place", "found", "of")


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

        from stedi_assets.cli.output import print_rows
        from stedi_assets.erasure.plan import make_plan

        with every_lake(settings) as lakes:
            key = lakes[0].erasure_key.read()
            made, work = make_plan(lakes, named, reference, run_now(settings), key)
            work_folder(settings).save(work)
        print_rows(COLUMNS, [(place.place, place.found, place.of) for place in made.places], form)
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

        from stedi_assets.cli.output import RunDisplay, console

        with RunDisplay(console()).shown() as display:
            receipt, scanned = erased(settings, digest, display)
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

        from stedi_assets.erasure.receipt import Receipts
        from stedi_assets.lake.storage import open_storage

        with every_lake(settings) as lakes, waiting("Looking"):
            lake = lakes[0]
            storage = open_storage(lake.erasure, lake.aws)
            Receipts(lake.erasure, storage, lake.erasure_key.read()).check(receipt.read_bytes())
            if people is None:
                left = standing_hits(lakes, run_now(settings))
                click.echo(f"{counted_words(left, 'record', 'records')} of people with tombstones.")
                finish([] if not left else ["People who were erased are back: `stedi erase reapply`."])
            found = look_again(lakes, asked_for(people))
            click.echo(told(found))
            finish([] if found.clean else ["Values of these people are left or came back."])


@command.command("reapply", epilog=examples("stedi erase reapply"))
@refresh_options
def reapply(**flags: str | None) -> None:
    """Erases everyone with a tombstone again, from a lake or a landing root that was put back."""
    with sentences():
        settings = settings_of(flags, there=True)

        from stedi_assets.cli.output import RunDisplay, console
        from stedi_assets.erasure.eraser import reapply as again

        with RunDisplay(console()).shown() as display, every_lake(settings) as lakes:
            done = again(lakes, run_now(settings), refresher(settings, display))
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

        from stedi_assets.erasure.eraser import lift as end
        from stedi_assets.lake.ingestion.erasing import email_forms

        with every_lake(settings) as lakes:
            forms = [form for person in named for form in email_forms(person)]
            ended = end(lakes, forms, reason, int(time.time() * 1000))
        click.echo(f"{counted_words(ended, 'tombstone', 'tombstones')} ended.")


def erased(settings: Settings, digest: str, on_progress: "OnProgress") -> "tuple[str, Scan]":
    """Executes a plan, scans, and signs the receipt.

    Args:
        settings: Where the lake is.
        digest: The digest of the plan.
        on_progress: Receives every step.

    Returns:
        URI of the receipt, and what the scanner found.

    Raises:
        SettingError: There is no such plan.
        LakeError: Something is in the way; the same call goes on afterwards.
    """
    from stedi_assets.erasure.eraser import erase

    folder = work_folder(settings)
    work = folder.load(digest)
    with every_lake(settings) as lakes:
        erase(lakes, work, folder, run_now(settings), refresher(settings, on_progress))
        scanned = scan_for(lakes, settings, work.terms, work.explained, on_progress)
        receipt = signed(lakes[0], work, scanned)
    if scanned.clean:
        folder.wipe(digest)
    return receipt, scanned


def refresher(settings: Settings, on_progress: "OnProgress") -> Any:
    """What makes derived tables anew under a policy, in a run that the UI shows."""
    from stedi_assets.assets import DECLARED
    from stedi_assets.cli.in_process import refresh

    def refreshed(policy: str) -> Sequence[str]:
        placed = replace(settings, policy=cast(Policy, policy))
        return refresh(placed, on_progress, declared=DECLARED).failures

    return refreshed


def scan_for(
    lakes: "Sequence[Lake]",
    settings: Settings,
    terms: "Mapping[str, Sequence[str]]",
    explained: "Collection[str]",
    on_progress: "OnProgress | None" = None,
) -> "Scan":
    """Searches lake, landing root, catalog and Dagster home for values.

    Args:
        lakes: The lake under each policy.
        settings: Where all of them are.
        terms: The values by kind.
        explained: Longer values of others in which one of them occurs.
        on_progress: Receives every file.
    """
    from stedi_assets.lake import Progress
    from stedi_assets.locations import S3, SQLITE
    from stedi_assets.scanner.scan import scan
    from stedi_assets.scanner.terms import Terms

    places = {
        "lake": settings.lake,
        "landing files": settings.landing,
        "tombstones and receipts": settings.erasure,
        "Dagster home": str(settings.dagster_home),
    }
    if settings.catalog.startswith(SQLITE):
        for suffix in ("", "-wal", "-journal"):
            places[f"catalog{suffix}"] = settings.catalog.removeprefix(SQLITE) + suffix
    in_s3 = any(uri.startswith(S3) for uri in places.values())

    def told_file(place: str, files: int) -> None:
        if on_progress is not None and files % 100 == 0:
            on_progress(Progress(place, "scanned files", files))

    return scan(places, Terms(terms, explained), lakes[0].aws.s3 if in_s3 else None, told_file)


def look_again(lakes: "Sequence[Lake]", people: list[str]) -> "Scan":
    """Searches for everything that names some people now."""
    from stedi_assets.erasure.search import look_for

    lake = lakes[0]
    found = look_for(lakes, people)
    settings = Settings.from_process({"STEDI_LAKE": lake.uri, "STEDI_LANDING": lake.landing})
    terms = {kind: sorted(values) for kind, values in found.terms.items()}
    return scan_for(lakes, settings, terms, found.explained)


def standing_hits(lakes: "Sequence[Lake]", run: "Run") -> int:
    """How many records of people with tombstones the landing files and the landing tables hold."""
    from stedi_assets.lake.ingestion.erasing import gone_of, landing_hits

    left = sum(hit.erased for spec in lakes[0].tables.landing for hit in landing_hits(lakes[0], spec))
    return left + sum(gone_of(lake, spec, run).total for lake in lakes for spec in lake.tables.landing)


def signed(lake: "Lake", work: "Work", scanned: "Scan") -> str:
    """Signs the receipt of an erasure."""
    from stedi_assets.erasure.receipt import Receipts
    from stedi_assets.lake.storage import open_storage

    receipts = Receipts(lake.erasure, open_storage(lake.erasure, lake.aws), lake.erasure_key.read())
    return receipts.sign(
        {
            "asked by": work.reference,
            "people": len(work.people),
            "plan": work.digest,
            "found": work.plan["places"],
            "decided": work.plan["decisions"],
            "done": work.done,
            "level": {
                "tables": "physical: former snapshots, manifests and metadata were deleted",
                "landing files": "physical, with former versions of objects",
                "catalog": work.done["catalog"],
            },
            "scanner": {
                "files": scanned.files,
                "bytes": scanned.bytes,
                "clean": scanned.clean,
                "found": {f"{place}: {kind}": number for (place, kind), number in scanned.hits.items()},
                "unreadable": dict(scanned.unreadable),
            },
            "version": version("stedi_assets"),
            "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
    )


def told(scanned: "Scan") -> str:
    """What a scan found, in a sentence."""
    seen = f"{counted_words(scanned.files, 'file', 'files')}, {scanned.bytes / 1e6:,.1f} MB, were searched"
    if scanned.clean:
        return f"{seen}: nothing of them is left."
    parts = [f"{number:,} {kind} in {place}" for (place, kind), number in sorted(scanned.hits.items())]
    parts += [f"{number:,} unreadable files in {place}" for place, number in scanned.unreadable.items()]
    return f"{seen}: {', '.join(parts)}."


def run_now(settings: Settings) -> "Run":
    """A run at the present time, which Dagster does not know."""
    from stedi_assets.cli.in_process import RunOptions

    return replace(RunOptions().run(settings.policy), id="erasure")


def work_folder(settings: Settings) -> "WorkFolder":
    """The folder of work files, beside the Dagster home."""
    from stedi_assets.erasure.request import WorkFolder

    home = settings.dagster_home
    return WorkFolder(home.with_name(f"{home.name}-erasures"))
