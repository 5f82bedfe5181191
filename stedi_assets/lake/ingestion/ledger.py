"""The ledger: the outcome of every landing file that was ever seen.

It is small, some hundred bytes per file, so it is read and written in this process, without the engine. The
entries of a landing table lie in one data file, which is written again whenever one of them changes.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from stedi_assets.lake.ingestion.files import HARMLESS, LandingFile
from stedi_assets.lake.resource import Lake
from stedi_assets.schemas.system import DUPLICATE, IGNORED, INGESTED, REFUSED
from stedi_assets.tables import LEDGER

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table


@dataclass(frozen=True)
class RecordCounts:
    """Records of landing files by outcome; lines = rows + quarantined + empty + erased.

    Attributes:
        files: Files.
        lines: Lines; one record each.
        rows: Lines that became rows.
        quarantined: Lines that went to the quarantine.
        empty: Empty lines.
        erased: Records of people who were erased, which are kept nowhere.
        unknown_keys: Unknown keys of rows.
        coerced: Values of rows that landed as text or null.
        nameless: Quarantined lines about a person that name no one.
        refused: Files that were refused as a whole.
        doubtful: Of these, files that may hold records.
        ignored: Files that other programs left.
        reasons: Quarantined lines by reason.
    """

    files: int = 0
    lines: int = 0
    rows: int = 0
    quarantined: int = 0
    empty: int = 0
    erased: int = 0
    unknown_keys: int = 0
    coerced: int = 0
    nameless: int = 0
    refused: int = 0
    doubtful: int = 0
    ignored: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "RecordCounts") -> "RecordCounts":
        names = [part.name for part in fields(self)]
        return RecordCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def as_mapping(self) -> Mapping[str, int]:
        """The counts by name, without those by reason."""
        return {part.name: getattr(self, part.name) for part in fields(self) if part.name != "reasons"}


@dataclass(frozen=True)
class Entry:
    """A version of a landing file and its outcome; the model of the ledger describes its columns."""

    path: str
    version: str
    content: str | None
    size: int
    modified: int
    outcome: str
    batch_id: str
    run: str
    seen: int
    code_version: str
    reason: str | None = None
    lines: int = 0
    rows: int = 0
    quarantined: int = 0
    empty_lines: int = 0
    nameless: int = 0
    unknown_keys: int = 0
    coerced: int | None = None
    reasons: str = "{}"
    days: str | None = None
    deleted: int | None = None
    parser: str | None = None
    erased: int | None = None
    former: str | None = None

    @property
    def event_dates(self) -> frozenset[date]:
        """The days of its rows."""
        return frozenset(date.fromisoformat(day) for day in (self.days or "").split())

    @property
    def counts(self) -> RecordCounts:
        """The outcome of its lines."""
        return RecordCounts(
            files=1,
            lines=self.lines,
            rows=self.rows,
            quarantined=self.quarantined,
            empty=self.empty_lines,
            erased=self.erased or 0,
            unknown_keys=self.unknown_keys,
            coerced=self.coerced or 0,
            nameless=self.nameless,
            reasons=Counter(json.loads(self.reasons)),
        )


def counted(counts: RecordCounts, days: Collection[date] | None) -> dict[str, object]:
    """Returns the columns of an entry that describe the lines of its file.

    Args:
        counts: The outcome of the lines.
        days: The days of the rows, for tables with days.
    """
    return {
        "lines": counts.lines,
        "rows": counts.rows,
        "quarantined": counts.quarantined,
        "empty_lines": counts.empty,
        "erased": counts.erased,
        "nameless": counts.nameless,
        "unknown_keys": counts.unknown_keys,
        "coerced": counts.coerced,
        "reasons": json.dumps(counts.reasons, sort_keys=True),
        "days": None if days is None else " ".join(sorted(day.isoformat() for day in days)),
    }


@dataclass(frozen=True)
class Ledger:
    """The entries of one landing table.

    Attributes:
        table: The landing table.
        entries: The entries.
    """

    table: str
    entries: tuple[Entry, ...] = ()

    @cached_property
    def current(self) -> Mapping[str, Entry]:
        """The version of every file whose content counts, by path; deleted files still count."""
        return {entry.path: entry for entry in self.entries if entry.outcome in (INGESTED, DUPLICATE)}

    @cached_property
    def refused(self) -> Mapping[str, Entry]:
        """The files that were refused as a whole, by path."""
        return {entry.path: entry for entry in self.entries if entry.outcome == REFUSED}

    @cached_property
    def ignored(self) -> Mapping[str, Entry]:
        """The files that other programs left, by path."""
        return {entry.path: entry for entry in self.entries if entry.outcome == IGNORED}

    @property
    def totals(self) -> RecordCounts:
        """The outcome of the lines of all files with rows in the table, and of files that are not read."""
        ingested = (entry.counts for entry in self.entries if entry.outcome == INGESTED)
        doubtful = [entry for entry in self.refused.values() if entry.reason not in HARMLESS]
        unread = RecordCounts(refused=len(self.refused), doubtful=len(doubtful), ignored=len(self.ignored))
        return sum(ingested, unread)

    def knows(self, file: LandingFile) -> bool:
        """Whether this version of a file was seen before."""
        entries = [self.current.get(file.path), self.refused.get(file.path)]
        return any(entry and entry.version == file.version and entry.deleted is None for entry in entries)

    def waiting(self, files: Iterable[LandingFile]) -> list[LandingFile]:
        """The files that are new in this version; those that are ignored never wait."""
        return [file for file in files if file.kind != "ignored" and not self.knows(file)]

    def gone(self, files: Iterable[LandingFile]) -> list[Entry]:
        """The entries of files that were deleted since they were seen."""
        listed = {file.path for file in files}
        entries = [*self.current.values(), *self.refused.values()]
        return [entry for entry in entries if entry.deleted is None and entry.path not in listed]


def ledger_of(lake: Lake, landing_table: str) -> Ledger:
    """The ledger of a landing table."""
    pinned = lake.system(LEDGER, landing_table)
    return read_ledger(landing_table, pinned.table if pinned.exists else None, pinned.files)


def read_ledger(landing_table: str, table: "Table | None", files: "list[DataFile]") -> Ledger:
    """Reads the entries of a landing table.

    Args:
        landing_table: The landing table.
        table: The Iceberg table of the ledger; None if it does not exist yet.
        files: Its data files for this landing table.
    """
    import pyarrow.parquet as pq

    entries: list[Entry] = []
    names = {part.name for part in fields(Entry)}
    for file in files:
        assert table is not None
        with table.io.new_input(file.file_path).open() as stream:
            rows = pq.read_table(stream)
        # A file may be older than a column.
        written = [name for name in rows.column_names if name in names]
        entries += [Entry(**row) for row in rows.select(written).to_pylist()]
    return Ledger(landing_table, tuple(entries))


def write_ledger(ledger: Ledger, table: "Table", uri: str) -> None:
    """Writes the entries to a Parquet file that no snapshot names yet.

    Args:
        ledger: The entries; at least one.
        table: The Iceberg table of the ledger.
        uri: The file.
    """
    import pyarrow.parquet as pq

    with table.io.new_output(uri).create() as stream:
        pq.write_table(_arrow(ledger), stream, compression="zstd")


def _arrow(ledger: Ledger) -> "pa.Table":
    import pyarrow as pa

    types = {"bigint": pa.int64(), "string": pa.string()}
    schema = pa.schema([(field.name, types[field.dataType.simpleString()]) for field in LEDGER.schema])
    rows = [{"table_name": ledger.table, **asdict(entry)} for entry in ledger.entries]
    return pa.Table.from_pylist(rows, schema=schema)
