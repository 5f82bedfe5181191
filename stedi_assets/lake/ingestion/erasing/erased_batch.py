"""The batch that takes erased people out of a landing table: rows, quarantined lines, activity, ledger.

Only data files with rows of theirs are written again, without the engine. The batch is published like any
other: the landing table first, whose snapshot names the files of the system tables.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from stedi_assets.lake.erasures import keyed_hash
from stedi_assets.lake.iceberg.commit import describe_files
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.staging import StagingArea
from stedi_assets.lake.iceberg.table import PinnedTable, TableFiles, content_of, file_day
from stedi_assets.lake.ingestion.erasing.rewriting import Rewritten
from stedi_assets.lake.ingestion.erasing.tombstones import ErasedRecords
from stedi_assets.lake.ingestion.ledger import Entry, Ledger
from stedi_assets.lake.ingestion.reader import erased_records
from stedi_assets.lake.ingestion.staged_batch import LandingState, StagingAreas, ledger_change
from stedi_assets.lake.ingestion.system_tables import Change, Changes
from stedi_assets.lake.model import Outcome, Plan, Staged, StagedBatch
from stedi_assets.schemas.system import DUPLICATE, INGESTED, SUPERSEDED
from stedi_assets.tables import ACTIVITY, LEDGER, QUARANTINE

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.manifest import DataFile

Keep = Callable[["pa.RecordBatch", "Gone"], "pa.RecordBatch"]
"""Takes rows, counts those that go, and returns those that stay."""


@dataclass(frozen=True)
class _Part:
    """A table whose rows are looked at.

    Attributes:
        pinned: The table.
        files: Its data files.
        columns: The columns that decide.
        keep: Decides.
    """

    pinned: PinnedTable
    files: "list[DataFile]"
    columns: list[str]
    keep: Keep


@dataclass
class Gone:
    """What leaves a landing table and its part of the system tables.

    Attributes:
        rows: Rows by landing file.
        lines: Quarantined lines by landing file and reason.
        activity: Rows of the activity.
        paths: Landing files with rows or lines of theirs, also with lines of which only the text goes.
    """

    rows: Counter[str] = field(default_factory=Counter)
    lines: Counter[tuple[str, str]] = field(default_factory=Counter)
    activity: int = 0
    paths: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        """Rows and lines."""
        return self.rows.total() + self.lines.total() + self.activity


@dataclass(frozen=True)
class _Written:
    """Data files that go, and URIs of those that come in their place."""

    removed: "list[DataFile]"
    added: list[str]

    @property
    def change(self) -> Change | None:
        if not self.removed:
            return None
        return Change(removed=[file.file_path for file in self.removed], added=self.added)


def find_gone(state: LandingState) -> Gone:
    """Counts what erased people have in a landing table, and changes nothing."""
    gone, erased = Gone(), erased_records(state.spec, state.tombstones)
    if erased is not None and state.base is not None:
        for part in _parts(state, erased):
            for batch in part.pinned.batches(part.columns, part.files):
                part.keep(batch, gone)
    return gone


def stage_erasure(state: LandingState, rewritten: Mapping[str, Rewritten]) -> Outcome | None:
    """Stages a landing table without the erased people.

    Args:
        state: The landing table, its ledger, and the tombstones.
        rewritten: The landing files that were rewritten, by path.

    Returns:
        None if nothing changes.
    """
    erased, record = erased_records(state.spec, state.tombstones), state.record
    if erased is None or state.base is None or record is None:
        return None
    gone, areas = Gone(), StagingAreas.fresh(state)
    try:
        written = [
            _write_again(part, area, gone)
            for part, area in zip(
                _parts(state, erased), (areas.rows, areas.quarantine, areas.activity), strict=True
            )
        ]
        return _outcome(state, areas, written, gone, rewritten)
    except BaseException:
        areas.discard()
        raise


def _parts(state: LandingState, erased: ErasedRecords) -> Iterator[_Part]:
    """Landing table, quarantine and activity."""
    spec, lake = state.spec, state.lake
    assert spec.source is not None
    named = [name for name in (spec.source.person or spec.source.who, spec.instant) if name]
    quarantine, activity = (lake.system(system, spec.name) for system in (QUARANTINE, ACTIVITY))
    yield _Part(
        state.published,
        _files_with_rows(state, erased, activity),
        [*named, "source_file"],
        lambda rows, gone: _without_rows(rows, state, erased, gone),
    )
    yield _Part(
        quarantine,
        quarantine.files,
        ["raw", "people", "source_file", "reason"],
        lambda rows, gone: _without_lines(rows, erased, gone),
    )
    yield _Part(
        activity,
        activity.files,
        ["who", "last_instant"],
        lambda rows, gone: _without_activity(rows, erased, gone),
    )


def _files_with_rows(state: LandingState, erased: ErasedRecords, activity: PinnedTable) -> "list[DataFile]":
    """The data files that may have rows of theirs: for readings, those of the days of their activity."""
    if not state.spec.partitioned or not activity.files:
        return state.files
    days: set[date] = set()
    for batch in activity.batches(["who", "event_date"]):
        for who, day in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if erased.knows(who):
                days.add(day)
    renamed = {path for entry in state.ledger.entries if erased.tombstones.names_in(path := entry.path)}
    days |= {day for entry in state.ledger.entries if entry.path in renamed for day in entry.event_dates}
    return [file for file in state.files if file_day(file) in days]


def _without_rows(
    rows: "pa.RecordBatch", state: LandingState, erased: ErasedRecords, gone: Gone
) -> "pa.RecordBatch":
    import pyarrow as pa
    import pyarrow.compute as pc

    source = state.spec.source
    assert source is not None
    rows = _renamed(rows, erased)
    named = rows.column(source.person or source.who)
    suspects = [name for name in pc.unique(named).to_pylist() if erased.knows(name)]
    if not suspects:
        return rows
    theirs = pc.is_in(named, pa.array(suspects))
    if erased.device and state.spec.instant:
        instants = rows.column(state.spec.instant).to_pylist()
        pairs = zip(theirs.to_pylist(), named.to_pylist(), instants, strict=True)
        theirs = pa.array([found and erased.knows(serial, at) for found, serial, at in pairs])
    gone.rows.update(rows.filter(theirs).column("source_file").to_pylist())
    gone.paths.update(gone.rows)
    return rows.filter(pc.invert(theirs))


def _renamed(rows: "pa.RecordBatch", erased: ErasedRecords) -> "pa.RecordBatch":
    """The rows under paths that hold no name of an erased person."""
    import pyarrow as pa

    paths, known = rows.column("source_file"), _paths(rows, erased)
    if all(path == anonymous for path, anonymous in known.items()):
        return rows
    place = rows.schema.get_field_index("source_file")
    named = pa.array([known[path] for path in paths.to_pylist()], paths.type)
    return rows.set_column(place, rows.schema.field(place), named)


def _paths(rows: "pa.RecordBatch", erased: ErasedRecords) -> dict[str, str]:
    """The paths of the landing files of some rows, and what each may be called."""
    return {
        path: erased.tombstones.anonymous(path) for path in rows.column("source_file").unique().to_pylist()
    }


def _without_lines(rows: "pa.RecordBatch", erased: ErasedRecords, gone: Gone) -> "pa.RecordBatch":
    import pyarrow as pa

    lines, kept = rows.to_pylist(), []
    known = _paths(rows, erased)
    for line in lines:
        left, path = erased.faulty(line["raw"], line["people"]), known[line["source_file"]]
        if left != (line["raw"], line["people"]):
            gone.paths.add(path)
        if left is None:
            gone.lines[path, line["reason"]] += 1
        else:
            kept.append({**line, "raw": left[0], "people": left[1], "source_file": path})
    return rows if kept == lines else pa.RecordBatch.from_pylist(kept, schema=rows.schema)


def _without_activity(rows: "pa.RecordBatch", erased: ErasedRecords, gone: Gone) -> "pa.RecordBatch":
    import pyarrow as pa

    pairs = zip(rows.column("who").to_pylist(), rows.column("last_instant").to_pylist(), strict=True)
    stay = [not erased.knows(who, last) for who, last in pairs]
    gone.activity += stay.count(False)
    return rows if all(stay) else rows.filter(pa.array(stay))


def _write_again(part: _Part, area: StagingArea, gone: Gone) -> _Written:
    """Writes the data files again whose rows do not all stay."""
    import pyarrow.parquet as pq

    pinned = part.pinned
    removed: list[DataFile] = []
    added: list[str] = []
    for file in part.files:
        looked_at = pinned.batches(part.columns, [file])
        if all(part.keep(batch, Gone()) is batch for batch in looked_at):
            continue
        uri, writer = f"{area.folder}/erased/{len(removed):05}.parquet", None
        removed.append(file)
        with pinned.table.io.new_output(uri).create() as stream:
            for batch in pinned.batches(None, [file]):
                left = part.keep(batch, gone)
                if left.num_rows:
                    writer = writer or pq.ParquetWriter(stream, left.schema, compression="zstd")
                    writer.write_batch(left)
            if writer is not None:
                writer.close()
        if writer is None:
            pinned.table.io.delete(uri)
        else:
            added.append(uri)
    return _Written(removed, added)


def _outcome(
    state: LandingState,
    areas: StagingAreas,
    written: list[_Written],
    gone: Gone,
    rewritten: Mapping[str, Rewritten],
) -> Outcome | None:
    rows, lines, activity = written
    named = any(state.tombstones.names_in(entry.path) for entry in state.ledger.entries)
    changed = gone.total or rows.removed or lines.removed or named
    if not changed and not rewritten.keys() & state.ledger.current.keys():
        areas.discard()
        return None
    lake, spec = state.lake, state.spec
    table = lake.existing_table(spec)
    added = describe_files(table, rows.added)
    kept = [file for file in state.files if file not in rows.removed]
    days = {file_day(file) for file in rows.removed} if spec.partitioned else None
    present = _days_of_files(state, kept, added, days)
    entries = tuple(_entry(entry, state, gone, rewritten, present) for entry in state.ledger.entries)
    ledger = Ledger(spec.name, entries)
    tables = {
        QUARANTINE.name: lines.change,
        ACTIVITY.name: activity.change,
        LEDGER.name: ledger_change(state, ledger, areas.ledger),
    }
    batch_id = keyed_hash(state.tombstones.key, "batch", f"{state.base} {state.run.id}")[:32]
    changes = Changes(batch_id, {name: change for name, change in tables.items() if change is not None})
    snapshot_id = table.metadata.new_snapshot_id()
    record = _record(state, ledger, changes, snapshot_id, bool(rows.removed), bool(lines.removed), days)
    before = lake.system(QUARANTINE, spec.name).files
    staged_lines = describe_files(lake.existing_table(QUARANTINE), lines.added) if lines.added else []
    return Outcome(
        plan=Plan(spec, state.base, record, ("an erasure",), previous=state.record),
        snapshot_id=snapshot_id,
        content=content_of(spec, [*kept, *added]),
        record=record,
        files=TableFiles(spec, added, "the files without erased people", schema=table.schema(), staged=True),
        staged=Staged(removed=rows.removed, added=added, area=areas.rows, kept=kept),
        batch=StagedBatch(
            areas=areas.of_system_tables,
            lines=TableFiles(
                QUARANTINE,
                [*(file for file in before if file not in lines.removed), *staged_lines],
                "the lines",
            ),
            more=False,
        ),
    )


def _days_of_files(
    state: LandingState, kept: "list[DataFile]", added: "list[DataFile]", days: set[date] | None
) -> dict[date, set[str]]:
    """The landing files that still have rows on the days that changed."""
    present: dict[date, set[str]] = {day: set() for day in days or ()}
    for file in [*kept, *added] if present else ():
        if file_day(file) in present:
            for batch in state.published.batches(["source_file"], [file]):
                present[file_day(file)].update(batch.column(0).unique().to_pylist())
    return present


def _entry(
    entry: Entry,
    state: LandingState,
    gone: Gone,
    rewritten: Mapping[str, Rewritten],
    present: Mapping[date, set[str]],
) -> Entry:
    """The entry of a landing file after the erasure."""
    new = rewritten.get(entry.path)
    if new is not None and entry.content is not None:
        former = keyed_hash(state.tombstones.key, "content", entry.content)
        if entry.outcome == SUPERSEDED:
            entry = replace(entry, content=former)
        elif entry.content == new.content:
            known = " ".join(filter(None, (entry.former, former)))
            entry = replace(entry, content=new.left or former, former=known)
            if new.left is not None:
                entry = replace(entry, version=new.version, size=new.size, modified=new.modified)
            else:
                entry = replace(entry, deleted=entry.deleted or state.run.as_of)
    anonymous = state.tombstones.anonymous(entry.path)
    entry = replace(entry, path=anonymous)
    if entry.outcome not in (INGESTED, DUPLICATE):
        return entry
    of_file = {reason: number for (named, reason), number in gone.lines.items() if named == anonymous}
    rows, lines = gone.rows[anonymous], sum(of_file.values())
    if entry.outcome == INGESTED and (rows or lines):
        reasons = Counter(json.loads(entry.reasons))
        reasons.subtract(of_file)
        left = {reason: number for reason, number in sorted(reasons.items()) if number}
        entry = replace(
            entry,
            rows=entry.rows - rows,
            quarantined=entry.quarantined - lines,
            erased=(entry.erased or 0) + rows + lines,
            reasons=json.dumps(left, sort_keys=True),
        )
    if entry.days and present:
        days = [day for day in entry.event_dates if day not in present or entry.path in present[day]]
        entry = replace(entry, days=" ".join(sorted(day.isoformat() for day in days)))
    return entry


def _record(
    state: LandingState,
    ledger: Ledger,
    changes: Changes,
    snapshot_id: int,
    rows_changed: bool,
    lines_changed: bool,
    days: set[date] | None,
) -> Record:
    """The record of the snapshot that the erasure makes."""
    before, totals = state.record, ledger.totals
    assert before is not None
    inputs: dict[str, Any] = dict(before.inputs)
    if lines_changed:
        inputs[QUARANTINE.name] = str(snapshot_id)
    return replace(
        before,
        inputs=inputs,
        as_of=state.run.as_of,
        version=str(snapshot_id) if rows_changed else state.published.version,
        days=None if days is None else sorted(day.isoformat() for day in days),
        run=state.run.id,
        counts=totals.as_mapping(),
        reasons=dict(totals.reasons),
        batch=changes.recorded(),
    )
