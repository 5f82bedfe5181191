"""Refreshing a table of the landing zone: the next batch of landing files, staged with what goes with it."""

import errno
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from stedi_assets.errors import LakeError
from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.iceberg.commit import describe_files
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.staging import StagingArea, day_chunks
from stedi_assets.lake.iceberg.table import PinnedTable, TableFiles, content_of, file_day
from stedi_assets.lake.ingestion.batch import Batch, Examined, Limits, choose, plan_batch
from stedi_assets.lake.ingestion.files import LandingFile, examine, list_landing_files
from stedi_assets.lake.ingestion.ledger import INGESTED, Entry, Ledger, counted, write_ledger
from stedi_assets.lake.ingestion.reader import LineCounts, ingest
from stedi_assets.lake.ingestion.system_tables import Change, Changes
from stedi_assets.lake.model import Outcome, Plan, Run, Staged, StagedBatch, counted_words
from stedi_assets.lake.progress import report
from stedi_assets.lake.storage.aws import S3_SCHEME
from stedi_assets.lake.storage.base import open_storage
from stedi_assets.lake.storage.streams import file_opener
from stedi_assets.tables import ACTIVITY, LEDGER, QUARANTINE, TableSpec
from stedi_assets.transforms.activity import activity, merged

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyspark.sql import DataFrame, SparkSession

    from stedi_assets.lake.resource import Lake

FILES_AT_ONCE = 8
NO_LINES = "none"
MANY_FILES = 32  # of quarantined lines, one a batch: then they are merged
CHANGING = 5  # times that files may change under our hands before a run gives up


def refresh_landing(lake: "Lake", spec: TableSpec, run: Run) -> Outcome:
    """Stages the next batch of the landing files of a table, up to the publish.

    Files that change while they are read are left for the next run.

    Raises:
        LakeError: The engine stopped, or files change all the time.
    """
    report(spec.name, "planning")
    lake.finish_batch(spec.name)
    left: set[str] = set()
    for _ in range(CHANGING):
        work = _Work.started(lake, spec, run)
        files = listed_files(lake, spec)
        chosen, more = work.choose([file for file in files if file.path not in left])
        batch = work.plan(chosen, files)
        if batch.nothing and work.base is not None:
            return work.up_to_date()
        outcome = work.staged(batch, more)
        versions = {file.path: file.version for file in listed_files(lake, spec)}
        changed = {file.path for file in batch.files if versions.get(file.path) != file.version}
        if not changed:
            return outcome
        lake.discard(outcome)
        left |= changed
    raise LakeError(f"{spec.name}: its landing files change all the time: run again when they are written.")


def next_batch(lake: "Lake", spec: TableSpec, run: Run) -> Batch:
    """What would become of all landing files of a table that have something to be done, in one batch."""
    work, files = _Work.started(lake, spec, run), listed_files(lake, spec)
    return work.plan(work.waiting(files), files)


def rows_kept(spark: "SparkSession", rows: "DataFrame", owners: Mapping[str, str | None]) -> "DataFrame":
    """The rows that stay, under the files that own them now.

    Args:
        spark: The engine's session.
        rows: Rows with their source_file.
        owners: See `Batch`.
    """
    moved = spark.createDataFrame([*owners.items()], "_former string, _owner string")
    joined = rows.join(moved, F.col("source_file") == F.col("_former"), "left")
    stay = joined.where(F.col("_former").isNull() | F.col("_owner").isNotNull())
    return stay.withColumn("source_file", F.coalesce("_owner", "source_file"))


def listed_files(lake: "Lake", spec: TableSpec) -> list[LandingFile]:
    """The landing files of a table.

    Raises:
        SettingError: There is no landing root.
    """
    assert spec.source is not None
    return list_landing_files(open_storage(lake.landing, lake.aws), lake.landing, spec.source)


@dataclass(frozen=True)
class _Work:
    """One batch of one table.

    Attributes:
        base: The snapshot of the landing table that this is planned from.
        ledger: The ledger, read after the snapshot was looked at.
    """

    lake: "Lake"
    spec: TableSpec
    run: Run
    published: PinnedTable
    base: int | None
    ledger: Ledger

    @classmethod
    def started(cls, lake: "Lake", spec: TableSpec, run: Run) -> "_Work":
        """What is to be done, seen from the table as it is now."""
        published = lake.pinned(spec.name)
        base = published.snapshot_id if published.exists else None
        return cls(lake, spec, run, published, base, lake.ledger(spec.name))

    def choose(self, files: list[LandingFile]) -> tuple[list[LandingFile], bool]:
        """The files of the next batch, and whether there will be more."""
        unknown = self.waiting(files)
        chosen = choose(unknown, Limits(self.lake.batch_files, self.lake.batch_bytes))
        more = len(unknown) > len(chosen)
        # What was refused may be readable by now; it costs a look.
        room = self.lake.batch_files - len(chosen)
        refused = [file for file in files if file.path in self.ledger.refused and file not in chosen]
        return sorted([*chosen, *refused[:room]], key=lambda file: file.path), more

    def waiting(self, files: list[LandingFile]) -> list[LandingFile]:
        """The files that have something to be done."""
        return [file for file in files if self._to_do(file)]

    def plan(self, chosen: list[LandingFile], files: list[LandingFile]) -> Batch:
        """What becomes of them."""
        open_file = file_opener(self.lake.aws.given_region)

        def look(file: LandingFile) -> Examined | None:
            if file.fault:
                return Examined(file, None, file.fault)
            try:
                content, long_lines = examine(open_file, file, self.lake.longest_line)
            except FileNotFoundError:
                return None
            except OSError as error:
                if file.uri.startswith(S3_SCHEME):
                    raise
                code = errno.errorcode.get(error.errno or 0, "OSError")
                return Examined(file, None, f"It cannot be read ({code}): check its owner and mode.")
            return Examined(replace(file, long_lines=long_lines), content)

        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            examined = [one for one in pool.map(look, chosen) if one is not None]
        return plan_batch(
            self.ledger,
            examined,
            self.ledger.gone(files),
            run=self.run.id,
            seen=self.run.as_of,
            code_version=self.spec.code_version,
            again=self._again,
        )

    def up_to_date(self) -> Outcome:
        """The table as it is."""
        published = self.published
        recorded = published.record
        assert recorded is not None
        report(self.spec.name, "up to date", published.content.rows)
        plan = Plan(self.spec, self.base, recorded, ())
        return Outcome(plan, published.snapshot_id, published.content, recorded, published)

    def staged(self, batch: Batch, more: bool) -> Outcome:
        """Stages the batch: rows, quarantined lines, activity and the ledger."""
        spec, lake = self.spec, self.lake
        table = lake.existing_table(spec)
        areas = [lake.staging_area(one) for one in (spec, QUARANTINE, ACTIVITY, LEDGER)]
        try:
            counts = ingest(
                *(lake.spark, spec, [*batch.files], batch.id),
                *(areas[0], areas[1], lake.aws, lake.longest_line),
            )
            going = self._going(batch)
            self._rewrite(TableFiles(spec, going, "files with superseded rows"), batch.owners, areas[0])
            added = describe_files(table, areas[0].staged_files())
            kept = [file for file in self._files if file not in going]
            changes, lines = self._system_changes(batch, counts, going, added, areas)
            content = content_of(spec, [*kept, *added])
            totals = changes.ledger.totals
            if content.rows != totals.rows:
                raise LakeError(
                    f"{spec.name}: {totals.rows:,} landing lines were counted but {content.rows:,} rows "
                    "staged: a landing file changed meanwhile, run again."
                )
            areas[0].tidy()
        except BaseException:
            for area in areas:
                area.discard()
            raise
        snapshot_id = table.metadata.new_snapshot_id()
        before = self.published.record if self.base is not None else None
        days = {file_day(file) for file in [*going, *added]} if spec.partitioned else None
        changed = bool(added or going) or before is None
        former = before.inputs.get(QUARANTINE.name, NO_LINES) if before else NO_LINES
        record = Record(
            inputs={
                "landing files": batch.id,
                QUARANTINE.name: str(snapshot_id) if QUARANTINE.name in changes.system.tables else former,
            },
            policy=self.run.policy,
            code_version=spec.code_version,
            as_of=self.run.as_of,
            version=str(snapshot_id) if changed else self.published.version,
            days=None if days is None else sorted(day.isoformat() for day in days),
            run=self.run.id,
            counts=totals.as_mapping(),
            reasons=dict(totals.reasons),
            batch=changes.system.recorded(),
        )
        return Outcome(
            Plan(spec, self.base, record, why(batch.counts, days, first=before is None), previous=before),
            snapshot_id,
            content,
            record,
            TableFiles(spec, added, "the staged files", schema=table.schema(), staged=True),
            Staged(going, added, areas[0], kept),
            StagedBatch(batch.id, tuple(areas[1:]), TableFiles(QUARANTINE, lines, "the staged lines"), more),
        )

    @property
    def _files(self) -> "list[DataFile]":
        return self.published.files if self.base is not None else []

    def _to_do(self, file: LandingFile) -> bool:
        entry = self.ledger.current.get(file.path)
        return not self.ledger.knows(file) or (entry is not None and self._again(entry))

    def _again(self, entry: Entry) -> bool:
        """Whether a file is to be read once more, though it did not change."""
        if entry.run == self.run.id:
            return False
        retried = self.run.retry and entry.quarantined > 0
        return self.run.full or retried or entry.code_version != self.spec.code_version

    def _going(self, batch: Batch) -> "list[DataFile]":
        """Data files that go: with rows of superseded files, or of a lake that had no ledger yet."""
        if not self.ledger.entries:
            return self._files
        owners = [entry for path, entry in self.ledger.current.items() if path in batch.owners and entry.rows]
        if not owners or not self.spec.partitioned:
            return self._files if owners else []
        days = {day for entry in owners for day in entry.event_dates}
        return [file for file in self._files if file_day(file) in days]

    def _rewrite(self, old: TableFiles, owners: Mapping[str, str | None], area: StagingArea) -> None:
        """Stages the rows of some data files once more, under the files that own them now."""
        if not self.ledger.entries or not old.files:
            return
        chunks = day_chunks([old]) if old.spec.partitioned else [None]
        for days in chunks:
            with engine_errors(old.spec.name, "rewriting rows"):
                rows = rows_kept(self.lake.spark, old.frame(self.lake.spark, days), owners)
            area.write(rows)

    def _system_changes(
        self,
        batch: Batch,
        counts: Mapping[str, LineCounts],
        going: "list[DataFile]",
        added: "list[DataFile]",
        areas: list[StagingArea],
    ) -> "tuple[_SystemChanges, list[DataFile]]":
        _, lines_area, activity_area, ledger_area = areas
        tables: dict[str, Change] = {}
        lines = self._lines(batch, counts, lines_area, tables)
        if self.spec.source and self.spec.source.who:
            self._activity(going, added, activity_area, tables)
        ledger = Ledger(self.spec.name, self._entries(batch, counts, added))
        quarantined = sum(file.record_count for file in lines)
        if quarantined != ledger.totals.quarantined:
            raise LakeError(f"{self.spec.name}: quarantined lines were lost while staging: run again.")
        former = [file.file_path for file in self.lake.system(LEDGER, self.spec.name).files]
        written = []
        if ledger.entries:
            written = [f"{ledger_area.folder}/ledger.parquet"]
            write_ledger(ledger, self.lake.existing_table(LEDGER), written[0])
        tables[LEDGER.name] = Change(former, written)
        return _SystemChanges(ledger, Changes(batch.id, tables)), lines

    def _lines(
        self,
        batch: Batch,
        counts: Mapping[str, LineCounts],
        area: StagingArea,
        tables: dict[str, Change],
    ) -> "list[DataFile]":
        """Stages quarantined lines; gives the data files that hold those of the landing table afterwards."""
        there = self.lake.system(QUARANTINE, self.spec.name)
        superseded = any(
            entry.quarantined for path, entry in self.ledger.current.items() if path in batch.owners
        )
        anew = superseded or not self.ledger.entries or len(there.files) >= MANY_FILES
        removed = there.files if anew else []
        self._rewrite(TableFiles(QUARANTINE, removed, "the quarantine"), batch.owners, area)
        added: list[DataFile] = []
        if staged := area.staged_files():
            added = describe_files(self.lake.existing_table(QUARANTINE), staged)
        if removed or added:
            tables[QUARANTINE.name] = Change(
                [file.file_path for file in removed], [file.file_path for file in added]
            )
        return [*(file for file in there.files if file not in removed), *added]

    def _activity(
        self,
        going: "list[DataFile]",
        added: "list[DataFile]",
        area: StagingArea,
        tables: dict[str, Change],
    ) -> None:
        """Stages the activity of the months that the batch touches."""
        spec, spark = self.spec, self.lake.spark
        assert spec.source is not None
        assert spec.source.who is not None
        assert spec.instant is not None
        replaced = sorted({file_day(file) for file in going})
        months = {f"{file_day(file):%Y-%m}" for file in [*going, *added]}
        there = self.lake.system(ACTIVITY, spec.name)
        former = [file for file in there.files if file.partition[1] in months or not self.ledger.entries]
        if months:
            rows = TableFiles(spec, added, "the staged files").frame(spark)
            before = TableFiles(ACTIVITY, former, "the activity").frame(spark)
            with engine_errors(ACTIVITY.name, "looking for active people"):
                new = activity(spec.name, rows, spec.source.who, spec.instant)
                after = merged(before, replaced, new)
            area.write(after)
        staged = area.staged_files()
        if former or staged:
            tables[ACTIVITY.name] = Change([file.file_path for file in former], staged)

    def _entries(
        self, batch: Batch, counts: Mapping[str, LineCounts], added: "list[DataFile]"
    ) -> tuple[Entry, ...]:
        """The entries of the ledger, complete."""
        days = self._days(batch, added)

        def complete(entry: Entry) -> Entry:
            if entry.outcome != INGESTED or entry.path not in counts:
                return entry
            of_rows = days.get(entry.path, set()) if self.spec.partitioned else None
            return replace(entry, **counted(counts[entry.path], of_rows))  # type: ignore[arg-type]

        return tuple(map(complete, batch.entries))

    def _days(self, batch: Batch, added: "list[DataFile]") -> dict[str, set[date]]:
        """The days of the rows of every file that was read."""
        found: dict[str, set[date]] = {file.path: set() for file in batch.files}
        if not self.spec.partitioned or not added or not found:
            return found
        rows = TableFiles(self.spec, added, "the staged files").frame(self.lake.spark)
        with engine_errors(self.spec.name, "looking for the days of files"):
            pairs = rows.select("source_file", "event_date").distinct().collect()
        for row in pairs:
            if row["source_file"] in found:
                found[row["source_file"]].add(row["event_date"])
        return found


@dataclass(frozen=True)
class _SystemChanges:
    """What a batch does to the system tables, and the ledger afterwards."""

    ledger: Ledger
    system: Changes = field(repr=False)


FILES = {
    "new": ("new file", "new files"),
    "changed": ("file with new content", "files with new content"),
    "duplicate": ("duplicate file", "duplicate files"),
    "read again": ("file read again", "files read again"),
    "unchanged": ("file written as it was", "files written as they were"),
    "deleted": ("deleted file", "deleted files"),
    "refused": ("refused file", "refused files"),
}


def why(counts: Mapping[str, int], days: Collection[date] | None, *, first: bool) -> tuple[str, ...]:
    """Why a table of the landing zone changes, in counts.

    Args:
        counts: Files by what they are, see `Batch`.
        days: The days that change, if there are days.
        first: Whether it was never published.
    """
    text = ", ".join(counted_words(number, *FILES[name]) for name, number in counts.items() if number)
    if text and days:
        text += f" → {counted_words(len(days), 'day', 'days')}"
    return tuple(part for part in ("first build" if first else "", text) if part)
