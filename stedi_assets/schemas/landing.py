"""Models of the landing zone: the records as the sources send them, and the tables they land in.

A record model holds the source fields in the order in which the sources write them; JSON keys are
matched to its columns without regard to case. Instants are epoch milliseconds, UTC. Where a model has
several bases, Pandera lists the columns of the last base first.
"""

import pandera.pyspark as pa
import pyspark.sql.types as T

PERSONAL = {"personal": True}


def sent_as(key: str, *, personal: bool = True) -> dict[str, str | bool]:
    """Metadata of a column whose JSON key has capitals.

    Args:
        key: The key as the sources spell it.
        personal: Whether the column identifies or describes a person by itself.
    """
    return {"key": key, "personal": personal}


class CustomerRecord(pa.DataFrameModel):
    """A customer as the STEDI app sends them: registration and what they agreed to share."""

    customername: T.StringType = pa.Field(description="Full name.", metadata=sent_as("customerName"))
    email: T.StringType = pa.Field(
        description="Email as delivered; names the person once trimmed and in lower case.", metadata=PERSONAL
    )
    phone: T.StringType = pa.Field(description="Phone number.", metadata=PERSONAL)
    birthday: T.StringType = pa.Field(
        description="Date of birth as delivered (YYYY-MM-DD).", metadata=sent_as("birthDay")
    )
    serialnumber: T.StringType = pa.Field(
        description="Serial number of the person's Step Trainer.", metadata=sent_as("serialNumber")
    )
    registrationdate: T.LongType = pa.Field(
        description="Instant of registration, epoch ms.", metadata=sent_as("registrationDate")
    )
    lastupdatedate: T.LongType = pa.Field(
        description="Instant of this record, epoch ms; the latest is the one that counts.",
        metadata=sent_as("lastUpdateDate"),
    )
    sharewithresearchasofdate: T.LongType = pa.Field(
        nullable=True,
        description="Consent: the instant from which data may be used for research, epoch ms.",
        metadata=sent_as("shareWithResearchAsOfDate"),
    )
    sharewithpublicasofdate: T.LongType = pa.Field(
        nullable=True,
        description="Instant from which data may be public, epoch ms.",
        metadata=sent_as("shareWithPublicAsOfDate"),
    )
    sharewithfriendsasofdate: T.LongType = pa.Field(
        nullable=True,
        description="Instant from which friends may see data, epoch ms.",
        metadata=sent_as("shareWithFriendsAsOfDate"),
    )


class AccelerometerRecord(pa.DataFrameModel):
    """One reading of the phone's accelerometer."""

    user: T.StringType = pa.Field(description="Email of the person, as delivered.", metadata=PERSONAL)
    timestamp: T.LongType = pa.Field(description="Instant of the reading, epoch ms.")
    x: T.DoubleType = pa.Field(description="Acceleration along x, in g.")
    y: T.DoubleType = pa.Field(description="Acceleration along y, in g.")
    z: T.DoubleType = pa.Field(description="Acceleration along z, in g.")


class StepTrainerRecord(pa.DataFrameModel):
    """One reading of a Step Trainer's distance sensor."""

    sensorreadingtime: T.LongType = pa.Field(
        description="Instant of the reading, epoch ms.", metadata=sent_as("sensorReadingTime", personal=False)
    )
    serialnumber: T.StringType = pa.Field(
        description="Serial number of the device.", metadata=sent_as("serialNumber")
    )
    distancefromobject: T.LongType = pa.Field(
        description="Distance from the object in front of the sensor, in millimetres.",
        metadata=sent_as("distanceFromObject", personal=False),
    )


class Delivered(pa.DataFrameModel):
    """Where a landing row came from."""

    source_file: T.StringType = pa.Field(description="Landing file, relative to the landing root.")
    batch_id: T.StringType = pa.Field(description="The batch that ingested the file.")


class Dated(pa.DataFrameModel):
    """The day a reading belongs to."""

    event_date: T.DateType = pa.Field(description="UTC calendar day of the reading; the partition.")


class CustomerLanding(Delivered, CustomerRecord):
    """Every customer record as delivered."""

    class Config:
        """Pandera settings."""

        strict = True


class AccelerometerLanding(Delivered, Dated, AccelerometerRecord):
    """Every accelerometer reading as delivered."""

    class Config:
        """Pandera settings."""

        strict = True


class StepTrainerLanding(Delivered, Dated, StepTrainerRecord):
    """Every step-trainer reading as delivered."""

    class Config:
        """Pandera settings."""

        strict = True
