"""Orphans: files below a table's folder that no snapshot names, left by killed runs or expired snapshots."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stedi_assets.errors import LakeError
from stedi_assets.lake.progress import report
from stedi_assets.lake.storage import Storage, StoredFile, engine_path
from stedi_assets.schemas.columns import DAY_MS

if TYPE_CHECKING:
    from pyiceberg.table import Table

SAFE_AGE_MS = DAY_MS
"""An orphan may belong to a running run until nothing was written beside it for this long, in milliseconds.

That is enough for a table that takes hours to audit, and for clocks that differ by hours.
"""


def delete_orphans(table: "Table", storage: Storage, announced: str, now: int | None) -> list[StoredFile]:
    """Deletes the files below a table's folder that no snapshot names and no run may still need.

    Args:
        table: The Iceberg table, loaded after `announced` was read.
        storage: The storage of its folder.
        announced: Text that names staging areas of unfinished batches.
        now: The present time, epoch ms; None to delete young files too, which runs at work would miss.

    Returns:
        The deleted files.

    Raises:
        LakeError: Files of the table are missing, or the folder holds another table; nothing was deleted.
    """
    name = table.name()[-1]
    report(name, "looking for files that no snapshot names")
    areas = _areas(table, storage)
    files, metadata_files = _named_files(table)
    stored = {_plain(file.uri) for area in areas.values() for file in area}
    if missing := len(files - stored):
        raise LakeError(
            f"{name}: {missing:,} files that its snapshots name are not below {table.location()}, so "
            "nothing was deleted: restore them, or run with --full and wait until the snapshots expire."
        )
    named = files | metadata_files
    orphans = [
        file
        for folder, area in areas.items()
        if (now is None or max(file.modified for file in area) <= now - SAFE_AGE_MS)
        and folder not in announced
        for file in area
        if _plain(file.uri) not in named
    ]
    _check_owner(table, [file for file in orphans if file.path.endswith(".metadata.json")])
    if orphans:
        report(name, "deleting files")
        storage.remove_files(orphans)
    return orphans


def _areas(table: "Table", storage: Storage) -> dict[str, list[StoredFile]]:
    """The stored files by staging area; each metadata file stands alone."""
    areas: dict[str, list[StoredFile]] = defaultdict(list)
    for file in storage.list(f"{table.location()}/data"):
        # A staging area and its scratch folder count as one: while files are written to either, it is in use.
        areas[file.path.split("/")[0].removesuffix("-scratch")].append(file)
    for file in storage.list(f"{table.location()}/metadata"):
        areas[file.path].append(file)
    return areas


def _named_files(table: "Table") -> tuple[set[str], set[str]]:
    """The files that make up the snapshots of a table, and the files that describe the table."""
    from pyiceberg.utils.concurrent import ExecutorFactory

    metadata = table.metadata
    side_by_side = ExecutorFactory.get_or_create().map
    lists = side_by_side(lambda snapshot: snapshot.manifests(table.io), metadata.snapshots)
    manifests = {manifest.manifest_path: manifest for listed in lists for manifest in listed}
    entries = side_by_side(lambda manifest: manifest.fetch_manifest_entry(table.io), manifests.values())
    content = {entry.data_file.file_path for listed in entries for entry in listed}
    statistics = [*metadata.statistics, *metadata.partition_statistics]
    files = {*content, *manifests, *(snapshot.manifest_list for snapshot in metadata.snapshots)}
    described = {
        table.metadata_location,
        *(entry.metadata_file for entry in metadata.metadata_log),
        *(part.statistics_path for part in statistics),
    }
    return {_plain(path) for path in files}, {_plain(path) for path in described}


def _check_owner(table: "Table", metadata_files: Iterable[StoredFile]) -> None:
    """Checks that a folder holds no table of another catalog, which this catalog cannot know.

    Raises:
        LakeError: It holds one.
    """
    from pyiceberg.exceptions import ValidationError
    from pyiceberg.serializers import FromInputFile

    for file in metadata_files:
        try:
            owner = FromInputFile.table_metadata(table.io.new_input(file.uri)).table_uuid
        except (ValidationError, ValueError):
            continue  # its writer was killed
        if owner != table.metadata.table_uuid:
            raise LakeError(
                f"{table.name()[-1]}: {table.location()} also holds a table of another or a former catalog, "
                "so nothing was deleted: give that table's lake another folder, or remove its files yourself."
            )


def _plain(uri: str) -> str:
    """A URI in the form in which files are compared; programs write the schemes of S3 differently."""
    scheme, separator, rest = engine_path(uri).removeprefix("file:").partition("://")
    return f"s3://{rest}" if separator and scheme in ("s3a", "s3n") else f"{scheme}{separator}{rest}"
