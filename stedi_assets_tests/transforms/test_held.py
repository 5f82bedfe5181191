"""The people whom quarantined lines hold."""

from pyspark.sql import SparkSession

from stedi_assets.transforms.held import held_people
from stedi_assets_tests.support import frames

ADA, BO = "ada@example.com", "bo@example.com"


def test_held_are_the_people_of_all_lines_once(spark: SparkSession) -> None:
    held = held_people(frames.quarantine(spark, ADA, " ADA@example.com", BO))
    assert sorted(row["person"] for row in held.collect()) == [ADA, BO]
    assert held_people(frames.quarantine(spark)).collect() == []
