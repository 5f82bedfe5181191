"""The rows under audit, and the table that they are a part of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from stedi_assets.lake.iceberg.table import TableContent, TableFiles, file_day
from stedi_assets.lake.model import Outcome
from stedi_assets.tables import TableSpec


@dataclass(frozen=True)
class AuditedRows:
    """The rows under audit, and the table that they are a part of.

    Attributes:
        table: The rows under audit.
        whole: All rows that the table has after the publish.
        content: Totals of these rows.
        planned: The days of the rows under audit; None for all days, and for a table without days.
        replaced: The rows that the planned days have before the publish; None if all days are under audit.
    """

    table: TableFiles
    whole: TableFiles
    content: TableContent
    planned: frozenset[date] | None = None
    replaced: TableFiles | None = None

    @property
    def spec(self) -> TableSpec:
        """The table."""
        return self.table.spec

    @property
    def days(self) -> Mapping[date, int]:
        """Rows of the whole table per day; empty for a table without days."""
        return self.whole.rows_by_day if self.spec.partitioned else {}

    @property
    def former(self) -> "AuditedRows":
        """The rows that the planned days have before the publish."""
        assert self.replaced is not None
        return replace(self, table=self.replaced)

    @property
    def everywhere(self) -> "AuditedRows":
        """All rows of the table, including those of days that stay unchanged."""
        return self if self.planned is None else replace(self, table=self.whole, planned=None)

    def latest(self, most_rows: int, most_days: int) -> "AuditedRows":
        """The rows of the latest days of the whole table.

        Args:
            most_rows: Rows that the days may have together; the latest day counts in any case.
            most_days: Number of days, because every day is a file to open.
        """
        days: set[date] = set()
        rows = 0
        for day in sorted(self.days, reverse=True)[:most_days]:
            rows += self.days[day]
            if days and rows > most_rows:
                break
            days.add(day)
        if days == self.days.keys():
            return self.everywhere
        table = TableFiles(self.spec, self.whole.on(days), self.whole.named, schema=self.whole.schema)
        return replace(self, table=table, planned=frozenset(days))


def audited_rows(outcome: Outcome, days: frozenset[date] | None) -> AuditedRows:
    """The rows of a staged or published table that an audit reads.

    Args:
        outcome: The table.
        days: The days of a published table to read; None for all.
    """
    table, planned = _table_and_days(outcome, days)
    return AuditedRows(
        table=table,
        whole=outcome.resulting,
        content=outcome.content,
        planned=planned,
        replaced=_replaced(outcome, planned),
    )


def _table_and_days(
    outcome: Outcome, days: frozenset[date] | None
) -> tuple[TableFiles, frozenset[date] | None]:
    """The rows under audit, and their days; None for all."""
    staged, spec, table = outcome.staged, outcome.plan.spec, outcome.files
    if staged is None:
        if days is not None:
            table = TableFiles(spec, table.on(days), table.named, schema=table.schema)
        return table, days
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
