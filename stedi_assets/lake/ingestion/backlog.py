"""What waits below the landing root, and when something last arrived: by the ledger, without the engine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stedi_assets.lake.ingestion.files import LandingFile
from stedi_assets.lake.ingestion.ledger import INGESTED
from stedi_assets.lake.ingestion.staged_batch import listed_files
from stedi_assets.tables import TableSpec

if TYPE_CHECKING:
    from stedi_assets.lake.resource import Lake


@dataclass(frozen=True)
class Waiting:
    """What the next run that ingests will find of a table.

    Attributes:
        files: Landing files that the ledger does not know in this version.
        deleted: Paths of landing files that are gone, of which the ledger does not say so.
        due: Instant that has come, at which a consent or record takes effect, epoch ms.
    """

    files: tuple[LandingFile, ...] = ()
    deleted: tuple[str, ...] = ()
    due: int | None = None


def waiting_files(lake: "Lake", spec: TableSpec) -> Waiting:
    """Compares the landing files of a table with the ledger.

    Raises:
        SettingError: The landing root, the lake or the catalog cannot be reached.
    """
    files = listed_files(lake, spec)
    ledger = lake.ledger(spec.name)
    return Waiting(tuple(ledger.waiting(files)), tuple(entry.path for entry in ledger.gone(files)))


def due_change(lake: "Lake", spec: TableSpec, now: int) -> Waiting:
    """Whether time alone changes a table by now.

    Args:
        lake: The lake.
        spec: The table.
        now: The time, epoch ms.
    """
    handle = lake.pinned(spec.name)
    record = handle.record if handle.exists else None
    due = record.next_change if record else None
    return Waiting(due=due if due is not None and due <= now else None)


def last_arrival(lake: "Lake", spec: TableSpec, now: int) -> int | None:
    """When a file with rows last arrived for a table of the landing zone, epoch ms; None if none ever did.

    That is when it was written, or ingested if that was later; a time in the future is none.

    Args:
        lake: The lake.
        spec: The table.
        now: The time, epoch ms.

    Raises:
        SettingError: The lake or the catalog cannot be reached.
    """
    entries = [entry for entry in lake.ledger(spec.name).entries if entry.outcome == INGESTED and entry.rows]
    times = [time for entry in entries for time in (entry.seen, entry.modified) if time <= now]
    return max(times, default=None)
