"""Staging: the engine writes Parquet files below a new path, in bounded chunks, seen by no reader yet."""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from stedi_assets.errors import StediError
from stedi_assets.lake.boundary import engine_errors, storage_errors
from stedi_assets.lake.iceberg.table import PinnedTable, TableFiles
from stedi_assets.lake.packing import bounded
from stedi_assets.lake.progress import report
from stedi_assets.lake.storage import Storage, engine_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from stedi_assets.tables import TableSpec

# Rows of all partitioned inputs that one query may read, so that memory does not grow with the history.
CHUNK_ROWS = 1_000_000
CHUNKS_AT_ONCE = 2

Chunk = TypeVar("Chunk")
Done = TypeVar("Done")
Frames = Mapping[str, "DataFrame"]


@dataclass(frozen=True)
class StagingArea:
    """A fresh folder below a table's location.

    Attributes:
        spec: The table.
        folder: URI of the folder with the staged data files.
        scratch: URI of a folder for files that are needed only while staging.
        storage: The storage of both folders.
    """

    spec: "TableSpec"
    folder: str
    scratch: str
    storage: Storage
    _parts: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    @classmethod
    def below(cls, spec: "TableSpec", location: str, storage: Storage) -> "StagingArea":
        """A new staging area."""
        # Both lie below data/: catalogs that guard a table's folder allow files there only.
        folder = f"{location}/data/{uuid.uuid4().hex}"
        return cls(spec, folder, f"{folder}-scratch", storage)

    def write(self, frame: "DataFrame") -> str:
        """Writes the rows of a frame, which must have the table's columns, to the next part.

        Returns:
            URI of the part.
        """
        part = f"{self.folder}/{next(self._numbers):05}"
        rows = frame.select(*self.spec.columns)
        with engine_errors(self.spec.name, "staging rows"):
            # Partitioning by copies keeps the columns themselves in the files.
            copies = {f"_{name}": rows[name] for name in self.spec.partition_columns}
            writer = rows.withColumns(copies).write.partitionBy(*copies) if copies else rows.write
            writer.parquet(engine_path(part), compression="zstd")
        self._parts.append(part)
        return part

    def part_files(self, part: str) -> list[str]:
        """URIs of the Parquet files of a part."""
        return [file.uri for file in self.storage.list(part) if file.path.endswith(".parquet")]

    def discard_part(self, part: str) -> None:
        """Removes a part."""
        self._parts.remove(part)
        self.storage.remove(part)

    def staged_files(self) -> list[str]:
        """URIs of the staged Parquet files."""
        return [uri for part in sorted(self._parts) for uri in self.part_files(part)]

    def tidy(self) -> None:
        """Removes the files that were needed only while staging."""
        self.storage.remove(self.scratch)

    def discard_folders(self, folders: Iterable[str]) -> None:
        """Removes some staged files; files that cannot be removed stay, and no reader sees them."""
        with suppress(StediError), storage_errors(self.spec.name):
            for folder in folders:
                self.storage.remove(folder)

    def discard(self) -> None:
        """Removes all files of the area; the table never named them.

        Files that cannot be removed stay, and no reader sees them: that error must not hide the first one.
        """
        with suppress(StediError), storage_errors(self.spec.name):
            self.storage.remove(self.folder)
            self.tidy()


def chunked_frames(
    spark: "SparkSession",
    spec: "TableSpec",
    inputs: Mapping[str, PinnedTable],
    days: Collection[date] | None = None,
) -> Iterator[Frames]:
    """The inputs of a table; for a table that is partitioned by day, in chunks of days.

    Inputs without days are complete in every chunk.

    Args:
        spark: The engine's session.
        spec: The table.
        inputs: Its inputs by name.
        days: The days that are needed; None for all.
    """
    if not spec.partitioned:
        yield {name: table.frame(spark) for name, table in inputs.items()}
        return
    dated = [table for table in inputs.values() if table.spec.partitioned]
    whole: dict[str, DataFrame] = {}
    for chunk in day_chunks(dated, days=days):
        whole = whole or {
            name: table.frame(spark) for name, table in inputs.items() if not table.spec.partitioned
        }
        yield {
            name: table.frame(spark, chunk) if table.spec.partitioned else whole[name]
            for name, table in inputs.items()
        }


def day_chunks(
    tables: Sequence[TableFiles], chunk_rows: int = CHUNK_ROWS, *, days: Collection[date] | None = None
) -> Iterator[frozenset[date]]:
    """Consecutive days that have at most `chunk_rows` rows together; a larger day stands alone.

    Args:
        tables: The tables that have the rows.
        chunk_rows: Rows of a chunk.
        days: The days that are wanted; None for all.
    """
    rows: dict[date, int] = {}
    for table in tables:
        for day, number in table.rows_by_day.items():
            if days is None or day in days:
                rows[day] = rows.get(day, 0) + number
    yield from map(frozenset, bounded(sorted(rows), rows.__getitem__, chunk_rows))


def stage(area: StagingArea, chunks: Iterator[Frames], transform: Callable[[Frames], "DataFrame"]) -> None:
    """Writes the transform of every chunk."""

    def write(frames: Frames) -> None:
        with engine_errors(area.spec.name, "computing rows"):
            frame = transform(frames)
        area.write(frame)

    report(area.spec.name, "staging")
    for number, _ in enumerate(side_by_side(write, chunks), start=1):
        report(area.spec.name, f"staged part {number}")


def side_by_side(work: Callable[[Chunk], Done], chunks: Iterable[Chunk]) -> Iterator[Done]:
    """Works on several chunks at once, because one query alone leaves cores idle; yields results in order.

    If the run is interrupted, it does not wait for queries that are running.
    """
    pool, wait = ThreadPoolExecutor(CHUNKS_AT_ONCE), False
    try:
        yield from pool.map(work, chunks)
        wait = True
    except Exception:
        wait = True
        raise
    finally:
        pool.shutdown(wait=wait, cancel_futures=True)
