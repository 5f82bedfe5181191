"""Models of the curated zone: what analysts and machine learning read."""

import pandera.pyspark as pa
import pyspark.sql.types as T

from stedi_assets.schemas.landing import CustomerRecord, Dated


class CustomerCurated(CustomerRecord):
    """Consenting people who have accelerometer readings to share."""

    class Config:
        """Pandera settings."""

        strict = True


class SubjectReading(pa.DataFrameModel):
    """What both sensors measured of a subject in one instant."""

    subject_id: T.StringType = pa.Field(
        description="Pseudonym: HMAC-SHA256 of the person's email with the lake's key, in hex."
    )
    timestamp: T.LongType = pa.Field(description="Instant of both readings, epoch ms.")
    x: T.DoubleType = pa.Field(description="Acceleration along x, in g.")
    y: T.DoubleType = pa.Field(description="Acceleration along y, in g.")
    z: T.DoubleType = pa.Field(description="Acceleration along z, in g.")
    distancefromobject: T.LongType = pa.Field(description="Distance from the object, in millimetres.")
    split: T.StringType = pa.Field(description="train, validation or test; one per person, 80/10/10.")


class MachineLearningCurated(Dated, SubjectReading):
    """One row per pair of readings of one person in one instant, pseudonymised."""

    class Config:
        """Pandera settings."""

        strict = True
