"""What is known of published tables from their metadata."""

import pytest
from pyspark.sql import functions as F

from stedi_assets.lake.iceberg.commit import describe_files
from stedi_assets.lake.iceberg.staging import StagingArea
from stedi_assets.lake.iceberg.table import TableFiles
from stedi_assets.lake.storage import LocalStorage
from stedi_assets.orchestration.resources import opened_lake


@pytest.mark.parametrize(
    ("moved", "holds"),
    [("event_date", True), ("date_add(event_date, 1)", False), ("date '2024-03-02'", False)],
)
def test_statistics_prove_the_day_of_every_instant_or_do_not(sample_lake, tmp_path, moved, holds):
    with opened_lake(sample_lake.environment) as lake:
        published = lake.pinned("accelerometer_trusted")
        rows = published.frame(lake.spark).withColumn("event_date", F.expr(moved))
        area = StagingArea.below(published.spec, f"file://{tmp_path}/staged", LocalStorage())
        area.write(rows)
        staged = describe_files(published.table, area.staged_files())
        files = TableFiles(published.spec, staged, "the staged files", schema=published.schema)
        assert files.within_days("timestamp") is holds
