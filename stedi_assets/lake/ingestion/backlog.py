"""The backlog: what waits below the landing root, and the last arrival. Reads the ledger, not the engine."""

from dataclasses import dataclass

from stedi_assets.lake.ingestion.files import LandingFile
from stedi_assets.lake.ingestion.landing_refresh import listed_files
from stedi_assets.lake.ingestion.ledger import ledger_of
from stedi_assets.lake.resource import Lake
from stedi_assets.schemas.system import INGESTED
from stedi_assets.tables import TableSpec


@dataclass(frozen=True)
class Waiting:
    """Work for the next run that ingests a table.

    Attributes:
        files: Landing files that the ledger does not know in this version.
        deleted: Paths of landing files that were deleted and are not marked so in the ledger.
        due: Time that has passed, at which a consent or record takes effect, epoch ms.
        outdated: Policy and code version of the table, if one is not the present one; else empty.
    """

    files: tuple[LandingFile, ...] = ()
    deleted: tuple[str, ...] = ()
    due: int | None = None
    outdated: str = ""


def waiting_work(lake: Lake, spec: TableSpec, now: int) -> Waiting:
    """Compares the landing files of a table with the ledger, and what it was made with with the present.

    Args:
        lake: The lake.
        spec: The table; only one of the landing zone has files.
        now: The time, epoch ms.

    Raises:
        SettingError: The landing root, the lake or the catalog cannot be reached.
    """
    files: tuple[LandingFile, ...] = ()
    deleted: tuple[str, ...] = ()
    if spec.source is not None:
        listed, ledger = listed_files(lake, spec), ledger_of(lake, spec.name)
        files, deleted = tuple(ledger.waiting(listed)), tuple(entry.path for entry in ledger.gone(listed))
    published = lake.pinned(spec.name)
    record = published.record if published.exists else None
    if record is None:
        return Waiting(files, deleted)
    due = record.next_change if record.next_change is not None and record.next_change <= now else None
    current = (record.policy, record.code_version) == (lake.policy, spec.code_version)
    return Waiting(files, deleted, due, "" if current else f"{record.policy} {record.code_version}")


def last_arrival(lake: Lake, spec: TableSpec, now: int) -> int | None:
    """Returns when a file with rows last arrived for a table of the landing zone, epoch ms; None if never.

    A file arrives when it is written, or when it is ingested if that is later.
    Times in the future are left out.

    Args:
        lake: The lake.
        spec: The table.
        now: The time, epoch ms.

    Raises:
        SettingError: The lake or the catalog cannot be reached.
    """
    entries = [
        entry for entry in ledger_of(lake, spec.name).entries if entry.outcome == INGESTED and entry.rows
    ]
    times = [time for entry in entries for time in (entry.seen, entry.modified) if time <= now]
    return max(times, default=None)
