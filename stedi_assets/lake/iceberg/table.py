"""Published tables as inputs: lazy, and pinned to the snapshot that was current at the first look."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from stedi_assets.errors import LakeError
from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.iceberg.catalog import iceberg_schema
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.storage import engine_path
from stedi_assets.schemas.columns import DAY_MS
from stedi_assets.tables import DAY, TableSpec

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


class Unpublished(LakeError):
    """A table is needed that was never published."""


@dataclass(frozen=True)
class TableContent:
    """Totals of a snapshot, known from its metadata.

    Attributes:
        rows: Rows.
        bytes: Size of the data files.
        days: Days that have rows, for tables that are partitioned by day.
    """

    rows: int
    bytes: int
    days: int | None


class TableFiles:
    """Data files that are, or are to become, the content of a table."""

    def __init__(self, spec: TableSpec, files: "list[DataFile]", named: str) -> None:
        self.spec = spec
        self._files = files
        self._named = named

    @property
    def files(self) -> "list[DataFile]":
        """The data files."""
        return self._files

    @property
    def named(self) -> str:
        """What the files are, for the reader of an error."""
        return self._named

    @cached_property
    def rows_by_day(self) -> Mapping[date, int]:
        """Rows per day, for a table that is partitioned by day."""
        rows: dict[date, int] = defaultdict(int)
        for file in self.files:
            rows[file_day(file)] += file.record_count
        return dict(sorted(rows.items()))

    @property
    def content(self) -> TableContent:
        """Totals of the files."""
        return content_of(self.spec, self.files)

    def on(self, days: Collection[date] | None) -> "list[DataFile]":
        """The data files of some days; all where no days are given."""
        return [file for file in self.files if days is None or file_day(file) in days]

    def frame(self, spark: "SparkSession", days: Collection[date] | None = None) -> "DataFrame":
        """The rows, or those of some days.

        Engines may give fewer rows and no error where a file is missing, so the rows that the engine
        sees are held against the record counts that Iceberg knows. A frame is lazy: where its rows are
        to be published, they are counted once more afterwards, by `check_rows`.

        Raises:
            LakeError: The engine does not see all rows.
        """
        wanted = self.on(days)
        if not wanted:
            return spark.createDataFrame([], self.spec.schema)
        frame = spark.read.schema(self.spec.schema).parquet(*(engine_path(file.file_path) for file in wanted))
        frame = frame.select(*self.spec.columns)
        self._check_rows(frame, wanted)
        return frame

    def check_rows(self, spark: "SparkSession", days: Collection[date] | None = None) -> None:
        """Makes sure that the engine still sees all rows, or all of some days.

        Raises:
            LakeError: It does not.
        """
        self.frame(spark, days)

    def _check_rows(self, frame: "DataFrame", files: "list[DataFile]") -> None:
        with engine_errors(self.spec.name, "counting rows"):
            seen = frame.count()
        expected = sum(file.record_count for file in files)
        if seen != expected:
            raise LakeError(
                f"{self.spec.name}: the engine sees {seen:,} of {expected:,} rows of {self.named}: "
                "data files are missing, restore them or run with --full."
            )

    def within_days(self, instant: str) -> bool:
        """Whether the statistics of the files prove that every row has the day of its instant.

        Args:
            instant: Column with the instant, epoch ms.
        """
        from pyiceberg.conversions import from_bytes
        from pyiceberg.types import DateType, LongType

        schema = iceberg_schema(self.spec)
        day, at = (schema.find_field(name).field_id for name in (DAY, instant))
        for file in self.files:
            bounds = [*file.lower_bounds.items(), *file.upper_bounds.items()]
            days = {int(from_bytes(DateType(), value)) for number, value in bounds if number == day}
            ends = {int(from_bytes(LongType(), value)) for number, value in bounds if number == at}
            if days != {file.partition[0]} or {end // DAY_MS for end in ends} != days:
                return False
        return True

    def written_schema(self, spark: "SparkSession") -> "StructType":
        """The columns as they are in some of the files; those of the table where there is none."""
        files = self.files[:: max(1, len(self.files) // 8)]  # one query wrote many of them
        paths = [engine_path(file.file_path) for file in files]
        return spark.read.parquet(*paths).schema if paths else self.spec.schema


class PinnedTable(TableFiles):
    """A published table, loaded when it is first looked at and the same from then on."""

    def __init__(self, spec: TableSpec, load: "Callable[[], Table | None]") -> None:
        self.spec = spec
        self._load = load

    @cached_property
    def table(self) -> "Table":
        """The Iceberg table.

        Raises:
            Unpublished: The table was never published.
        """
        table = self._load()
        if table is None or table.current_snapshot() is None:
            raise Unpublished(f"{self.spec.name} is not published yet: materialize it first.")
        return table

    @property
    def exists(self) -> bool:
        """Whether the table was ever published."""
        table = self._load()
        return table is not None and table.current_snapshot() is not None

    @cached_property
    def snapshot(self) -> "Snapshot":
        """The pinned snapshot."""
        snapshot = self.table.current_snapshot()
        assert snapshot is not None
        return snapshot

    @property
    def snapshot_id(self) -> int:
        """Id of the pinned snapshot."""
        return self.snapshot.snapshot_id

    def since(self, snapshot_id: int | None, version: str | None) -> "Past | None":
        """What the table was when it was last read, and what has changed.

        Args:
            snapshot_id: The snapshot that was read.
            version: Its content version; a snapshot with the same rows will do where that one is expired.

        Returns:
            None where the table has no such snapshot any more.
        """
        days: set[date] | None = set()
        for snapshot in self._history():
            record = Record.of(snapshot)
            if snapshot.snapshot_id == snapshot_id or (record and version and record.version == version):
                return Past(self._at(snapshot), None if days is None else frozenset(days))
            if record is None or record.days is None:
                days = None
            elif days is not None:
                days.update(map(date.fromisoformat, record.days))
        return None

    def _history(self) -> "Iterator[Snapshot]":
        """The snapshots, from the pinned one back."""
        snapshot: Snapshot | None = self.snapshot
        while snapshot is not None:
            yield snapshot
            parent = snapshot.parent_snapshot_id
            snapshot = None if parent is None else self.table.snapshot_by_id(parent)

    def _at(self, snapshot: "Snapshot") -> "PinnedTable":
        past = PinnedTable(self.spec, self._load)
        past.__dict__.update(table=self.table, snapshot=snapshot)
        return past

    @property
    def version(self) -> str:
        """The table's content version: it moves only when rows change."""
        record = self.record
        return record.version if record and record.version else str(self.snapshot_id)

    @cached_property
    def files(self) -> "list[DataFile]":
        """The data files of the pinned snapshot."""
        return self._listed_files()

    @property
    def named(self) -> str:
        """What the files are, for the reader of an error."""
        return f"snapshot {self.snapshot_id}"

    @property
    def record(self) -> "Record | None":
        """What the pinned snapshot was computed from."""
        return Record.of(self.snapshot)

    def _listed_files(self) -> "list[DataFile]":
        return [task.file for task in self.table.scan(snapshot_id=self.snapshot_id).plan_files()]


@dataclass(frozen=True)
class Past:
    """What a table was when it was last read, and what has changed since.

    Attributes:
        table: The table as it was.
        days: The days whose rows may differ since then; None where that is not known.
    """

    table: PinnedTable
    days: frozenset[date] | None


def file_day(file: "DataFile") -> date:
    """The day of a data file of a table that is partitioned by day."""
    from pyiceberg.utils.datetime import days_to_date

    day: int = file.partition[0]
    return days_to_date(day)


def content_of(spec: TableSpec, files: "list[DataFile]") -> TableContent:
    """Totals of data files."""
    return TableContent(
        rows=sum(file.record_count for file in files),
        bytes=sum(file.file_size_in_bytes for file in files),
        days=len({file_day(file) for file in files}) if spec.partitioned else None,
    )
