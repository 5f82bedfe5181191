"""Compaction: small data files of a partition become one; the rows and the content version stay.

Rows are copied unchanged, one row group at a time, so it needs neither the engine nor much memory.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from stedi_assets.errors import LakeError
from stedi_assets.lake.iceberg.commit import Conflict, describe_files, replace_files
from stedi_assets.lake.iceberg.record import PREFIX, Record
from stedi_assets.lake.iceberg.schema import check_schema
from stedi_assets.lake.iceberg.staging import StagingArea
from stedi_assets.lake.packing import bounded
from stedi_assets.lake.progress import report
from stedi_assets.lake.storage import Storage
from stedi_assets.tables import TableSpec

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyiceberg.typedef import Record as IcebergRecord

MIB = 1024 * 1024
SMALL = 32 * MIB
"""Bytes below which a data file is small."""
FULL = 128 * MIB
"""Most bytes that are merged into one file; well above SMALL, so that a full file stays as it is."""
ROW_GROUP = 64 * MIB  # bytes in memory
MAINTENANCE = f"{PREFIX}maintenance"


@dataclass(frozen=True)
class Compaction:
    """The data files of a table before and after.

    Attributes:
        before: Data files before.
        after: Data files now.
        left: Why small files stay, if they do.
    """

    before: int
    after: int
    left: str | None = None


def compact(spec: TableSpec, table: "Table", storage: Storage) -> Compaction:
    """Merges small files in one commit, which insists on the snapshot that the table was loaded at.

    The new snapshot carries the record of the current one, and so its content version: no table that is
    computed from this one has to be refreshed.

    Args:
        spec: The table.
        table: The Iceberg table.
        storage: The storage that holds it.

    Raises:
        LakeError: Rows were lost, or the columns are not those of the model; the table is as it was.
    """
    check_schema(spec, table)
    current = table.current_snapshot()
    tasks = list(table.scan().plan_files())
    groups = small_groups([task.file for task in tasks])
    if current is None or not groups:
        return Compaction(len(tasks), len(tasks))
    record = Record.of(current)
    if record is None or any(task.delete_files for task in tasks):
        return Compaction(len(tasks), len(tasks), "another program wrote to it")
    area = StagingArea.below(spec, table.location(), storage)
    try:
        added = _compacted(spec, table, groups, area)
    except BaseException:
        area.discard()
        raise
    assert current.summary is not None
    properties = {
        **{
            key: text for key, text in current.summary.additional_properties.items() if key.startswith(PREFIX)
        },
        **replace(record, version=record.version or str(current.snapshot_id), days=[]).properties(),
        MAINTENANCE: json.dumps("compaction"),
    }
    removed = [file for group in groups for file in group]
    try:
        new_id = table.metadata.new_snapshot_id()
        replace_files(table, removed, added, snapshot_id=new_id, properties=properties)
    except Conflict:
        # After any other error the catalog may have committed: then the files are needed.
        area.discard()
        return Compaction(len(tasks), len(tasks), "another run published it meanwhile")
    return Compaction(len(tasks), len(tasks) - len(removed) + len(added))


def small_groups(files: "Iterable[DataFile]", small: int = SMALL, full: int = FULL) -> "list[list[DataFile]]":
    """Groups of files that are worth merging: each has two or more small files of one partition.

    Args:
        files: Data files of a table.
        small: Bytes below which a file is small.
        full: Most bytes of a group.
    """
    partitions: dict[IcebergRecord, list[DataFile]] = defaultdict(list)
    for file in sorted(files, key=lambda file: file.file_path):
        if file.file_size_in_bytes < small:
            partitions[file.partition].append(file)
    packed = (bounded(group, lambda file: file.file_size_in_bytes, full) for group in partitions.values())
    return [group for groups in packed for group in groups if len(group) > 1]


def _compacted(
    spec: TableSpec, table: "Table", groups: "Sequence[Sequence[DataFile]]", area: StagingArea
) -> "list[DataFile]":
    uris = []
    rows = 0
    for group, number in zip(groups, count(), strict=False):
        uri = f"{area.folder}/{number:05}.parquet"
        _copy(spec, table, group, uri)
        uris.append(uri)
        rows += sum(file.record_count for file in group)
        report(spec.name, "compacting", rows)
    added = describe_files(table, uris)
    for group, file in zip(groups, added, strict=True):
        before = (group[0].partition, sum(file.record_count for file in group))
        if before != (file.partition, file.record_count):
            raise LakeError(
                f"{spec.name}: rows were lost while compacting, so nothing was changed: try again."
            )
    return added


def _copy(spec: TableSpec, table: "Table", files: "Sequence[DataFile]", uri: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    # As engines write it: columns in the order of the model, without field ids and Arrow's notes on types.
    stored = schema_to_pyarrow(table.schema(), include_field_ids=False)
    columns = (stored.field(name) for name in spec.columns if name in stored.names)
    schema = pa.schema([field.remove_metadata() for field in columns])
    with (
        table.io.new_output(uri).create() as sink,
        pq.ParquetWriter(sink, schema, compression="zstd", store_schema=False) as writer,
    ):
        try:
            for rows in _row_groups(table, schema, files):
                writer.write_table(rows, row_group_size=rows.num_rows)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise LakeError(
                f"{spec.name}: a data file cannot be read ({type(error).__name__}): restore it or run with "
                "--full."
            ) from None


def _row_groups(table: "Table", schema: "pa.Schema", files: "Sequence[DataFile]") -> "Iterator[pa.Table]":
    """The rows of files in tables of about ROW_GROUP bytes."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for rows in _batches(table, schema, files):
        waiting.append(rows)
        if sum(part.nbytes for part in waiting) >= ROW_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _batches(table: "Table", schema: "pa.Schema", files: "Sequence[DataFile]") -> "Iterator[pa.Table]":
    """The rows of files in small tables; a column that is newer than a file is null in its rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for file in files:
        with table.io.new_input(file.file_path).open() as stream:
            for batch in pq.ParquetFile(stream).iter_batches():
                rows = pa.Table.from_batches([batch])
                for field in schema:
                    if field.name not in rows.column_names:
                        rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
                yield rows.select(schema.names).cast(schema)
