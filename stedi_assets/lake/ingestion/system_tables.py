"""The system tables: what they have of each landing table, and how a batch changes that.

A landing table and its part of the system tables change by several commits. That of the landing table is the
first and the one that counts: its snapshot names the staged files that the others are to get. A run that ends
before all is done is found out by whoever works on the lake next, and finished from what is named there. The
ledger comes last: once it has changed, all has.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from stedi_assets.errors import LakeError
from stedi_assets.lake.iceberg.commit import Conflict, describe_files, replace_files
from stedi_assets.lake.iceberg.table import PinnedTable
from stedi_assets.tables import ACTIVITY, LEDGER, QUARANTINE, TableSpec

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

ORDER = (QUARANTINE, ACTIVITY, LEDGER)
ATTEMPTS = 10  # landing tables that are published side by side get into each other's way here


class PinnedSystemTable(PinnedTable):
    """A system table, or what it has of one landing table; empty where it was never made.

    Args:
        spec: The system table.
        load: Loads the Iceberg table.
        of: The landing table; by default all.
    """

    def __init__(self, spec: TableSpec, load: "Callable[[], Table | None]", of: str | None = None) -> None:
        super().__init__(spec, load)
        self._of = of

    def of(self, landing_table: str) -> "PinnedSystemTable":
        """What it has of one landing table."""
        return PinnedSystemTable(self.spec, self._load, landing_table)

    def _listed_files(self) -> "list[DataFile]":
        files = super()._listed_files() if self.exists else []
        return [file for file in files if self._of in (None, file.partition[0])]


@dataclass(frozen=True)
class Change:
    """What a batch does to a system table: URIs of data files out and in."""

    removed: Sequence[str] = ()
    added: Sequence[str] = ()


@dataclass(frozen=True)
class Changes:
    """What a batch does to the system tables, by their names.

    Attributes:
        batch_id: The batch.
        tables: The changes; the ledger always has one.
    """

    batch_id: str
    tables: Mapping[str, Change] = field(default_factory=dict)

    def recorded(self) -> Mapping[str, Any]:
        """The changes as the landing table's snapshot carries them."""
        return asdict(self)

    @classmethod
    def of(cls, recorded: Mapping[str, Any]) -> "Changes":
        """The changes that a snapshot carries."""
        changes = {name: Change(**change) for name, change in recorded["tables"].items()}
        return cls(recorded["batch_id"], changes)

    def done(self, ledger: PinnedSystemTable) -> bool:
        """Whether all of it is done.

        Args:
            ledger: The ledger of the landing table.
        """
        # What the ledger had before is gone for good once it has changed.
        return {file.file_path for file in ledger.files} != set(self.tables[LEDGER.name].removed)


def apply(table: "Table", landing_table: str, change: Change, properties: Mapping[str, str]) -> None:
    """Makes a change, unless it is made already.

    Another landing table may change the system table at the same time, which changes nothing about this: the
    commit is planned again then.

    Args:
        table: The Iceberg table of the system table.
        landing_table: The landing table that the change belongs to.
        change: The change.
        properties: Properties of the new snapshot.

    Raises:
        LakeError: Other runs published again and again in between.
    """
    [spec] = [spec for spec in ORDER if spec.name == table.name()[-1]]
    for _ in range(ATTEMPTS):
        files = PinnedSystemTable(spec, lambda: table, landing_table).files
        there = {file.file_path for file in files}
        removed = [file for file in files if file.file_path in set(change.removed)]
        missing = [uri for uri in change.added if uri not in there]
        if not removed and not missing:
            return
        try:
            added = describe_files(table, missing)
            replace_files(table, removed, added, table.metadata.new_snapshot_id(), properties)
        except Conflict:
            table.refresh()
        else:
            return
    raise LakeError(f"{spec.name} was published by other runs all the time: run again.")
