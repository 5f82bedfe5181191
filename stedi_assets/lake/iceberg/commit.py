"""Publishing: staged files become the content of a table in one commit that makes one snapshot."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stedi_assets.errors import LakeError

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile, ManifestFile
    from pyiceberg.table import Table
    from pyiceberg.table.update import TableUpdate, UpdatesAndRequirements
    from pyiceberg.table.update.snapshot import _SnapshotProducer


class Conflict(LakeError):
    """Another run published or changed the table in between."""


def describe_files(table: "Table", uris: list[str]) -> "list[DataFile]":
    """Reads the footers of staged Parquet files: row counts, days and column bounds."""
    from pyiceberg.io.pyarrow import parquet_file_to_data_file
    from pyiceberg.utils.concurrent import ExecutorFactory

    read = ExecutorFactory.get_or_create().map
    return list(read(lambda uri: parquet_file_to_data_file(table.io, table.metadata, uri), uris))


def _never_back(producer: "_SnapshotProducer[Any]", table: "Table") -> None:
    """Gives the new snapshot a time after that of its parent, although the clock was set back."""
    from pyiceberg.table.update import AddSnapshotUpdate

    parent = table.current_snapshot()
    commit = producer._commit

    def dated() -> "UpdatesAndRequirements":
        updates, requirements = commit()
        return tuple(map(later, updates)), requirements

    def later(update: "TableUpdate") -> "TableUpdate":
        if not isinstance(update, AddSnapshotUpdate) or parent is None:
            return update
        made = max(update.snapshot.timestamp_ms, parent.timestamp_ms + 1)
        return AddSnapshotUpdate(snapshot=update.snapshot.model_copy(update={"timestamp_ms": made}))

    producer._commit = dated  # type: ignore[method-assign]


def _evaluate_apart(producer: "_SnapshotProducer[Any]") -> None:
    """Gives each manifest an evaluator of its own.

    PyIceberg looks for the files to delete in several threads, which share an evaluator. That keeps the
    manifest it is at, so that a thread could judge by the manifest of another one and miss a file.
    """
    build = producer._build_manifest_evaluator

    def built(spec_id: int) -> "Callable[[ManifestFile], bool]":
        return lambda manifest: build(spec_id)(manifest)

    producer._build_manifest_evaluator = built  # type: ignore[method-assign]


def replace_files(
    table: "Table",
    removed: "list[DataFile]",
    added: "list[DataFile]",
    *,
    snapshot_id: int,
    properties: Mapping[str, str],
) -> None:
    """Replaces data files in one commit, which makes one snapshot, also if no row changes.

    The commit insists that the table is still at the snapshot that it was loaded with.

    Args:
        table: The table.
        removed: Data files that leave.
        added: Data files that come.
        snapshot_id: Id of the new snapshot.
        properties: Properties of the new snapshot.

    Raises:
        Conflict: Another run published in between.
    """
    from pyiceberg.exceptions import CommitFailedException

    try:
        with table.transaction() as change:
            producer = change.update_snapshot(dict(properties)).overwrite()
            # The id must be known before the commit: Dagster gets it as the data version, and it finds a
            # commit whose response was lost. PyIceberg has no public way to set it.
            producer._snapshot_id = snapshot_id
            _never_back(producer, table)
            _evaluate_apart(producer)
            for file in removed:
                producer.delete_data_file(file)
            for file in added:
                producer.append_data_file(file)
            producer.commit()
    except CommitFailedException:
        raise Conflict(
            f"{table.name()[-1]} was published by another run while this one worked: run again."
        ) from None
    except Exception:
        # The catalog may have committed although it answered with an error.
        if table.refresh().snapshot_by_id(snapshot_id) is None:
            raise
