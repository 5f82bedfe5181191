"""The system tables: their part for each landing table, and how a batch changes it.

A landing table and its part of the system tables change by several commits. The commit of the landing table
comes first and decides: its snapshot names the staged files for the other tables. If a run was killed, the
next run finds the unfinished batch and completes it from the file names in that snapshot. The ledger comes
last: once it has changed, all tables have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from stedi_assets.errors import LakeError
from stedi_assets.lake.iceberg.commit import Conflict, describe_files, replace_files
from stedi_assets.lake.iceberg.table import PinnedSystemTable
from stedi_assets.lake.resource import Lake
from stedi_assets.tables import ACTIVITY, LEDGER, QUARANTINE

if TYPE_CHECKING:
    from pyiceberg.table import Table

ORDER = (QUARANTINE, ACTIVITY, LEDGER)
ATTEMPTS = 10  # of a commit: landing tables that are published at the same time conflict here


@dataclass(frozen=True)
class Change:
    """The change of a system table by a batch: URIs of the data files that go, and of those that come."""

    removed: Sequence[str] = ()
    added: Sequence[str] = ()


@dataclass(frozen=True)
class Changes:
    """The changes of the system tables by a batch.

    Attributes:
        batch_id: The batch.
        tables: The changes by system table; the ledger always has one.
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
        return cls(batch_id=recorded["batch_id"], tables=changes)

    def done(self, ledger: PinnedSystemTable) -> bool:
        """Whether all changes are made.

        Args:
            ledger: The ledger of the landing table.
        """
        # The former files of the ledger never come back once it has changed.
        return {file.file_path for file in ledger.files} != set(self.tables[LEDGER.name].removed)


def batch_unfinished(lake: Lake, landing_table: str) -> bool:
    """Whether a run ended between the commit of the landing table and that of the ledger."""
    pinned = lake.pinned(landing_table)
    record = pinned.record if pinned.exists else None
    if record is None or not record.batch:
        return False
    return not Changes.of(record.batch).done(lake.system(LEDGER, landing_table))


def finish_batch(lake: Lake, landing_table: str) -> None:
    """Completes a batch whose run ended between the commit of the landing table and that of the ledger."""
    if not lake.writes or not batch_unfinished(lake, landing_table):
        return
    record = lake.pinned(landing_table).record
    assert record is not None
    changes = Changes.of(record.batch)
    properties = {"stedi.table": landing_table, "stedi.batch": changes.batch_id, "stedi.run": record.run}
    for spec in ORDER:
        if spec.name in changes.tables:
            apply(lake.existing_table(spec), landing_table, changes.tables[spec.name], properties)


def apply(table: "Table", landing_table: str, change: Change, properties: Mapping[str, str]) -> None:
    """Commits a change, unless it is made already.

    Another landing table may change the system table at the same time. That does not affect this change, so
    the commit is planned again.

    Args:
        table: The Iceberg table of the system table.
        landing_table: The landing table that the change belongs to.
        change: The change.
        properties: Properties of the new snapshot.

    Raises:
        LakeError: Other runs kept publishing in between.
    """
    [spec] = [spec for spec in ORDER if spec.name == table.name()[-1]]
    for _ in range(ATTEMPTS):
        files = PinnedSystemTable(spec, lambda: table, landing_table).files
        present = {file.file_path for file in files}
        removed = [file for file in files if file.file_path in set(change.removed)]
        missing = [uri for uri in change.added if uri not in present]
        if not removed and not missing:
            return
        try:
            added = describe_files(table, missing)
            new_id = table.metadata.new_snapshot_id()
            replace_files(table, removed, added, snapshot_id=new_id, properties=properties)
        except Conflict:
            table.refresh()
        else:
            return
    raise LakeError(f"{spec.name} was published by other runs at the same time, {ATTEMPTS} times: run again.")
