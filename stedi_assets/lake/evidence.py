"""What an audit looks at: the rows of one table, staged or published, and what they are held against."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from stedi_assets.lake.handles import TableFiles
from stedi_assets.lake.plan import Record
from stedi_assets.lake.staging import day_chunks
from stedi_assets.tables import TableSpec
from stedi_assets.transforms.consent import Policy

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

Days = Collection[date] | None


@dataclass(frozen=True)
class Evidence:
    """The rows of a table and the tables that rules hold them against.

    Attributes:
        spark: The engine's session.
        table: The rows under audit.
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
    record: Record
    policy: Policy
    as_of: int
    others: Mapping[str, TableFiles]
    held: "Callable[[], DataFrame]"
    subjects: "Callable[[], DataFrame]"

    @property
    def spec(self) -> TableSpec:
        """The table under audit."""
        return self.table.spec

    def rows(self, days: Days = None) -> "DataFrame":
        """The rows under audit, or those of some days."""
        return self.table.frame(self.spark, days)

    def row_count(self, days: Days = None) -> int:
        """How many rows are under audit, or on some days."""
        if days is None:
            return self.table.content.rows
        return sum(self.table.rows_by_day.get(day, 0) for day in days)

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
        return handle.frame(self.spark, days if handle.spec.partitioned else None)

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
