"""Staging a batch: the rows of its landing files, and all that goes with them into the system tables."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from stedi_assets.errors import LakeError
from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.iceberg.commit import describe_files
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.staging import StagingArea, day_chunks
from stedi_assets.lake.iceberg.table import PinnedTable, TableFiles, content_of, file_day
from stedi_assets.lake.ingestion.batch import PARSER, Batch, describe_changes
from stedi_assets.lake.ingestion.erasing.standing import tombstones_of
from stedi_assets.lake.ingestion.erasing.tombstones import NO_ONE, Tombstones
from stedi_assets.lake.ingestion.ledger import Entry, Ledger, RecordCounts, counted, ledger_of, write_ledger
from stedi_assets.lake.ingestion.reader import ingest
from stedi_assets.lake.ingestion.system_tables import Change, Changes
from stedi_assets.lake.model import Outcome, Plan, Run, Staged, StagedBatch
from stedi_assets.lake.resource import Lake
from stedi_assets.schemas.system import INGESTED
from stedi_assets.tables import ACTIVITY, LEDGER, QUARANTINE, TableSpec
from stedi_assets.transforms.activity import activity, merged

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyspark.sql import DataFrame, SparkSession


NO_LINES = "none"
MANY_FILES = 32  # files of quarantined lines, one per batch; then they are merged


@dataclass(frozen=True)
class LandingState:
    """A landing table and its ledger as a run finds them.

    Attributes:
        lake: The lake.
        spec: The landing table.
        run: The run.
        published: The landing table.
        base: Its snapshot; None if it was never published.
        ledger: The ledger, read after the snapshot.
        tombstones: The people who were erased.
    """

    lake: Lake
    spec: TableSpec
    run: Run
    published: PinnedTable
    base: int | None
    ledger: Ledger
    tombstones: Tombstones = NO_ONE

    @classmethod
    def read(
        cls, lake: Lake, spec: TableSpec, run: Run, tombstones: Tombstones | None = None
    ) -> "LandingState":
        """Reads the state of a table; the snapshot comes first, so that the ledger is never older.

        Args:
            lake: The lake.
            spec: The landing table.
            run: The run.
            tombstones: The people who were erased; None for those that stand for the lake.
        """
        published = lake.own(spec.name)
        base = published.snapshot_id if published.exists else None
        ledger = ledger_of(lake, spec.name)
        tombstones = tombstones_of(lake) if tombstones is None else tombstones
        return cls(lake, spec, run, published, base, ledger, tombstones)

    @property
    def files(self) -> "list[DataFile]":
        """The data files of the landing table."""
        return self.published.files if self.base is not None else []

    @property
    def record(self) -> Record | None:
        """The record of the published snapshot."""
        return self.published.record if self.base is not None else None

    @cached_property
    def former_contents(self) -> Mapping[str, str]:
        """The contents of files that people were erased from, by keyed hashes of the former ones."""
        return {
            former: entry.content
            for entry in self.ledger.current.values()
            for former in (entry.former or "").split()
            if entry.content
        }

    def reads_again(self, entry: Entry) -> bool:
        """Whether a file is read again although it did not change."""
        if entry.run == self.run.id:
            return False
        retried = entry.quarantined > 0 and (self.run.retry or entry.parser != PARSER)
        return self.run.full or retried or entry.code_version != self.spec.code_version


def stage_batch(state: LandingState, batch: Batch, *, more: bool) -> Outcome:
    """Stages a batch: rows, quarantined lines, activity and the ledger.

    Args:
        state: The landing table and its ledger.
        batch: The plan of the batch.
        more: Whether there are landing files for one more batch.

    Raises:
        LakeError: The engine stopped, or a landing file changed while it was read.
    """
    table = state.lake.existing_table(state.spec)
    areas = StagingAreas.fresh(state)
    try:
        rows = _stage_rows(state, batch, areas, table)
        system = _stage_system_tables(state, batch, areas, rows)
        content = content_of(state.spec, [*rows.kept, *rows.added])
        counted_rows = system.ledger.totals.rows
        if content.rows != counted_rows:
            raise LakeError(
                f"{state.spec.name}: {counted_rows:,} landing lines were counted but {content.rows:,} rows "
                "staged: a landing file changed meanwhile, run again."
            )
        areas.rows.tidy()
    except BaseException:
        areas.discard()
        raise
    snapshot_id = table.metadata.new_snapshot_id()
    days = rows.days if state.spec.partitioned else None
    record = _record(state, batch, rows, system, snapshot_id=snapshot_id)
    reasons = describe_changes(batch.counts, days, first=state.record is None)
    return Outcome(
        plan=Plan(state.spec, state.base, record, reasons, previous=state.record),
        snapshot_id=snapshot_id,
        content=content,
        record=record,
        files=TableFiles(state.spec, rows.added, "the staged files", schema=table.schema(), staged=True),
        staged=Staged(removed=rows.removed, added=rows.added, area=areas.rows, kept=rows.kept),
        batch=StagedBatch(
            areas=areas.of_system_tables,
            lines=TableFiles(QUARANTINE, system.lines, "the staged lines"),
            more=more,
        ),
    )


def rows_kept(spark: "SparkSession", rows: "DataFrame", owners: Mapping[str, str | None]) -> "DataFrame":
    """Returns the rows that stay, under the files that own them now.

    Args:
        spark: The engine's session.
        rows: Rows with their source_file.
        owners: See `Batch`.
    """
    moved = spark.createDataFrame([*owners.items()], "_former string, _owner string")
    joined = rows.join(moved, F.col("source_file") == F.col("_former"), "left")
    stay = joined.where(F.col("_former").isNull() | F.col("_owner").isNotNull())
    return stay.withColumn("source_file", F.coalesce("_owner", "source_file"))


@dataclass(frozen=True)
class StagingAreas:
    """Staging areas of a batch.

    Attributes:
        rows: Of the landing table.
        quarantine: Of the quarantine.
        activity: Of the activity.
        ledger: Of the ledger.
    """

    rows: StagingArea
    quarantine: StagingArea
    activity: StagingArea
    ledger: StagingArea

    @classmethod
    def fresh(cls, state: LandingState) -> "StagingAreas":
        """New areas."""
        area = state.lake.staging_area
        return cls(
            rows=area(state.spec), quarantine=area(QUARANTINE), activity=area(ACTIVITY), ledger=area(LEDGER)
        )

    @property
    def of_system_tables(self) -> tuple[StagingArea, ...]:
        """Those of the system tables."""
        return (self.quarantine, self.activity, self.ledger)

    def discard(self) -> None:
        """Removes all staged files."""
        for area in (self.rows, *self.of_system_tables):
            area.discard()


@dataclass(frozen=True)
class _StagedRows:
    """Data files of the landing table, and the outcome of the lines of every file that was read."""

    counts: Mapping[str, RecordCounts]
    removed: "list[DataFile]"
    added: "list[DataFile]"
    kept: "list[DataFile]"

    @property
    def days(self) -> set[date]:
        """The days that change, if the table has days."""
        return {file_day(file) for file in [*self.removed, *self.added]}


@dataclass(frozen=True)
class _StagedSystemTables:
    """Changes of the system tables.

    Attributes:
        ledger: The ledger of the landing table afterwards.
        changes: The changes.
        lines: Data files with the quarantined lines of the landing table afterwards.
    """

    ledger: Ledger
    changes: Changes
    lines: "list[DataFile]"


def _stage_rows(state: LandingState, batch: Batch, areas: StagingAreas, table: "Table") -> _StagedRows:
    lake, spec = state.lake, state.spec
    counts = ingest(
        lake.spark,
        spec,
        [*batch.files],
        batch_id=batch.id,
        rows=areas.rows,
        quarantine=areas.quarantine,
        aws=lake.aws,
        longest_line=lake.longest_line,
        tombstones=state.tombstones,
    )
    removed = _superseded_files(state, batch)
    _rewrite(state, TableFiles(spec, removed, "files with superseded rows"), batch, areas.rows)
    return _StagedRows(
        counts=counts,
        removed=removed,
        added=describe_files(table, areas.rows.staged_files()),
        kept=[file for file in state.files if file not in removed],
    )


def _superseded_files(state: LandingState, batch: Batch) -> "list[DataFile]":
    """Data files that go: those with rows of superseded files, or all if there is no ledger yet."""
    if not state.ledger.entries:
        return state.files
    current = state.ledger.current
    owners = [entry for path, entry in current.items() if path in batch.owners and entry.rows]
    if not owners or not state.spec.partitioned:
        return state.files if owners else []
    days = {day for entry in owners for day in entry.event_dates}
    return [file for file in state.files if file_day(file) in days]


def _rewrite(state: LandingState, old: TableFiles, batch: Batch, area: StagingArea) -> None:
    """Stages the rows of some data files again, under the files that own them now."""
    if not state.ledger.entries or not old.files:
        return
    spark = state.lake.spark
    for days in day_chunks([old]) if old.spec.partitioned else [None]:
        with engine_errors(old.spec.name, "rewriting rows"):
            rows = rows_kept(spark, old.frame(spark, days), batch.owners)
        area.write(rows)


def _stage_system_tables(
    state: LandingState, batch: Batch, areas: StagingAreas, rows: _StagedRows
) -> _StagedSystemTables:
    name = state.spec.name
    lines, quarantine = _stage_lines(state, batch, areas.quarantine)
    active = _stage_activity(state, rows, areas.activity)
    ledger = Ledger(name, _complete_entries(state, batch, rows))
    if sum(file.record_count for file in lines) != ledger.totals.quarantined:
        raise LakeError(f"{name}: quarantined lines were lost while staging: run again.")
    changes = {
        QUARANTINE.name: quarantine,
        ACTIVITY.name: active,
        LEDGER.name: ledger_change(state, ledger, areas.ledger),
    }
    done = {table: change for table, change in changes.items() if change is not None}
    return _StagedSystemTables(ledger=ledger, changes=Changes(batch_id=batch.id, tables=done), lines=lines)


def _stage_lines(
    state: LandingState, batch: Batch, area: StagingArea
) -> "tuple[list[DataFile], Change | None]":
    """Stages the quarantined lines that stay next to those that `ingest` staged.

    Returns:
        The data files with the lines of the landing table afterwards, and the change of the quarantine.
    """
    lake, ledger = state.lake, state.ledger
    before = lake.system(QUARANTINE, state.spec.name).files
    superseded = any(entry.quarantined for path, entry in ledger.current.items() if path in batch.owners)
    rewritten = superseded or not ledger.entries or len(before) >= MANY_FILES
    removed = before if rewritten else []
    _rewrite(state, TableFiles(QUARANTINE, removed, "the quarantine"), batch, area)
    staged = area.staged_files()
    added = describe_files(lake.existing_table(QUARANTINE), staged) if staged else []
    lines = [*(file for file in before if file not in removed), *added]
    if not removed and not added:
        return lines, None
    return lines, Change(removed=_uris(removed), added=_uris(added))


def _stage_activity(state: LandingState, rows: _StagedRows, area: StagingArea) -> Change | None:
    """Stages the activity of the months that the batch changes."""
    spec, spark = state.spec, state.lake.spark
    if spec.source is None or spec.source.who is None:
        return None
    assert spec.instant is not None
    replaced = sorted({file_day(file) for file in rows.removed})
    months = {f"{day:%Y-%m}" for day in rows.days}
    former = [
        file
        for file in state.lake.system(ACTIVITY, spec.name).files
        if file.partition[1] in months or not state.ledger.entries
    ]
    if months:
        added = TableFiles(spec, rows.added, "the staged files").frame(spark)
        before = TableFiles(ACTIVITY, former, "the activity").frame(spark)
        with engine_errors(ACTIVITY.name, "looking for active people"):
            after = merged(before, replaced, activity(spec.name, added, spec.source.who, spec.instant))
        area.write(after)
    staged = area.staged_files()
    return Change(removed=_uris(former), added=staged) if former or staged else None


def ledger_change(state: LandingState, ledger: Ledger, area: StagingArea) -> Change:
    """Stages the ledger of a landing table."""
    former = _uris(state.lake.system(LEDGER, state.spec.name).files)
    if not ledger.entries:
        return Change(removed=former)
    uri = f"{area.folder}/ledger.parquet"
    write_ledger(ledger, state.lake.existing_table(LEDGER), uri)
    return Change(removed=former, added=[uri])


def _complete_entries(state: LandingState, batch: Batch, rows: _StagedRows) -> tuple[Entry, ...]:
    """The entries of the ledger, with the counts and days of the files that were read."""
    days = _days_by_file(state, batch, rows)

    def complete(entry: Entry) -> Entry:
        if entry.outcome != INGESTED or entry.path not in rows.counts:
            return entry
        of_rows = days.get(entry.path, set()) if state.spec.partitioned else None
        return replace(entry, **counted(rows.counts[entry.path], of_rows))  # type: ignore[arg-type]

    return tuple(map(complete, batch.entries))


def _days_by_file(state: LandingState, batch: Batch, rows: _StagedRows) -> dict[str, set[date]]:
    """The days of the rows of every file that was read."""
    days: dict[str, set[date]] = {file.path: set() for file in batch.files}
    if not state.spec.partitioned or not rows.added or not days:
        return days
    staged = TableFiles(state.spec, rows.added, "the staged files").frame(state.lake.spark)
    with engine_errors(state.spec.name, "looking for the days of files"):
        pairs = staged.select("source_file", "event_date").distinct().collect()
    for row in pairs:
        if row["source_file"] in days:
            days[row["source_file"]].add(row["event_date"])
    return days


def _record(
    state: LandingState,
    batch: Batch,
    rows: _StagedRows,
    system: _StagedSystemTables,
    *,
    snapshot_id: int,
) -> Record:
    """The record of the snapshot that the batch makes."""
    before, spec, totals = state.record, state.spec, system.ledger.totals
    lines = before.inputs.get(QUARANTINE.name, NO_LINES) if before else NO_LINES
    if QUARANTINE.name in system.changes.tables:
        lines = str(snapshot_id)
    changed = bool(rows.added or rows.removed) or before is None
    return Record(
        inputs={"landing files": batch.id, QUARANTINE.name: lines},
        policy=state.run.policy,
        code_version=spec.code_version,
        as_of=state.run.as_of,
        version=str(snapshot_id) if changed else state.published.version,
        days=sorted(day.isoformat() for day in rows.days) if spec.partitioned else None,
        run=state.run.id,
        counts=totals.as_mapping(),
        reasons=dict(totals.reasons),
        batch=system.changes.recorded(),
    )


def _uris(files: "list[DataFile]") -> list[str]:
    return [file.file_path for file in files]
