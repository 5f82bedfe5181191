"""What an audit looks at: the rows of one table, staged or published, and what they are held against."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any

from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.staging import day_chunks
from stedi_assets.lake.iceberg.table import TableContent, TableFiles, file_day
from stedi_assets.lake.model import Outcome, Run
from stedi_assets.lake.refresh.active_days import activity_behind
from stedi_assets.lake.refresh.plan import check_key
from stedi_assets.lake.resource import Lake
from stedi_assets.settings import Policy
from stedi_assets.tables import TableSpec
from stedi_assets.transforms import pseudonyms
from stedi_assets.transforms.consent import person
from stedi_assets.transforms.held import held_people

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


Days = Collection[date] | None

MOST_FACTS = 20_000  # rows that are sent along with a query
# Rows that one query of an audit may read: more than one that makes a table, as it keeps numbers only.
CHUNK_ROWS = 2_000_000


@dataclass(frozen=True)
class AuditInput:
    """The rows of a table and the tables that rules hold them against.

    Attributes:
        spark: The engine's session.
        table: The rows under audit.
        content: Totals of the whole table, once they are published.
        record: What they were computed from.
        policy: The consent policy.
        as_of: The instant at which consent is judged, epoch ms.
        others: The other tables by name.
        held: Makes the frame of the people who are held: column person.
        subjects: Makes the frame of everybody in customer_landing under their pseudonyms: columns
            _person, subject_id and split.
        planned: The days of all that is read; None for all days, and where the table has none.
        resulting: All rows of the table once it is published.
        replaced: The rows that the planned days had before.
        previous: What was found for rules before the table was published last.
        customers_changed: Whether what is known of people and devices is not what the table was last held
            against.
        activity: Finds the activity of the very rows of a table; None where there is none.
    """

    spark: "SparkSession"
    table: TableFiles
    content: TableContent
    record: Record
    policy: Policy
    as_of: int
    others: Mapping[str, TableFiles]
    held: "Callable[[], DataFrame]"
    subjects: "Callable[[], DataFrame]"
    planned: frozenset[date] | None = None
    resulting: TableFiles | None = None
    replaced: TableFiles | None = None
    previous: Mapping[str, Any] = field(default_factory=dict)
    customers_changed: bool = False
    activity: "Callable[[str], TableFiles | None]" = lambda name: None
    _facts: "dict[str, DataFrame]" = field(default_factory=dict, repr=False)
    _own_facts: "dict[str, DataFrame]" = field(default_factory=dict, repr=False)
    _frames: "dict[Any, DataFrame]" = field(default_factory=dict, repr=False)
    _locks: "dict[Any, RLock]" = field(default_factory=dict, repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)

    @property
    def spec(self) -> TableSpec:
        """The table under audit."""
        return self.table.spec

    def rows(self, days: Days = None) -> "DataFrame":
        """The rows under audit, or those of some days."""
        return self._frame(self.table, days)

    def row_count(self, days: Days = None) -> int:
        """How many rows are under audit, or on some days."""
        return _rows(self.table, days)

    def row_count_of(self, name: str, days: Days = None) -> int:
        """How many rows another table has, or has on some days."""
        return _rows(self.others[name], self._days_of(name, days))

    @property
    def planned_days(self) -> int | None:
        """How many days are looked at; None for all."""
        return None if self.planned is None else len(self.planned)

    @property
    def former(self) -> "AuditInput":
        """The same look at the rows that the planned days had before."""
        assert self.replaced is not None
        return replace(self, table=self.replaced, _own_facts={}, _frames={})

    @property
    def everywhere(self) -> "AuditInput":
        """The same look at all rows of the table, those that stay as they are included."""
        if self.planned is None or self.resulting is None:
            return self
        return replace(self, table=self.resulting, planned=None, _own_facts={}, _frames={})

    def fact(self, name: str, make: "Callable[[], DataFrame]", *, own: bool = False) -> "DataFrame":
        """A frame that many queries of an audit need, computed once where it is small.

        Args:
            name: What it is.
            make: Makes the frame.
            own: Whether it depends on the days that are looked at.
        """

        def computed() -> "DataFrame":
            frame = make()
            rows = frame.limit(MOST_FACTS + 1).toArrow()
            return self.spark.createDataFrame(rows) if 0 < rows.num_rows <= MOST_FACTS else frame

        return self._once(self._own_facts if own else self._facts, name, computed)

    def _days_of(self, name: str, days: Days) -> Days:
        if not self.others[name].spec.partitioned:
            return None
        return self.planned if days is None else days

    def _frame(self, table: TableFiles, days: Days) -> "DataFrame":
        # Every frame has its rows counted when it is made, which once is enough.
        key = (id(table), None if days is None else frozenset(days))
        return self._once(self._frames, key, lambda: table.frame(self.spark, days))

    def _once(self, made: "dict[Any, DataFrame]", key: Any, make: "Callable[[], DataFrame]") -> "DataFrame":
        # Each has a lock of its own: who needs another frame does not wait for the query of this one.
        with self._lock:
            lock = self._locks.setdefault(key, RLock())
        with lock:
            if key not in made:
                made[key] = make()
            return made[key]

    @property
    def days(self) -> Mapping[date, int]:
        """Rows of the whole table per day, where there are days."""
        whole = self.resulting or self.table
        return whole.rows_by_day if self.spec.partitioned else {}

    def latest(self, most_rows: int, most_days: int) -> "AuditInput":
        """The same look at the latest days of the whole table, one at least.

        Args:
            most_rows: Rows that they may have together.
            most_days: How many they may be, as every day is a file to open.
        """
        days: set[date] = set()
        rows = 0
        for day in sorted(self.days, reverse=True):
            rows += self.days[day]
            if len(days) == most_days or (days and rows > most_rows):
                break
            days.add(day)
        whole = self.resulting or self.table
        if not self.spec.partitioned or days == whole.rows_by_day.keys():
            return self.everywhere
        table = TableFiles(self.spec, whole.on(days), whole.named, schema=whole.schema)
        return replace(self, table=table, planned=frozenset(days), _own_facts={}, _frames={})

    def schema(self) -> "StructType":
        """The columns as they are in the files."""
        return self.table.written_schema(self.spark)

    def other(self, name: str, days: Days = None) -> "DataFrame":
        """The rows of another table, or those of some days where it is partitioned by day."""
        return self._frame(self.others[name], self._days_of(name, days))

    def chunks(self, reads: Collection[str]) -> Iterator[Days]:
        """Consecutive days of the table and of others that are read beside it, within the bound of a query.

        Args:
            reads: The other tables.
        """
        dated = [self.others[name] for name in reads if self.others[name].spec.partitioned]
        if not self.spec.partitioned:
            yield None
            return
        yield from day_chunks([self.table, *dated], CHUNK_ROWS, days=self.planned)


def audit_input_of(
    lake: Lake,
    outcome: Outcome,
    inputs: Mapping[str, TableFiles],
    run: Run,
    landed: Outcome | None = None,
    days: Days = None,
) -> AuditInput:
    """What an audit of a table looks at.

    Args:
        lake: The lake.
        outcome: The table, staged or published.
        inputs: Inputs that are pinned already; other tables are taken as they are now.
        run: The run.
        landed: A landing table to judge by that is staged, and not published yet.
        days: The days of a published table that are looked at; None for all.

    Raises:
        LakeError: The table knows people by pseudonyms of another key.
    """
    others: dict[str, TableFiles] = {name: inputs.get(name) or lake.pinned(name) for name in lake.tables}
    people_table = lake.tables.people.name
    quarantine: TableFiles = lake.quarantine(people_table)
    if landed is not None:
        others[landed.plan.spec.name] = landed.resulting
        if landed.batch is not None:
            quarantine = landed.batch.lines
    plan, spec = outcome.plan, outcome.plan.spec
    table, planned = _looked_at(outcome, days)

    @cache
    def subjects() -> "DataFrame":
        people = others[people_table].frame(lake.spark).select(person("email").alias("email")).distinct()
        check_key(spec, outcome.record.key, pseudonyms.fingerprint(lake.key.read()))
        return pseudonyms.subjects(people, lake.key.read(), lake.split_salt(spec))

    @cache
    def held() -> "DataFrame":
        return held_people(quarantine.frame(lake.spark))

    @cache
    def activity(name: str) -> TableFiles | None:
        return activity_behind(lake, spec, name, others)

    return AuditInput(
        *(lake.spark, table, outcome.content, outcome.record, run.policy, run.as_of),
        *(others, held, subjects, planned, outcome.resulting, _replaced(outcome, planned)),
        plan.previous.checks if plan.previous else {},
        any(name not in lake.tables or not lake.tables[name].partitioned for name in plan.changed),
        activity,
    )


def _looked_at(outcome: Outcome, days: Days) -> tuple[TableFiles, frozenset[date] | None]:
    """The rows that are looked at, and their days; None for all."""
    staged, spec, table = outcome.staged, outcome.plan.spec, outcome.files
    if staged is None:
        planned = None if days is None else frozenset(days)
        if planned is not None:
            table = TableFiles(spec, table.on(planned), table.named, schema=table.schema)
        return table, planned
    if not spec.partitioned:
        return outcome.resulting, None
    if spec.source is None or not staged.kept:
        return table, outcome.plan.days
    return table, frozenset(map(date.fromisoformat, outcome.record.days or ()))


def _replaced(outcome: Outcome, planned: frozenset[date] | None) -> TableFiles | None:
    staged, spec = outcome.staged, outcome.plan.spec
    if staged is None or planned is None:
        return None
    same = [] if spec.source else [file for file in staged.kept if file_day(file) in planned]
    files = [*staged.removed, *same]
    return TableFiles(spec, files, "the table as it is published", schema=outcome.files.schema)


def _rows(table: TableFiles, days: Days) -> int:
    if days is None:
        return table.content.rows
    return sum(table.rows_by_day.get(day, 0) for day in days)
