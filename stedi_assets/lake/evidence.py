"""What an audit looks at: the rows of one table, staged or published, and what they are held against."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from threading import RLock
from typing import TYPE_CHECKING, Any

from stedi_assets.lake.handles import TableContent, TableFiles
from stedi_assets.lake.plan import Record
from stedi_assets.lake.staging import day_chunks
from stedi_assets.tables import TableSpec
from stedi_assets.transforms.consent import Policy

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

Days = Collection[date] | None

MOST_FACTS = 20_000  # rows that are sent along with a query


@dataclass(frozen=True)
class Evidence:
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
    _facts: "dict[str, DataFrame]" = field(default_factory=dict, repr=False)
    _frames: "dict[Any, DataFrame]" = field(default_factory=dict, repr=False)
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
        return _rows(self.others[name], days)

    def fact(self, name: str, make: "Callable[[], DataFrame]") -> "DataFrame":
        """A frame that many queries of an audit need, computed once where it is small.

        Args:
            name: What it is.
            make: Makes the frame.
        """
        with self._lock:
            if name not in self._facts:
                frame = make()
                rows = frame.limit(MOST_FACTS + 1).toArrow()
                small = 0 < rows.num_rows <= MOST_FACTS
                self._facts[name] = self.spark.createDataFrame(rows) if small else frame
            return self._facts[name]

    def _frame(self, table: TableFiles, days: Days) -> "DataFrame":
        # Every frame has its rows counted when it is made, which once is enough.
        key = (id(table), None if days is None else frozenset(days))
        with self._lock:
            if key not in self._frames:
                self._frames[key] = table.frame(self.spark, days)
            return self._frames[key]

    @property
    def days(self) -> Mapping[date, int]:
        """Rows under audit per day, where there are days."""
        return self.table.rows_by_day if self.spec.partitioned else {}

    def schema(self) -> "StructType":
        """The columns as they are in the files."""
        return self.table.written_schema(self.spark)

    def other(self, name: str, days: Days = None) -> "DataFrame":
        """The rows of another table, or those of some days where it is partitioned by day."""
        handle = self.others[name]
        return self._frame(handle, days if handle.spec.partitioned else None)

    def chunks(self, reads: Collection[str]) -> Iterator[Days]:
        """Consecutive days of the table and of others that are read beside it, within the bound of a query.

        Args:
            reads: The other tables.
        """
        dated = [self.others[name] for name in reads if self.others[name].spec.partitioned]
        if not self.spec.partitioned:
            yield None
            return
        yield from day_chunks([self.table, *dated])


def _rows(table: TableFiles, days: Days) -> int:
    if days is None:
        return table.content.rows
    return sum(table.rows_by_day.get(day, 0) for day in days)
