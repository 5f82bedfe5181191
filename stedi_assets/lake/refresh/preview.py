"""What waiting landing files will bring: read to be told of, staged nowhere, published by no commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.iceberg.table import Past, PinnedTable
from stedi_assets.lake.ingestion.files import EMPTY
from stedi_assets.lake.ingestion.reader import parsed_lines
from stedi_assets.lake.ingestion.records import line_form, with_event_date
from stedi_assets.lake.ingestion.staged_batch import next_batch, rows_kept
from stedi_assets.lake.model import Run
from stedi_assets.tables import TableSpec
from stedi_assets.transforms.activity import activity

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from stedi_assets.lake.resource import Lake

COMING = "coming"


class PreviewedTable(PinnedTable):
    """A published table as it will be.

    Args:
        published: The table.
        days: Days whose rows will differ, where there are days; None where any may.
        rows: Its rows, where it has no days.
    """

    def __init__(
        self,
        published: PinnedTable,
        days: frozenset[date] | None = None,
        rows: "DataFrame | None" = None,
    ) -> None:
        super().__init__(published.spec, lambda: published.table, published.snapshot_id)
        self._published = published
        self._days = days
        self._rows = rows

    @property
    def version(self) -> str:
        """Another one than that of the published table."""
        return COMING

    def since(self, snapshot_id: int | None, version: str | None) -> Past | None:
        """See `PinnedTable`."""
        past = self._published.since(snapshot_id, version)
        if past is None or past.days is None or self._days is None:
            return past and Past(past.table, None)
        return Past(past.table, past.days | self._days)

    def frame(self, spark: "SparkSession", days: object = None) -> "DataFrame":
        """The rows that it will have."""
        assert self._rows is not None, "rows of days are not previews"
        return self._rows


@dataclass(frozen=True)
class Preview:
    """What the waiting files of a table will change.

    Attributes:
        counts: Files by what they are.
        days: Days of which rows come or go.
        rows: The rows of the table afterwards, for a table without days.
        lines: Its quarantined lines afterwards, for a table without days.
        activity: The activity of the readings that come, for tables of readings.
    """

    counts: Mapping[str, int]
    days: frozenset[date]
    rows: "DataFrame | None" = None
    lines: "DataFrame | None" = None
    activity: "DataFrame | None" = None


def preview(lake: "Lake", spec: TableSpec, run: Run) -> Preview:
    """Reads the waiting files of a table of the landing zone.

    Args:
        lake: The lake.
        spec: The table.
        run: The run that would ingest them, in one batch whatever their number.

    Raises:
        LakeError: The engine stopped.
    """
    source, spark = spec.source, lake.spark
    assert source is not None
    batch = next_batch(lake, spec, run)
    known = lake.ledger(spec.name).current
    form = line_form(source.record, spec.instant, source.person)
    lines = parsed_lines(spark, form, [*batch.files], lake.aws, lake.longest_line)
    rows = lines.where(F.col("_reason").isNull())
    published = lake.pinned(spec.name)
    if spec.instant is None:
        names = [field.name for field in form.fields]
        before = published.frame(spark) if published.exists else spark.createDataFrame([], spec.schema)
        after = rows_kept(spark, before, batch.owners).select(*names).unionByName(rows.select(*names))
        faulty = lines.where(F.col("_reason").isNotNull() & (F.col("_reason") != EMPTY)).select("_people")
        held = rows_kept(spark, lake.quarantine(spec.name).frame(spark), batch.owners).select("people")
        return Preview(batch.counts, frozenset(), after, held.union(faulty))
    dated = with_event_date(rows, spec.instant)
    gone = {day for path, entry in known.items() if path in batch.owners for day in entry.event_dates}
    with engine_errors(spec.name, "reading landing files"):
        found = {row["event_date"] for row in dated.select("event_date").distinct().collect()}
    who = source.who
    assert who is not None
    return Preview(
        batch.counts, frozenset(found | gone), activity=activity(spec.name, dated, who, spec.instant)
    )
