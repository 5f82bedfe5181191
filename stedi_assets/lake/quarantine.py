"""The quarantine as a table: its lines by landing table, and how they are replaced.

The lines of each landing table have a version of their own. A snapshot of the landing table records the
version that belongs to it, so that a run killed between the two commits is found out and mended.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stedi_assets.errors import LakeError
from stedi_assets.lake.handles import TableHandle
from stedi_assets.lake.publish import Conflict, replace_files
from stedi_assets.lake.staging import StagingArea
from stedi_assets.tables import QUARANTINE

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

NO_LINES = "none"
ATTEMPTS = 10  # landing tables that are published side by side get into each other's way here


class QuarantineHandle(TableHandle):
    """The quarantine, or the lines of one landing table in it; empty where it was never made.

    Args:
        load: Loads the Iceberg table.
        of: The landing table; by default all.
    """

    def __init__(self, load: "Callable[[], Table | None]", of: str | None = None) -> None:
        super().__init__(QUARANTINE, load)
        self._of = of

    def lines_of(self, landing_table: str) -> "QuarantineHandle":
        """The lines of one landing table."""
        return QuarantineHandle(self._load, landing_table)

    @property
    def version(self) -> str:
        """Names the lines; moves only when they are replaced."""
        return version_of(self.files)

    def _listed_files(self) -> "list[DataFile]":
        files = super()._listed_files() if self.exists else []
        return [file for file in files if self._of in (None, file.partition[0])]


@dataclass(frozen=True)
class StagedLines:
    """Quarantined lines of a landing table, staged and about to replace its earlier ones."""

    landing_table: str
    files: "list[DataFile]" = field(repr=False)
    area: StagingArea = field(repr=False)

    def publish(self, table: "Table", properties: Mapping[str, str]) -> None:
        """Makes them the lines of the landing table in one commit; none where there are none and were none.

        Another landing table's lines may be published at the same time, which changes nothing about
        these: the commit is planned again then.

        Args:
            table: The Iceberg table of the quarantine.
            properties: Properties of the new snapshot.

        Raises:
            LakeError: Other runs published again and again in between.
        """
        for _ in range(ATTEMPTS):
            handle = QuarantineHandle(lambda: table, self.landing_table)
            if version_of(self.files) == handle.version:
                return
            try:
                replace_files(table, handle.files, self.files, table.metadata.new_snapshot_id(), properties)
            except Conflict:
                table.refresh()
            else:
                return
        raise LakeError(f"{QUARANTINE.name} was published by other runs all the time: run again.")


def version_of(files: "Iterable[DataFile]") -> str:
    """Names the content of data files, whose paths are never used twice."""
    paths = sorted(file.file_path for file in files)
    return hashlib.sha256("\n".join(paths).encode()).hexdigest()[:32] if paths else NO_LINES
