"""The activity: when which person or device has readings."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from stedi_assets.transforms.consent import person

# A person has one name however it is spelled; a device has the one that it was delivered with.
WHO = {"user": lambda: person("user"), "serialnumber": lambda: F.col("serialnumber")}
DAY = ["who", "event_date"]


def activity(landing_table: str, readings: DataFrame, who: str, instant: str) -> DataFrame:
    """When which person or device has readings (system table activity).

    Args:
        landing_table: Name of the table that has the readings.
        readings: The readings, with event_date.
        who: Column that says whose they are, `user` or `serialnumber`.
        instant: Column with the instant of a reading, epoch ms.
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
    """The activity after readings have come.

    Args:
        before: The activity until now.
        replaced: Days of which `new` knows all readings.
        new: The activity of the readings that have come, and of all on the days that are replaced.
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
