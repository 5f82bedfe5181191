"""Maintenance: small files are compacted, old snapshots expired, files that no snapshot names deleted.

Readers are not disturbed: what was current within the days to keep stays readable.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stedi_assets.errors import LakeError, StediError
from stedi_assets.lake.boundary import storage_errors
from stedi_assets.lake.iceberg.commit import Conflict
from stedi_assets.lake.iceberg.table import load_table
from stedi_assets.lake.maintenance.compaction import compact
from stedi_assets.lake.progress import report
from stedi_assets.lake.storage.base import StoredFile, engine_path, open_storage
from stedi_assets.tables import SYSTEM_TABLES, TableSpec

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

    from stedi_assets.lake.resource import Lake

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SAFE_AGE_MS = 24 * HOUR_MS
"""A file that no snapshot names may belong to a run at work until nothing was written beside it for so long.

That is enough for a table that takes hours to audit, and for clocks that differ by hours.
"""


@dataclass(frozen=True)
class TableReport:
    """What maintenance did to a table.

    Attributes:
        table: The table.
        files_before: Data files of its current snapshot before.
        files_after: Data files of its current snapshot now.
        snapshots_expired: Snapshots that can be read no more.
        files_deleted: Files that are gone.
        bytes_deleted: Their size.
        left: Why something was left for the next time, if anything was.
        failures: One sentence for everything that failed.
    """

    table: str
    files_before: int = 0
    files_after: int = 0
    snapshots_expired: int = 0
    files_deleted: int = 0
    bytes_deleted: int = 0
    left: str | None = None
    failures: tuple[str, ...] = ()


def maintain(lake: "Lake", spec: TableSpec, now: int | None = None) -> TableReport:
    """Compacts a table, expires its old snapshots and deletes what no snapshot names.

    The steps do not depend on one another: one that fails does not keep the others from their work.

    Args:
        lake: The lake.
        spec: The table.
        now: The present, epoch ms; by default the clock of this machine.
    """
    done = TableReport(spec.name)
    for step in (_compact, _expire, _delete):
        try:
            with storage_errors(spec.name):
                done = replace(done, **step(lake, spec, int(time.time() * 1000) if now is None else now))
        except Conflict:
            done = replace(done, left="another run published it meanwhile")
        except StediError as error:
            # The catalog that is down for one step is down for all.
            done = replace(done, failures=tuple(dict.fromkeys((*done.failures, str(error)))))
    report(spec.name, done.left or "maintained")
    return done


def _compact(lake: "Lake", spec: TableSpec, _now: int) -> Mapping[str, Any]:
    table = load_table(lake.catalog, lake.database, spec)
    if table is None:
        return {"left": "not published yet"}
    if spec.name in SYSTEM_TABLES:
        # Batches name their files: those that are to be replaced must not be called otherwise by then.
        files = len(list(table.scan().plan_files()))
        return {"files_before": files, "files_after": files}
    done = compact(spec, table, open_storage(table.location(), lake.aws))
    return {"files_before": done.before, "files_after": done.after, "left": done.left}


def _expire(lake: "Lake", spec: TableSpec, now: int) -> Mapping[str, Any]:
    from pyiceberg.exceptions import CommitFailedException

    table = load_table(lake.catalog, lake.database, spec)
    if table is None:
        return {}
    kept = {ref.snapshot_id for ref in table.metadata.refs.values()}
    old = superseded(table.metadata.snapshots, now - lake.keep_days * DAY_MS)
    expired = [snapshot_id for snapshot_id in old if snapshot_id not in kept]
    if expired:
        report(spec.name, "expiring snapshots")
        try:
            table.maintenance.expire_snapshots().by_ids(expired).commit()
        except CommitFailedException:
            raise Conflict(f"{spec.name} was published by another run meanwhile.") from None
    return {"snapshots_expired": len(expired)}


def superseded(snapshots: "Iterable[Snapshot]", before: int) -> list[int]:
    """Ids of the snapshots that were current for the last time at or before an instant.

    Not the age of a snapshot counts, but since when it is not the current one: a reader of a table that
    had not changed for months may have started a minute ago.

    Args:
        snapshots: The snapshots of a table.
        before: The instant, epoch ms.
    """
    snapshots = list(snapshots)
    replaced = {snapshot.parent_snapshot_id: snapshot.timestamp_ms for snapshot in snapshots}
    return [
        snapshot.snapshot_id
        for snapshot in snapshots
        if replaced.get(snapshot.snapshot_id, snapshot.timestamp_ms) <= before
    ]


def _delete(lake: "Lake", spec: TableSpec, now: int) -> Mapping[str, Any]:
    # In this order: what a batch announced before the table was loaded is in the table by then, and
    # what was written after it was loaded is too young to be deleted.
    announced = _announced(lake) if spec.name in SYSTEM_TABLES else ""
    table = load_table(lake.catalog, lake.database, spec)
    if table is None:
        return {}
    report(spec.name, "looking for files that no snapshot names")
    storage = open_storage(table.location(), lake.aws)
    areas: dict[str, list[StoredFile]] = defaultdict(list)
    for file in storage.list(f"{table.location()}/data"):
        # A staging area and its scratch folder are one: as long as files are written to either, it is in use.
        areas[file.path.split("/")[0].removesuffix("-scratch")].append(file)
    for file in storage.list(f"{table.location()}/metadata"):
        areas[file.path].append(file)
    files, metadata_files = _named_files(table)
    there = {_plain(file.uri) for area in areas.values() for file in area}
    if missing := len(files - there):
        raise LakeError(
            f"{spec.name}: {missing:,} files that its snapshots name are not below {table.location()}, so "
            "nothing was deleted: restore them, or run with --full and wait until the snapshots expire."
        )
    named = files | metadata_files
    unnamed = [
        file
        for name, area in areas.items()
        if max(file.modified for file in area) <= now - SAFE_AGE_MS and name not in announced
        for file in area
        if _plain(file.uri) not in named
    ]
    _check_owner(table, [file for file in unnamed if file.path.endswith(".metadata.json")])
    if unnamed:
        report(spec.name, "deleting files")
        storage.remove_files(unnamed)
    return {"files_deleted": len(unnamed), "bytes_deleted": sum(file.size for file in unnamed)}


def _announced(lake: "Lake") -> str:
    """What the landing tables say of themselves, which names the staged files of a batch at work."""
    tables = (load_table(lake.catalog, lake.database, spec) for spec in lake.tables.landing)
    snapshots = [table.current_snapshot() for table in tables if table is not None]
    summaries = [snapshot.summary for snapshot in snapshots if snapshot and snapshot.summary]
    return "\n".join(text for summary in summaries for text in summary.additional_properties.values())


def _named_files(table: "Table") -> tuple[set[str], set[str]]:
    """The files that make up the snapshots of a table, and those that describe the table."""
    from pyiceberg.utils.concurrent import ExecutorFactory

    metadata = table.metadata
    side_by_side = ExecutorFactory.get_or_create().map
    lists = side_by_side(lambda snapshot: snapshot.manifests(table.io), metadata.snapshots)
    manifests = {manifest.manifest_path: manifest for listed in lists for manifest in listed}
    entries = side_by_side(lambda manifest: manifest.fetch_manifest_entry(table.io), manifests.values())
    content = {entry.data_file.file_path for some in entries for entry in some}
    statistics = [*metadata.statistics, *metadata.partition_statistics]
    files = {*content, *manifests, *(snapshot.manifest_list for snapshot in metadata.snapshots)}
    described = {
        table.metadata_location,
        *(entry.metadata_file for entry in metadata.metadata_log),
        *(part.statistics_path for part in statistics),
    }
    return {_plain(path) for path in files}, {_plain(path) for path in described}


def _check_owner(table: "Table", metadata_files: Iterable[StoredFile]) -> None:
    """Makes sure that a folder holds no table of another catalog, of which this one knows nothing.

    Raises:
        LakeError: It does.
    """
    from pyiceberg.exceptions import ValidationError
    from pyiceberg.serializers import FromInputFile

    for file in metadata_files:
        try:
            owner = FromInputFile.table_metadata(table.io.new_input(file.uri)).table_uuid
        except (ValidationError, ValueError):
            continue  # was not written to its end
        if owner != table.metadata.table_uuid:
            raise LakeError(
                f"{table.name()[-1]}: {table.location()} also holds a table of another or a former catalog, "
                "so nothing was deleted: give that table's lake another folder, or remove its files yourself."
            )


def _plain(uri: str) -> str:
    """A URI in the one form in which files are compared; programs write the schemes of S3 differently."""
    scheme, separator, rest = engine_path(uri).removeprefix("file:").partition("://")
    return f"s3://{rest}" if separator and scheme in ("s3a", "s3n") else f"{scheme}{separator}{rest}"
