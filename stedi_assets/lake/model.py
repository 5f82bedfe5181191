"""What a run works with and what comes of it: the run itself, tables that are staged, rows that went."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from stedi_assets.errors import SettingError
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.staging import Frames, StagingArea
from stedi_assets.lake.iceberg.table import TableContent, TableFiles
from stedi_assets.settings import Policy
from stedi_assets.tables import TableSpec

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Range:
    """Days that are rebuilt in any case, from the first to the last."""

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


@dataclass(frozen=True)
class Run:
    """What holds for a whole run.

    Attributes:
        id: The Dagster run.
        as_of: The instant at which consent is judged, epoch ms.
        policy: The consent policy.
        full: Whether all days are made again in any case.
        rekey: Whether tables may be made with another pseudonym key than before.
        retry: Whether files with quarantined lines are read again.
        days: Days that are made again in any case.
        trust_clock: Publish although a snapshot lies in the future.
        shared: Serial numbers of devices that count as shared because an owner was erased.
    """

    id: str
    as_of: int
    policy: Policy
    full: bool = False
    rekey: bool = False
    retry: bool = False
    days: Range | None = None
    trust_clock: bool = False
    shared: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True)
class Plan:
    """What a refresh of a table will do.

    Attributes:
        spec: The table.
        base: The snapshot that was current when this was planned; the publish insists on it.
        record: The record that the new snapshot will carry.
        reasons: Why the table is rebuilt; empty if it is up to date.
        days: The days that are rebuilt; None for all, and for a table without days.
        changed: The inputs whose rows changed.
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
class Staged:
    """What a publish does: data files out and in, and those that stay. The area is where the new ones are.

    Attributes:
        removed: Data files that go.
        added: Data files that come.
        area: Where these are.
        kept: Data files that stay.
        unused: Folders with staged rows that the table has already.
    """

    removed: "list[DataFile]"
    added: "list[DataFile]"
    area: StagingArea
    kept: "list[DataFile]" = field(default_factory=list)
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class StagedBatch:
    """What goes with the rows of a batch of landing files.

    Attributes:
        areas: Where the files of the system tables are staged.
        lines: The quarantined lines of the landing table afterwards.
        more: Whether there are landing files for one more batch.
    """

    areas: tuple[StagingArea, ...]
    lines: TableFiles
    more: bool


@dataclass(frozen=True)
class Outcome:
    """A refreshed table: staged and about to be published, or found up to date.

    Attributes:
        plan: What was planned.
        snapshot_id: The snapshot that is current once this is published.
        content: Totals of that snapshot.
        record: What that snapshot carries.
        files: The data files that are looked at: of the planned days, or all.
        staged: What was staged, if anything was.
        batch: What goes with it, for tables of the landing zone.
    """

    plan: Plan
    snapshot_id: int
    content: TableContent
    record: Record
    files: TableFiles = field(repr=False)
    staged: "Staged | None" = field(default=None, repr=False)
    batch: StagedBatch | None = field(default=None, repr=False)

    @property
    def changed(self) -> bool:
        """Whether there is something to publish."""
        return self.staged is not None

    @property
    def same_rows(self) -> bool:
        """Whether a table that was made again turned out to be what it was."""
        return self.staged is not None and self.version != str(self.snapshot_id)

    @property
    def resulting(self) -> TableFiles:
        """The data files of the table once this is published."""
        if self.staged is None:
            return self.files
        files = [*self.staged.kept, *self.staged.added]
        return TableFiles(self.plan.spec, files, "the table about to be published", schema=self.files.schema)

    @property
    def version(self) -> str:
        """The table's content version once this is published."""
        return self.record.version or str(self.snapshot_id)

    def discard(self) -> None:
        """Removes what was staged and will not be published."""
        if self.staged is not None:
            self.staged.area.discard()
        for area in self.batch.areas if self.batch else ():
            area.discard()

    def audited(self, checks: Mapping[str, Any]) -> "Outcome":
        """The outcome with what an audit found, by rule, which the snapshot will carry."""
        return replace(self, record=replace(self.record, checks=checks))


Transform = Callable[[Frames, Run], "DataFrame"]


@dataclass(frozen=True)
class Facts:
    """What a table of readings depends on besides readings: facts about people or devices.

    Attributes:
        compute: Makes them from the inputs without days: column `who`, and what is known of each.
        activity_of: Landing table whose activity says on which days they have readings.
        named: What one, and what several, of whom the facts change are called.
    """

    compute: Transform
    activity_of: str
    named: tuple[str, str]
