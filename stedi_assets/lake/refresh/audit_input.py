"""The input of an audit: the rows of one table, staged or published, and the tables to check them against.

Rules read tables through it only. Here belongs how rows, people and facts are found; the rules that use them
are in `contracts`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.staging import day_chunks
from stedi_assets.lake.iceberg.table import TableFiles
from stedi_assets.lake.model import Outcome, Run
from stedi_assets.lake.refresh.active_days import activity_behind
from stedi_assets.lake.refresh.audited_rows import AuditedRows, audited_rows
from stedi_assets.lake.refresh.computed_once import ComputedOnce
from stedi_assets.lake.refresh.plan import check_key
from stedi_assets.lake.resource import Lake
from stedi_assets.settings import Policy
from stedi_assets.tables import QUARANTINE, TableSpec
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
    """The rows of a table, and the tables that rules check them against.

    Attributes:
        lake: The lake.
        run: The run; its policy and `as_of` judge consent.
        audited: The rows under audit.
        record: What the rows were computed from.
        others: The other tables by name.
        quarantine: The quarantined lines of the landing table about people.
        previous: The counts of the audit before the last publish, by rule.
        customers_changed: Whether customers may differ from those of the last audit of the table.
    """

    lake: Lake
    run: Run
    audited: AuditedRows
    record: Record
    others: Mapping[str, TableFiles]
    quarantine: TableFiles
    previous: Mapping[str, Any] = field(default_factory=dict)
    customers_changed: bool = False
    _shared: ComputedOnce = field(default_factory=ComputedOnce, repr=False)
    """Computed from other tables only, so the same whatever rows are under audit."""
    _own: ComputedOnce = field(default_factory=ComputedOnce, repr=False)
    """Computed from the rows under audit or on their days."""

    @property
    def spark(self) -> "SparkSession":
        """The engine's session."""
        return self.lake.spark

    def start_engine(self) -> None:
        """Starts the engine at the first use; before that, Spark in this process makes no column."""
        _ = self.lake.spark

    @property
    def spec(self) -> TableSpec:
        """The table under audit."""
        return self.audited.spec

    @property
    def policy(self) -> Policy:
        """The consent policy."""
        return self.run.policy

    @property
    def as_of(self) -> int:
        """The time at which consent is judged, epoch ms."""
        return self.run.as_of

    @property
    def planned_days(self) -> int | None:
        """Number of days under audit; None for all days, and for a table without days."""
        return None if self.audited.planned is None else len(self.audited.planned)

    @property
    def days(self) -> Mapping[date, int]:
        """Rows of the whole table per day; empty for a table without days."""
        return self.audited.days

    def rows(self, days: Days = None) -> "DataFrame":
        """The rows under audit, or those of some days."""
        return self._frame(self.audited.table, days)

    def row_count(self, days: Days = None) -> int:
        """Number of rows under audit, or of those on some days."""
        return _row_count(self.audited.table, days)

    def schema(self) -> "StructType":
        """The columns in the data files."""
        return self.audited.table.written_schema(self.spark)

    def other(self, name: str, days: Days = None) -> "DataFrame":
        """The rows of another table; of one partitioned by day, those of the days under audit or of some."""
        return self._frame(self.others[name], self._days_of(name, days))

    def row_count_of(self, name: str, days: Days = None) -> int:
        """Number of the rows that `other` returns."""
        return _row_count(self.others[name], self._days_of(name, days))

    def activity(self, name: str) -> TableFiles | None:
        """The activity of exactly the rows of a table; None if there is none."""
        return self._shared.get(
            ("activity", name), lambda: activity_behind(self.lake, self.spec, name, self.others)
        )

    def held(self) -> "DataFrame":
        """The people who are held: column person."""
        return self._shared.get("held", lambda: held_people(self.quarantine.frame(self.spark)))

    def subjects(self) -> "DataFrame":
        """All people with a customer record under their pseudonyms: columns _person, subject_id and split.

        Raises:
            LakeError: The table was made with another pseudonym key.
        """
        return self._shared.get("subjects", self._subjects)

    def fact(self, name: str, compute: "Callable[[], DataFrame]", *, own: bool = False) -> "DataFrame":
        """A frame that many queries of an audit need; computed once if it is small.

        Args:
            name: Names the frame.
            compute: Computes it.
            own: Whether it depends on the rows under audit or on their days.
        """

        def computed() -> "DataFrame":
            frame = compute()
            rows = frame.limit(MOST_FACTS + 1).toArrow()
            return self.spark.createDataFrame(rows) if 0 < rows.num_rows <= MOST_FACTS else frame

        return (self._own if own else self._shared).get(("fact", name), computed)

    def chunks(self, reads: Collection[str]) -> Iterator[Days]:
        """Consecutive days of the table and of others read beside it, within the bound of a query.

        Args:
            reads: The other tables.
        """
        if not self.spec.partitioned:
            yield None
            return
        dated = [self.others[name] for name in reads if self.others[name].spec.partitioned]
        yield from day_chunks([self.audited.table, *dated], CHUNK_ROWS, days=self.audited.planned)

    @property
    def former(self) -> "AuditInput":
        """The same input with the rows that the planned days have before the publish."""
        return self._with(self.audited.former)

    @property
    def everywhere(self) -> "AuditInput":
        """The same input with all rows of the table, including those of days that stay unchanged."""
        return self._with(self.audited.everywhere)

    def latest(self, most_rows: int, most_days: int) -> "AuditInput":
        """The same input with the rows of the latest days; see `AuditedRows.latest`."""
        return self._with(self.audited.latest(most_rows, most_days))

    def _with(self, audited: AuditedRows) -> "AuditInput":
        return self if audited is self.audited else replace(self, audited=audited, _own=ComputedOnce())

    def _days_of(self, name: str, days: Days) -> Days:
        if not self.others[name].spec.partitioned:
            return None
        return self.audited.planned if days is None else days

    def _frame(self, table: TableFiles, days: Days) -> "DataFrame":
        # A frame is made once, because the rows of its files are counted when it is made.
        key = ("frame", id(table), None if days is None else frozenset(days))
        return self._own.get(key, lambda: table.frame(self.spark, days))

    def _subjects(self) -> "DataFrame":
        lake = self.lake
        check_key(self.spec, self.record.key, pseudonyms.fingerprint(lake.key.read()))
        records = self.others[lake.tables.people.name].frame(self.spark)
        people = records.select(person("email").alias("email")).distinct()
        return pseudonyms.subjects(people, lake.key.read(), lake.split_salt(self.spec))


def audit_input_of(
    lake: Lake,
    outcome: Outcome,
    *,
    run: Run,
    inputs: Mapping[str, TableFiles] | None = None,
    landed: Outcome | None = None,
    days: Days = None,
) -> AuditInput:
    """The input of the audit of a table.

    Args:
        lake: The lake.
        outcome: The table, staged or published.
        run: The run.
        inputs: Inputs that are pinned already; other tables are pinned now.
        landed: A staged landing table to read instead of the published one.
        days: The days of a published table to read; None for all.
    """
    pinned = inputs or {}
    others: dict[str, TableFiles] = {name: pinned.get(name) or lake.pinned(name) for name in lake.tables}
    quarantine: TableFiles = lake.system(QUARANTINE, lake.tables.people.name)
    if landed is not None:
        others[landed.plan.spec.name] = landed.resulting
        if landed.batch is not None:
            quarantine = landed.batch.lines
    plan = outcome.plan
    return AuditInput(
        lake=lake,
        run=run,
        audited=audited_rows(outcome, None if days is None else frozenset(days)),
        record=outcome.record,
        others=others,
        quarantine=quarantine,
        previous=plan.previous.checks if plan.previous else {},
        customers_changed=any(
            name not in lake.tables or not lake.tables[name].partitioned for name in plan.changed
        ),
    )


def _row_count(table: TableFiles, days: Days) -> int:
    if days is None:
        return table.content.rows
    return sum(table.rows_by_day.get(day, 0) for day in days)
