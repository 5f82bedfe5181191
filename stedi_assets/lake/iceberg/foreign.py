"""Snapshots of other programs: Glue's optimizer, Spark and Athena may write to the tables too."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stedi_assets.lake.iceberg.record import PREFIX

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

BATCH = f"{PREFIX}batch"


def is_own(snapshot: "Snapshot") -> bool:
    """Whether this project committed a snapshot."""
    return snapshot.summary is not None and any(
        name.startswith(PREFIX) for name in snapshot.summary.additional_properties
    )


def content_snapshot(table: "Table", snapshot: "Snapshot") -> "Snapshot":
    """The snapshot whose rows a snapshot still has: rewrites of files by other programs keep the rows."""
    for made, parent in _history(table, snapshot):
        if is_own(made) or not _is_rewrite(made, parent):
            return made
    return snapshot


def last_own(table: "Table", snapshot: "Snapshot") -> "Snapshot | None":
    """The last snapshot of this project from which a snapshot comes; None if it is not known any more."""
    return next((made for made, _parent in _history(table, snapshot) if is_own(made)), None)


def mixed_up(table: "Table", snapshot: "Snapshot") -> str:
    """The sentence about a table that another program changed."""
    name, operation = table.name()[-1], snapshot.summary.operation.value if snapshot.summary else "no summary"
    own = last_own(table, snapshot)
    fix = (
        "restore the lake from a backup"
        if own is None
        else f"roll it back to {own.snapshot_id}, the last snapshot of this project"
    )
    return (
        f"{name}: another program changed its rows (snapshot {snapshot.snapshot_id}, {operation}): {fix}, as "
        "docs/operations.md says."
    )


def _history(table: "Table", snapshot: "Snapshot") -> "Iterator[tuple[Snapshot, Snapshot | None]]":
    """A snapshot and its ancestors, each with its parent, if that is known."""
    current: Snapshot | None = snapshot
    while current is not None:
        parent_id = current.parent_snapshot_id
        parent = None if parent_id is None else table.snapshot_by_id(parent_id)
        yield current, parent
        current = parent


def _is_rewrite(snapshot: "Snapshot", parent: "Snapshot | None") -> bool:
    if parent is None or snapshot.summary is None or parent.summary is None:
        return False
    totals = [
        (summary["total-records"], summary["total-delete-files"] or "0")
        for summary in (snapshot.summary, parent.summary)
    ]
    return snapshot.summary.operation.value == "replace" and totals[0] == totals[1] and totals[0][1] == "0"
