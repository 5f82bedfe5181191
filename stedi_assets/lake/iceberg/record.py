"""What a refresh has to do: the record that every snapshot carries, and its comparison with now.

Nothing that a table depends on has changed: nothing is staged. What has says which days are made anew.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import date
from typing import TYPE_CHECKING, Any

from stedi_assets.errors import LakeError, SettingError
from stedi_assets.tables import TableSpec

if TYPE_CHECKING:
    from pyiceberg.table.snapshots import Snapshot

PREFIX = "stedi."
WITHDRAWN = "rows of people who withdrew were removed"


@dataclass(frozen=True)
class Record:
    """What a snapshot was computed from, kept in its properties.

    Attributes:
        inputs: Content version of every input, or the batch id of the landing files.
        version: Content version of the table: the snapshot in which its rows last changed.
        snapshots: The snapshot of every input that was read.
        days: Days (YYYY-MM-DD) whose rows differ from the snapshot before; None where that is not known, or
            the table has no days.
        owed: Days that lost rows of people who withdrew since the table was refreshed, and are to be made
            anew; none of them where the table has no days. None where nothing was removed.
        policy: Consent policy.
        code_version: Code version of the table.
        as_of: Instant of the run, epoch ms.
        next_change: Instant at which time alone changes the rows, epoch ms, if there is one.
        key: Fingerprint of the pseudonym key, for tables made with it.
        run: The Dagster run.
        counts: Totals of the landing lines, for tables of the landing zone.
        reasons: Quarantined ones of them by reason.
        checks: What the audit before the publish found, by rule.
        batch: What the batch does to the system tables, for tables of the landing zone.
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
        # Snapshots of earlier versions lack what was added since.
        required = {
            part.name for part in fields(cls) if part.default is MISSING and part.default_factory is MISSING
        }
        return cls(**given) if required <= given.keys() else None


@dataclass(frozen=True)
class Plan:
    """What a refresh of a table will do.

    Attributes:
        spec: The table.
        base: The snapshot that was current when this was planned; the publish insists on it.
        record: What the new snapshot will carry.
        reasons: Why the table is made anew; empty where nothing has to be done.
        days: The days that are made anew; None for all, and where the table has no days.
        changed: The inputs whose rows are others than before.
        previous: What the table was computed from before.
    """

    spec: TableSpec
    base: int | None
    record: Record
    reasons: tuple[str, ...]
    days: frozenset[date] | None = None
    changed: frozenset[str] = frozenset()
    previous: Record | None = None

    @property
    def nothing(self) -> bool:
        """Whether the table is up to date."""
        return not self.reasons


@dataclass(frozen=True)
class Range:
    """Days that are made anew in any case, from the first to the last."""

    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> "Range":
        """The range that `A..B`, or a single day, names.

        Raises:
            SettingError: The text names none.
        """
        first, _, last = text.partition("..")
        try:
            days = cls(date.fromisoformat(first), date.fromisoformat(last if ".." in text else first))
        except ValueError:
            raise SettingError(
                f"--days {text}: give days as 2024-03-01..2024-03-31, or a single one."
            ) from None
        if days.last < days.first:
            raise SettingError(f"--days {text}: the first day comes after the last one: swap them.")
        return days

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def changed_inputs(recorded: Record, wanted: Record) -> list[str]:
    """The inputs whose content is another one than before."""
    return [name for name, version in wanted.inputs.items() if recorded.inputs.get(name) != version]


def reasons_for_all(recorded: Record, wanted: Record) -> list[str]:
    """Why all rows may differ, whatever the inputs are."""
    reasons = []
    if wanted.key != recorded.key:
        reasons.append("another pseudonym key")
    if wanted.policy != recorded.policy:
        reasons.append(f"policy {recorded.policy} → {wanted.policy}")
    if wanted.code_version != recorded.code_version:
        reasons.append(f"code version {recorded.code_version} → {wanted.code_version}")
    if wanted.as_of < recorded.as_of:
        reasons.append("as of an earlier instant")
    return reasons


def counted_words(number: int, singular: str, plural: str) -> str:
    """A number and what it counts."""
    return f"{number:,} {singular if number == 1 else plural}"


def check_key(spec: TableSpec, recorded: str | None, wanted: str | None) -> None:
    """Makes sure that a table was made with the pseudonym key at hand.

    Args:
        spec: The table.
        recorded: Fingerprint of the key that it was made with.
        wanted: Fingerprint of the key at hand.

    Raises:
        LakeError: It was not.
    """
    if recorded != wanted:
        raise LakeError(
            f"{spec.name} was made with the pseudonym key {recorded} (a fingerprint), but now "
            f"STEDI_PSEUDONYM_KEY or the key file holds {wanted}: give the former key again, or "
            "replace it everywhere with `stedi rekey`."
        )
