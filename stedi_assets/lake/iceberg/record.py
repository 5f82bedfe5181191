"""The record that every snapshot carries in its properties: what it was computed from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

PREFIX = "stedi."


@dataclass(frozen=True)
class Record:
    """What a snapshot was computed from, kept in its properties.

    Attributes:
        inputs: Content version of every input, or the batch id of the landing files.
        version: Content version of the table: the snapshot in which its rows last changed.
        snapshots: The snapshot of every input that was read.
        days: Days (YYYY-MM-DD) whose rows differ from the snapshot before; None if they are not known, or if
            the table has no days.
        owed: Days that lost rows of people who withdrew since the table was refreshed, and that the next
            refresh rebuilds; empty for a table without days. None if nothing was removed.
        policy: Consent policy.
        code_version: Code version of the table.
        as_of: Time of the run, epoch ms.
        next_change: Time at which time alone changes the rows, epoch ms, if there is one.
        key: Fingerprint of the pseudonym key, for tables made with it.
        run: The Dagster run.
        counts: Totals of the landing lines, for tables of the landing zone.
        reasons: Quarantined lines by reason.
        checks: Results of the audit before the publish, by rule.
        batch: Changes of the system tables by the batch, for tables of the landing zone.
    """

    inputs: Mapping[str, str]
    policy: str
    code_version: str
    as_of: int
    version: str = ""
    snapshots: Mapping[str, int] = field(default_factory=dict)
    days: Sequence[str] | None = None
    owed: Sequence[str] | None = None
    next_change: int | None = None
    key: str | None = None
    run: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    checks: Mapping[str, Any] = field(default_factory=dict)
    batch: Mapping[str, Any] = field(default_factory=dict)

    def properties(self) -> dict[str, str]:
        """The record as snapshot properties."""
        return {
            PREFIX + name.replace("_", "-"): json.dumps(value, sort_keys=True)
            for name, value in asdict(self).items()
        }

    @classmethod
    def of(cls, snapshot: "Snapshot | None") -> "Record | None":
        """The record of a snapshot, or None for one that carries none."""
        if snapshot is None or snapshot.summary is None:
            return None
        properties = snapshot.summary.additional_properties
        names = {PREFIX + part.name.replace("_", "-"): part.name for part in fields(cls)}
        given = {name: json.loads(properties[key]) for key, name in names.items() if key in properties}
        # Snapshots of earlier versions lack later fields.
        required = {
            part.name for part in fields(cls) if part.default is MISSING and part.default_factory is MISSING
        }
        return cls(**given) if required <= given.keys() else None


def removed_rows(snapshot: "Snapshot", parent: "Snapshot") -> int:
    """The rows that a publish removed because people withdrew; none for any other publish."""
    record = Record.of(snapshot)
    if record is None or record.owed is None or snapshot.summary is None or parent.summary is None:
        return 0
    before, after = parent.summary["total-records"], snapshot.summary["total-records"]
    return max(int(before or 0) - int(after or 0), 0)


def removed_by(run: str, table: "Table") -> tuple[int, int]:
    """The rows that a run removed because people withdrew, and the rows before its last publishes.

    Args:
        run: Id of the run.
        table: The table, whose latest snapshots are of the run if it published any.
    """
    removed = before = 0
    snapshot = table.current_snapshot()
    while snapshot is not None and (record := Record.of(snapshot)) is not None and record.run == run:
        parent = table.snapshot_by_id(snapshot.parent_snapshot_id or 0)
        if parent is None or parent.summary is None:
            break
        removed += removed_rows(snapshot, parent)
        before = int(parent.summary["total-records"] or 0)
        snapshot = parent
    return removed, before
