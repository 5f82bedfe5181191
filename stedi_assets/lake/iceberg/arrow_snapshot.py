"""A snapshot of a table as an Arrow dataset, for readers that start no engine."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from stedi_assets.errors import LakeError
from stedi_assets.lake.iceberg.catalog import load_table
from stedi_assets.lake.iceberg.record import Record

if TYPE_CHECKING:
    import pyarrow.dataset as ds
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table


class Column(NamedTuple):
    """A column: its name, its type in the words of Iceberg, and what it means."""

    name: str
    type: str
    meaning: str


class ArrowSnapshot:
    """The files of a table at a snapshot.

    Args:
        table: The Iceberg table.
        snapshot_id: The snapshot, which the table still has.
    """

    def __init__(self, table: "Table", snapshot_id: int) -> None:
        self._table = table
        self.snapshot_id = snapshot_id

    @classmethod
    def of(
        cls, catalog: "Catalog", lake: str, database: str, name: str, snapshot_id: int | None
    ) -> "tuple[ArrowSnapshot, ArrowSnapshot]":
        """A snapshot of a table, and its current one.

        Args:
            catalog: The catalog.
            lake: Where the lake is.
            database: Database of the catalog.
            name: Name of the table.
            snapshot_id: The snapshot; None for the current one.

        Raises:
            LakeError: The table was never published, lies in another lake, or has no such snapshot.
        """
        table = load_table(catalog, database, name, lake)
        current = None if table is None else table.current_snapshot()
        if table is None or current is None:
            raise LakeError(f"{name} is not published yet: `stedi run` publishes it.")
        number = current.snapshot_id if snapshot_id is None else snapshot_id
        if table.snapshot_by_id(number) is None:
            raise LakeError(
                f"Snapshot {number} of {name} has expired or never was: open the current one, and cite "
                "what was published within STEDI_KEEP_DAYS."
            )
        return cls(table, number), cls(table, current.snapshot_id)

    @cached_property
    def digest(self) -> str:
        """16 hex digits that name these files: a hash of their paths, rows and bytes."""
        return hashlib.sha256(repr(self._files).encode()).hexdigest()[:16]

    @property
    def paths(self) -> list[str]:
        """Paths of the data files, in one order."""
        return [path for path, _, _ in self._files]

    @cached_property
    def record(self) -> Record | None:
        """What the rows were computed from; None if another program changed them."""
        snapshot = self._table.snapshot_by_id(self.snapshot_id)
        return None if snapshot is None else Record.of(snapshot)

    @property
    def table(self) -> "Table":
        """The Iceberg table."""
        return self._table

    @property
    def columns(self) -> list[Column]:
        """The columns of the table as it is now."""
        fields = self._table.schema().fields
        return [Column(field.name, str(field.field_type), field.doc or "") for field in fields]

    @property
    def published_on(self) -> date:
        """The UTC day on which the snapshot was published."""
        snapshot = self._table.snapshot_by_id(self.snapshot_id)
        assert snapshot is not None
        return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, timezone.utc).date()

    @cached_property
    def _files(self) -> list[tuple[str, int, int]]:
        """Path, rows and bytes of each data file, in one order; read from the manifests at the first use."""
        return sorted(
            (task.file.file_path, task.file.record_count, task.file.file_size_in_bytes)
            for task in self._table.scan(snapshot_id=self.snapshot_id).plan_files()
        )

    def dataset(self, paths: Sequence[str] | None = None) -> "ds.Dataset":
        """The rows.

        Args:
            paths: Some of the data files; None for all.
        """
        from pyarrow.dataset import dataset

        scheme, _, rest = self._table.location().rpartition("://")
        filesystem = self._table.io.fs_by_scheme(  # type: ignore[attr-defined]
            scheme or "file", rest.partition("/")[0]
        )
        names = [path.removeprefix(f"{scheme}://") for path in (self.paths if paths is None else paths)]
        return dataset(names, schema=self._table.schema().as_arrow(), format="parquet", filesystem=filesystem)
