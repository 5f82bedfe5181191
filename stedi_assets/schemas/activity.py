"""The model of the activity: when which person or device has readings in the landing zone."""

import pandera.pyspark as pa
import pyspark.sql.types as T

from stedi_assets.schemas.landing import column


class Activity(pa.DataFrameModel):
    """Readings of one person or device on one day, as delivered: exact duplicates count."""

    table_name: T.StringType = pa.Field(description="Landing table that has the readings.")
    month: T.StringType = pa.Field(
        description="Month of the day, UTC.",
        str_matches="^[0-9]{4}-[0-9]{2}$",
        metadata=column(form="YYYY-MM"),
    )
    who: T.StringType = pa.Field(
        description="Canonical email of the person, or serial number of the device as delivered.",
        metadata=column(personal=True),
    )
    event_date: T.DateType = pa.Field(description="UTC calendar day of the readings.")
    reading_count: T.LongType = pa.Field(description="Readings on the day.", ge=1)
    first_instant: T.LongType = pa.Field(description="Instant of the first one, epoch ms.")
    last_instant: T.LongType = pa.Field(description="Instant of the last one, epoch ms.")

    class Config:
        """Pandera settings."""

        strict = True
