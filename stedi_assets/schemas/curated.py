"""Models of the curated zone, for analysts and machine learning."""

import pandera.pyspark as pa
import pyspark.sql.types as T

from stedi_assets.schemas import checks
from stedi_assets.schemas.columns import (
    ACCELERATION,
    DISTANCE,
    DISTANCE_RANGE,
    INSTANT,
    MILLISECONDS,
    READING_INSTANTS,
    SENSOR_RANGE,
    column,
)
from stedi_assets.schemas.landing import CustomerRecord, Dated


class CustomerCurated(CustomerRecord):
    """Consenting people who have accelerometer readings to share."""

    class Config:
        """Pandera settings."""

        strict = True


class SubjectReading(pa.DataFrameModel):
    """A reading of both sensors of a subject, taken at the same time."""

    subject_id: T.StringType = pa.Field(
        description="Pseudonym: HMAC-SHA256 of the person's email with the lake's key, in hex.",
        str_matches="^[0-9a-f]{64}$",
        metadata=column(why="Anything else is not a pseudonym.", form="64 hexadecimal digits"),
    )
    timestamp: T.LongType = pa.Field(
        description="Time of both readings, epoch ms.",
        in_range=READING_INSTANTS,
        metadata=column(why=MILLISECONDS, form=INSTANT),
    )
    x: T.DoubleType = pa.Field(
        description="Acceleration along x, in g.", in_range=ACCELERATION, metadata=column(why=SENSOR_RANGE)
    )
    y: T.DoubleType = pa.Field(
        description="Acceleration along y, in g.", in_range=ACCELERATION, metadata=column(why=SENSOR_RANGE)
    )
    z: T.DoubleType = pa.Field(
        description="Acceleration along z, in g.", in_range=ACCELERATION, metadata=column(why=SENSOR_RANGE)
    )
    distancefromobject: T.LongType = pa.Field(
        description="Distance from the object, in millimetres.",
        in_range=DISTANCE,
        metadata=column(why=DISTANCE_RANGE),
    )
    split: T.StringType = pa.Field(
        description="train, validation or test; one per person, 80/10/10.",
        isin=["train", "validation", "test"],
        metadata=column(
            why="Training, validation and test rows are selected by it.", form="train, validation or test"
        ),
    )


class MachineLearningCurated(Dated, SubjectReading):
    """One row per pair of readings of one person at the same time, pseudonymised."""

    day = checks.day_of("event_date", "timestamp")

    class Config:
        """Pandera settings."""

        strict = True
