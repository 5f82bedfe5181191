"""Sets of data files of a table, and tables pinned to a snapshot."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from stedi_assets.errors import LakeError
from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.iceberg.foreign import content_snapshot, is_own, last_own, mixed_up
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.schema import check_schema
from stedi_assets.lake.storage import engine_path
from stedi_assets.schemas.columns import DAY_MS

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.manifest import DataFile
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from stedi_assets.tables import TableSpec

MOST_FOOTERS = 8


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
    """Data files that are, or will be, the content of a table.

    Args:
        spec: The table.
        files: The data files.
        named: What the files are, for the reader of an error.
        schema: The Iceberg schema that their statistics refer to; without it, statistics prove nothing.
        staged: Whether all files were staged just now, so that they have every column of the model.
    """

    def __init__(
        self,
        spec: "TableSpec",
        files: "list[DataFile]",
        named: str,
        *,
        schema: "Schema | None" = None,
        staged: bool = False,
    ) -> None:
        self.spec = spec
        self.staged = staged
        self._files = files
        self._named = named
        self._schema = schema

    @property
    def files(self) -> "list[DataFile]":
        """The data files."""
        return self._files

    @property
    def named(self) -> str:
        """What the files are, for the reader of an error."""
        return self._named

    @property
    def schema(self) -> "Schema | None":
        """The Iceberg schema that the statistics of the files refer to, if it is known."""
        return self._schema

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
        """The data files of some days; all if no days are given."""
        return [file for file in self.files if days is None or file_day(file) in days]

    def frame(self, spark: "SparkSession", days: Collection[date] | None = None) -> "DataFrame":
        """The rows, or those of some days; a column that is newer than a file is null in its rows.

        If a file is missing, engines may give fewer rows and no error, so the rows that the engine sees are
        compared with the record counts in the metadata. A frame is lazy: if its rows are going to be
        published, `check_rows` counts them once more afterwards.

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
        """Checks that the engine still sees all rows, or all of some days.

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
        """Whether the statistics of the files prove that every row has the day of its timestamp.

        Args:
            instant: Column with the timestamp, epoch ms.
        """
        from pyiceberg.conversions import from_bytes
        from pyiceberg.types import DateType, LongType

        if self.schema is None:
            return False
        [day_column] = self.spec.partition_columns
        day, at = (self.schema.find_field(name).field_id for name in (day_column, instant))
        for file in self.files:
            bounds = [*file.lower_bounds.items(), *file.upper_bounds.items()]
            days = {int(from_bytes(DateType(), value)) for number, value in bounds if number == day}
            ends = {int(from_bytes(LongType(), value)) for number, value in bounds if number == at}
            if days != {file.partition[0]} or {end // DAY_MS for end in ends} != days:
                return False
        return True

    def written_schema(self, spark: "SparkSession") -> "StructType":
        """The columns of a sample of the files; those of the model if there are no files.

        Published files may be older than a nullable column of the model, which readers then see as null: that
        column counts as written.
        """
        files = self.files[:: max(1, len(self.files) // MOST_FOOTERS)]  # one query wrote many of them
        if not files:
            return self.spec.schema
        written = spark.read.parquet(*(engine_path(file.file_path) for file in files)).schema
        if self.staged:
            return written
        fields = {field.name: field for field in written}
        read = [
            fields.pop(field.name, field)
            for field in self.spec.schema
            if field.name in fields or field.name in self.spec.nullable_columns
        ]
        return type(written)([*read, *fields.values()])


class PinnedTable(TableFiles):
    """A published table at one snapshot; the catalog is asked once, at the first use.

    Args:
        spec: The table.
        load: Loads the Iceberg table; gives None if it was never created.
        snapshot_id: The snapshot; by default the one that is current at the first use.
    """

    def __init__(
        self, spec: "TableSpec", load: "Callable[[], Table | None]", snapshot_id: int | None = None
    ) -> None:
        super().__init__(spec, [], "")
        self._load = load
        self._wanted = snapshot_id
        self._lock = Lock()

    @property
    def exists(self) -> bool:
        """Whether the table was ever published."""
        return self._pinned is not None

    @cached_property
    def table(self) -> "Table":
        """The Iceberg table.

        Raises:
            Unpublished: The table was never published.
            LakeError: Its columns are not those of its model.
        """
        table, _ = self._needed
        check_schema(self.spec, table)
        return table

    @property
    def snapshot(self) -> "Snapshot":
        """The pinned snapshot.

        Raises:
            Unpublished: The table was never published.
        """
        return self._needed[1]

    @property
    def snapshot_id(self) -> int:
        """Id of the pinned snapshot."""
        return self.snapshot.snapshot_id

    @cached_property
    def record(self) -> "Record | None":
        """What the rows of the pinned snapshot were computed from; None if another program changed them."""
        table, snapshot = self._needed
        content = content_snapshot(table, snapshot)
        record = Record.of(content)
        if record is None or content is snapshot:
            return record
        return replace(record, version=record.version or str(content.snapshot_id))

    @property
    def history(self) -> "list[tuple[Snapshot, Record | None]]":
        """The snapshots that the table still has, in the order of their commits, with their records."""
        table, _ = self._needed
        return [(snapshot, Record.of(snapshot)) for snapshot in table.metadata.snapshots]

    @property
    def own_snapshot_id(self) -> int | None:
        """The last snapshot of this project from which the pinned one comes; None if there is none."""
        own = last_own(*self._needed)
        return None if own is None else own.snapshot_id

    def check_own(self) -> None:
        """Checks that no other program changed the rows.

        Raises:
            LakeError: One did; the sentence names the snapshot and the fix.
        """
        table, snapshot = self._needed
        if not is_own(content_snapshot(table, snapshot)):
            raise LakeError(mixed_up(table, snapshot))

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
    def schema(self) -> "Schema":
        """The Iceberg schema of the table."""
        return self.table.schema()

    def batches(
        self, columns: "list[str] | None" = None, files: "list[DataFile] | None" = None
    ) -> "Iterator[pa.RecordBatch]":
        """Reads rows without the engine, some thousand at a time.

        Args:
            columns: Names of columns; None for those that each file has.
            files: The data files; None for all.
        """
        import pyarrow.parquet as pq

        for file in self.files if files is None else files:
            with self.table.io.new_input(file.file_path).open() as stream:
                yield from pq.ParquetFile(stream).iter_batches(columns=columns)

    def since(self, snapshot_id: int | None, version: str | None) -> "Past | None":
        """The table at the snapshot that was read last, and the days that have changed since.

        Args:
            snapshot_id: The snapshot that was read.
            version: Its content version; if it is expired, a snapshot with the same rows will do.

        Returns:
            None if the table has no such snapshot any more.
        """
        from pyiceberg.table.snapshots import ancestors_of

        days: set[date] | None = set()
        for snapshot in ancestors_of(self.snapshot, self.table.metadata):
            record = Record.of(snapshot)
            if snapshot.snapshot_id == snapshot_id or (record and version and record.version == version):
                past = PinnedTable(self.spec, lambda: self.table, snapshot.snapshot_id)
                return Past(past, None if days is None else frozenset(days))
            if record is None or record.days is None:
                days = None
            elif days is not None:
                days.update(map(date.fromisoformat, record.days))
        return None

    def _listed_files(self) -> "list[DataFile]":
        return [task.file for task in self.table.scan(snapshot_id=self.snapshot_id).plan_files()]

    @property
    def _needed(self) -> "tuple[Table, Snapshot]":
        if self._pinned is None:
            raise Unpublished(f"{self.spec.name} is not published yet: materialize it first.")
        return self._pinned

    @property
    def _pinned(self) -> "tuple[Table, Snapshot] | None":
        with self._lock:  # two threads must not pin two snapshots
            return self._loaded

    @cached_property
    def _loaded(self) -> "tuple[Table, Snapshot] | None":
        table = self._load()
        if table is None:
            return None
        snapshot = table.current_snapshot() if self._wanted is None else table.snapshot_by_id(self._wanted)
        return None if snapshot is None else (table, snapshot)


class PinnedSystemTable(PinnedTable):
    """A system table, or its part for one landing table; empty if it does not exist yet.

    Args:
        spec: The system table.
        load: Loads the Iceberg table.
        landing_table: The landing table; None for all.
    """

    def __init__(
        self, spec: "TableSpec", load: "Callable[[], Table | None]", landing_table: str | None = None
    ) -> None:
        super().__init__(spec, load)
        self._landing_table = landing_table

    def _listed_files(self) -> "list[DataFile]":
        files = super()._listed_files() if self.exists else []
        return [file for file in files if self._landing_table in (None, file.partition[0])]


@dataclass(frozen=True)
class Past:
    """A table at the snapshot that was read last, and the changes since.

    Attributes:
        table: The table at that snapshot.
        days: The days whose rows may differ since then; None if they are not known.
    """

    table: PinnedTable
    days: frozenset[date] | None


def file_day(file: "DataFile") -> date:
    """The day of a data file of a table that is partitioned by day."""
    from pyiceberg.utils.datetime import days_to_date

    day: int = file.partition[0]
    return days_to_date(day)


def content_of(spec: "TableSpec", files: "list[DataFile]") -> TableContent:
    """Totals of data files."""
    return TableContent(
        rows=sum(file.record_count for file in files),
        bytes=sum(file.file_size_in_bytes for file in files),
        days=len({file_day(file) for file in files}) if spec.partitioned else None,
    )
