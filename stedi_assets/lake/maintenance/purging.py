"""Purging: after an erasure no former snapshot stays, and no file that only former snapshots name."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stedi_assets.errors import LakeError
from stedi_assets.lake.iceberg.commit import Conflict
from stedi_assets.lake.maintenance.orphans import delete_orphans
from stedi_assets.lake.progress import report
from stedi_assets.lake.resource import Lake
from stedi_assets.lake.storage import open_storage
from stedi_assets.tables import TableSpec

if TYPE_CHECKING:
    from pyiceberg.table import Table


LOG_LENGTH = "write.metadata.previous-versions-max"


def purge(lake: Lake, spec: TableSpec) -> tuple[int, int]:
    """Expires all snapshots of a table but the current one, and deletes at once what only they named.

    Args:
        lake: The lake.
        spec: The table.

    Returns:
        The numbers of expired snapshots and of deleted files.

    Raises:
        LakeError: Something keeps former snapshots; see `blocked`.
    """
    from pyiceberg.exceptions import CommitFailedException

    table = lake.loaded(spec)
    if table is None or table.current_snapshot() is None:
        return 0, 0
    if reasons := [*blocked(table)]:
        raise LakeError(f"{spec.name}: {reasons[0]}.")
    report(spec.name, "deleting former snapshots")
    former = [
        snapshot.snapshot_id
        for snapshot in table.metadata.snapshots
        if snapshot.snapshot_id != table.metadata.current_snapshot_id
    ]
    if former:
        try:
            table.maintenance.expire_snapshots().by_ids(former).commit()
        except CommitFailedException:
            raise Conflict(f"{spec.name} was published by another run meanwhile.") from None
    table = lake.loaded(spec)
    assert table is not None
    _forget_metadata(table)
    storage = open_storage(table.location(), lake.aws)
    deleted = delete_orphans(table, storage, "", None)
    storage.remove_former_versions(table.location())
    return len(former), len(deleted)


def _forget_metadata(table: "Table") -> None:
    """Has the catalog delete the descriptions of the table that still name former snapshots."""
    kept = table.properties.get(LOG_LENGTH)
    with table.transaction() as change:
        change.set_properties({LOG_LENGTH: "1"})
    with table.transaction() as change:
        if kept is None:
            change.remove_properties(LOG_LENGTH)
        else:
            change.set_properties({LOG_LENGTH: kept})


def blocked(table: "Table") -> Iterator[str]:
    """What keeps the former snapshots of a table, each in words with the fix."""
    if table.properties.get("gc.enabled", "true").lower() == "false":
        yield "gc.enabled is false, so nothing of it may be deleted: remove that property first"
    for name, ref in table.metadata.refs.items():
        if ref.snapshot_id != table.metadata.current_snapshot_id:
            yield f"the {ref.snapshot_ref_type.value} {name} keeps a former snapshot: remove it first"
