"""Maintenance of a table: compact small files, expire old snapshots, delete files that no snapshot names.

Readers are not disturbed: snapshots that were current within the days to keep stay readable.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stedi_assets.errors import StediError, counted_words
from stedi_assets.lake.boundary import storage_errors
from stedi_assets.lake.iceberg.commit import Conflict
from stedi_assets.lake.iceberg.record import removed_rows
from stedi_assets.lake.ingestion.system_tables import batch_unfinished
from stedi_assets.lake.maintenance.compaction import compact
from stedi_assets.lake.maintenance.orphans import delete_orphans
from stedi_assets.lake.progress import report
from stedi_assets.lake.resource import Lake
from stedi_assets.lake.storage import open_storage
from stedi_assets.schemas.columns import DAY_MS
from stedi_assets.tables import SYSTEM_TABLES, TableSpec

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot


@dataclass(frozen=True)
class TableReport:
    """The work of maintenance on a table.

    Attributes:
        table: The table.
        files_before: Data files of its current snapshot before.
        files_after: Data files of its current snapshot now.
        snapshots_expired: Snapshots that no one can read any more.
        files_deleted: Deleted files.
        bytes_deleted: Their size.
        left: Why some work is left for the next time, if any is.
        failures: One sentence for each step that failed.
    """

    table: str
    files_before: int = 0
    files_after: int = 0
    snapshots_expired: int = 0
    files_deleted: int = 0
    bytes_deleted: int = 0
    left: str | None = None
    failures: tuple[str, ...] = ()


def maintain(lake: Lake, spec: TableSpec, now: int | None = None) -> TableReport:
    """Compacts a table, expires its old snapshots and deletes files that no snapshot names.

    The steps do not depend on each other: if one fails, the others still run.

    Args:
        lake: The lake.
        spec: The table.
        now: The present time, epoch ms; by default the clock of this machine.
    """
    done = TableReport(spec.name)
    for step in (_compact, _expire, _delete):
        present = int(time.time() * 1000) if now is None else now
        try:
            with storage_errors(spec.name):
                done = replace(done, **step(lake, spec, present))
        except Conflict:
            done = replace(done, left="another run published it meanwhile")
        except StediError as error:
            # A catalog that is down for one step is down for all.
            done = replace(done, failures=tuple(dict.fromkeys((*done.failures, str(error)))))
    report(spec.name, done.left or "maintained")
    return done


def _compact(lake: Lake, spec: TableSpec, _now: int) -> Mapping[str, Any]:
    table = lake.loaded(spec)
    if table is None:
        return {"left": "not published yet"}
    if spec.name in SYSTEM_TABLES:
        # Batches name the files that they replace, so these files must keep their names.
        files = len(list(table.scan().plan_files()))
        return {"files_before": files, "files_after": files}
    done = compact(spec, table, open_storage(table.location(), lake.aws))
    return {"files_before": done.before, "files_after": done.after, "left": done.left}


def _expire(lake: Lake, spec: TableSpec, now: int) -> Mapping[str, Any]:
    from pyiceberg.exceptions import CommitFailedException

    table = lake.loaded(spec)
    if table is None:
        return {}
    if reason := _held_by_others(table):
        return {"left": reason}
    kept = {ref.snapshot_id for ref in table.metadata.refs.values()}
    old = superseded(table.metadata.snapshots, now - lake.keep_days * DAY_MS)
    expired = [snapshot_id for snapshot_id in old if snapshot_id not in kept]
    if expired:
        report(spec.name, "expiring snapshots")
        try:
            table.maintenance.expire_snapshots().by_ids(expired).commit()
        except CommitFailedException:
            raise Conflict(f"{spec.name} was published by another run meanwhile.") from None
    refs = [] if spec.source is not None or spec.name in SYSTEM_TABLES else [*refs_with_withdrawn_rows(table)]
    return {"snapshots_expired": len(expired), **({"left": "; ".join(refs)} if refs else {})}


def _held_by_others(table: "Table") -> str | None:
    """Why nothing of a table may be deleted; None if it may."""
    if table.properties.get("gc.enabled", "true").lower() == "false":
        return "gc.enabled is false, so everything stays, rows of people who withdrew too"
    return None


def refs_with_withdrawn_rows(table: "Table") -> Iterator[str]:
    """The tags and branches that keep rows of people who withdrew, or may keep some, one by one."""
    current = table.current_snapshot()
    for name, ref in table.metadata.refs.items():
        if current is None or name == "main" or ref.snapshot_id == current.snapshot_id:
            continue
        removed: int | None = 0
        snapshot: Snapshot | None = current
        while removed is not None and snapshot is not None and snapshot.snapshot_id != ref.snapshot_id:
            parent = snapshot.parent_snapshot_id and table.snapshot_by_id(snapshot.parent_snapshot_id)
            removed = removed + removed_rows(snapshot, parent) if parent else None
            snapshot = parent or None
        what = f"the {ref.snapshot_ref_type.value} {name}"
        if removed is None:
            yield f"{what} may keep rows of people who withdrew"
        elif removed:
            yield f"{what} keeps {counted_words(removed, 'row', 'rows')} of people who withdrew"


def superseded(snapshots: "Iterable[Snapshot]", before: int) -> list[int]:
    """Ids of the snapshots that stopped being current at or before a time.

    The age of a snapshot does not count: a table may not have changed for months, and a reader of its former
    snapshot may have started a minute ago.

    Args:
        snapshots: The snapshots of a table, in the order of their commits.
        before: The time, epoch ms.
    """
    return [snapshot_id for snapshot_id, end in ends_of(snapshots).items() if end <= before]


def ends_of(snapshots: "Iterable[Snapshot]") -> dict[int, int]:
    """When each snapshot stopped being current, by its id, epoch ms; for the current one, when it was made.

    Args:
        snapshots: The snapshots of a table, in the order of their commits.
    """
    times: dict[int, int] = {}
    replaced: dict[int | None, int] = {}
    for snapshot in snapshots:
        # A clock that was behind does not make a snapshot older than the one that it replaced.
        parent = snapshot.parent_snapshot_id
        times[snapshot.snapshot_id] = max(snapshot.timestamp_ms, times.get(parent or 0, 0))
        replaced[parent] = max(times[snapshot.snapshot_id], replaced.get(parent, 0))
    return {snapshot_id: replaced.get(snapshot_id, made) for snapshot_id, made in times.items()}


def _delete(lake: Lake, spec: TableSpec, now: int) -> Mapping[str, Any]:
    # In this order: a batch that announced its files before the table is loaded has them in the table or
    # among the announced ones; files written later are too young to be deleted.
    announced = _announced(lake) if spec.name in SYSTEM_TABLES else ""
    table = lake.loaded(spec)
    if table is None:
        return {}
    if _held_by_others(table):
        return {}
    deleted = delete_orphans(table, open_storage(table.location(), lake.aws), announced, now)
    return {"files_deleted": len(deleted), "bytes_deleted": sum(file.size for file in deleted)}


def _announced(lake: Lake) -> str:
    """The properties of the landing tables' snapshots, which name the staged files of unfinished batches."""
    unfinished = (spec for spec in lake.tables.landing if batch_unfinished(lake, spec.name))
    snapshots = [table.current_snapshot() for table in map(lake.loaded, unfinished) if table is not None]
    summaries = [snapshot.summary for snapshot in snapshots if snapshot and snapshot.summary]
    return "\n".join(text for summary in summaries for text in summary.additional_properties.values())
