"""The activity: on which days a person or device has readings."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from stedi_assets.transforms.consent import person

# The name of a person does not depend on its spelling; the name of a device is its serial number as received.
WHO = {"user": lambda: person("user"), "serialnumber": lambda: F.col("serialnumber")}
DAY = ["who", "event_date"]


def activity(landing_table: str, readings: DataFrame, who: str, instant: str) -> DataFrame:
    """The days on which each person or device has readings (system table activity).

    Args:
        landing_table: Name of the table that has the readings.
        readings: The readings, with event_date.
        who: Column with the person or device, `user` or `serialnumber`.
        instant: Column with the time of a reading, epoch ms.
    """
    days = readings.groupBy(WHO[who]().alias("who"), "event_date").agg(
        F.count(F.lit(1)).alias("reading_count"),
        F.min(instant).alias("first_instant"),
        F.max(instant).alias("last_instant"),
    )
    return days.select(
        F.lit(landing_table).alias("table_name"), F.date_format("event_date", "yyyy-MM").alias("month"), "*"
    )


def merged(before: DataFrame, replaced: list[date], new: DataFrame) -> DataFrame:
    """The activity after new readings.

    Args:
        before: The activity so far.
        replaced: Days whose readings are all in `new`.
        new: The activity of the new readings, and of all readings on the days in `replaced`.
    """
    kept = before.where(~F.col("event_date").isin(replaced)) if replaced else before
    return (
        kept.unionByName(new)
        .groupBy("table_name", "month", *DAY)
        .agg(
            F.sum("reading_count").alias("reading_count"),
            F.min("first_instant").alias("first_instant"),
            F.max("last_instant").alias("last_instant"),
        )
    )
