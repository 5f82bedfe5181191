"""`stedi person`: what the lake holds of someone, and a copy of it."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stedi_assets.cli.options import examples, format_option, refresh_options, sentences, settings_of
from stedi_assets.cli.people import asked_for, people_option, print_places
from stedi_assets.errors import SettingError

if TYPE_CHECKING:
    from stedi_assets.erasure.search import Found
    from stedi_assets.lake import Lake
    from stedi_assets.lake.ingestion.erasing import Tombstones


@click.group("person")
def command() -> None:
    """Answers what the lake holds of someone."""


@command.command(
    "show",
    epilog=examples(
        "stedi person show --people request.txt", "stedi person show --people request.txt --export answer"
    ),
)
@people_option
@click.option("--export", type=click.Path(path_type=Path), help="A new folder for a copy of their data.")
@format_option
@refresh_options
def show(people: Any, export: Path | None, form: str, **flags: str | None) -> None:
    """Counts what there is of someone, place by place.

    With --export it writes their data to files, as received and as landed. Emails come from a file or from
    standard input.
    """
    with sentences():
        named = asked_for(people)
        settings = settings_of(flags, there=True)

        from stedi_assets.assets import DECLARED
        from stedi_assets.erasure.search import all_hits, look_for, places
        from stedi_assets.orchestration.erasing import every_lake, run_now

        with every_lake(settings, DECLARED) as lakes:
            found = look_for(lakes, named)
            tombstones = found.tombstones(os.urandom(32))
            hits = all_hits(lakes[0], tombstones)
            print_places(places(lakes, found, tombstones, run_now(settings), hits), form)
            if export is not None:
                copied = copy_out(lakes[0], found, tombstones, export)
                click.echo(f"{copied:,} records were copied to {export}.", err=True)


def copy_out(lake: "Lake", found: "Found", tombstones: "Tombstones", folder: Path) -> int:
    """Writes the data of people to files that only their owner may read.

    Args:
        lake: The lake.
        found: The people.
        tombstones: The tombstones that they would have.
        folder: A new folder.

    Returns:
        The number of records.

    Raises:
        SettingError: The folder exists.
    """
    from stedi_assets.erasure.search import theirs
    from stedi_assets.lake.ingestion.erasing import delivered

    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise SettingError(f"--export {folder}: {error.strerror}: give the path of a new folder.") from None
    copied = 0
    for spec in lake.tables.landing:
        landed = (row for batch in theirs(lake, spec, found, spec.columns) for row in batch.to_pylist())
        parts = {
            "delivered": delivered(lake, spec, tombstones),
            "landed": (json.dumps(row, default=str, ensure_ascii=False) for row in landed),
        }
        for kind, lines in parts.items():
            target = os.open(
                folder / f"{spec.name}-{kind}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
            )
            with open(target, "w", encoding="utf-8", errors="surrogateescape") as out:
                for line in lines:
                    out.write(f"{line}\n")
                    copied += 1
    return copied
