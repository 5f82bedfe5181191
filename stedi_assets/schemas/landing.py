"""Models of the landing zone: the records that the sources send, and the tables that hold them.

A record model holds the source fields in the order in which the sources write them; JSON keys are
matched to its columns without regard to case. Times are epoch milliseconds, UTC. If a model has several
bases, Pandera lists the columns of the last base first.
"""

import pandera.pyspark as pa
import pyspark.sql.types as T

from stedi_assets.schemas import checks
from stedi_assets.schemas.columns import (
    ACCELERATION,
    BIRTHDAY,
    CONSENT_INSTANT,
    DEVICE,
    DISTANCE,
    DISTANCE_RANGE,
    EMAIL,
    IDENTITY,
    INSTANT,
    MILLISECONDS,
    PHONE,
    READING_INSTANTS,
    RECORD_INSTANT,
    RECORD_INSTANTS,
    SECONDS,
    SENSOR_RANGE,
    UUID,
    column,
)


class CustomerRecord(pa.DataFrameModel):
    """A customer as the STEDI app sends them: registration and consents."""

    customername: T.StringType = pa.Field(
        nullable=True,
        description="Full name.",
        str_length={"max_value": 200},
        raise_warning=True,
        metadata=column(
            "customerName",
            personal=True,
            why="A longer one is more likely something else.",
            form="no longer than 200 characters",
            harmless=True,
        ),
    )
    email: T.StringType = pa.Field(
        description="Email as received; in its canonical form it names the person.",
        str_matches=EMAIL,
        metadata=column(personal=True, why=IDENTITY, form="an email", email=True),
    )
    phone: T.StringType = pa.Field(
        nullable=True,
        description="Phone number.",
        str_matches=PHONE,
        raise_warning=True,
        metadata=column(personal=True, why="Nothing depends on it.", form="a phone number", harmless=True),
    )
    birthday: T.StringType = pa.Field(
        nullable=True,
        description="Date of birth as received (YYYY-MM-DD).",
        str_matches=BIRTHDAY,
        raise_warning=True,
        metadata=column(
            "birthDay",
            personal=True,
            why="Older exports hold years such as 967; nothing depends on them.",
            form="a date from 1900 on, as YYYY-MM-DD",
            harmless=True,
        ),
    )
    serialnumber: T.StringType = pa.Field(
        description="Serial number of the person's Step Trainer.",
        str_matches=UUID,
        raise_warning=True,
        metadata=column("serialNumber", personal=True, why=DEVICE, form="a UUID"),
    )
    registrationdate: T.LongType = pa.Field(
        nullable=True,
        description="Time of registration, epoch ms.",
        in_range=RECORD_INSTANTS,
        raise_warning=True,
        metadata=column(
            "registrationDate",
            personal=True,
            why=f"{MILLISECONDS} Nothing depends on it.",
            form=RECORD_INSTANT,
            harmless=True,
        ),
    )
    lastupdatedate: T.LongType = pa.Field(
        description="Time of this record, epoch ms; the latest record of a person counts.",
        in_range=RECORD_INSTANTS,
        metadata=column(
            "lastUpdateDate",
            personal=True,
            why=f"{MILLISECONDS} An older consent would count instead.",
            form=RECORD_INSTANT,
            instant=True,
        ),
    )
    sharewithresearchasofdate: T.LongType = pa.Field(
        nullable=True,
        description="Consent: the time from which data may be used for research, epoch ms.",
        metadata=column(
            "shareWithResearchAsOfDate",
            personal=True,
            why=f"{MILLISECONDS} Readings from before the consent would be shared.",
            form=CONSENT_INSTANT,
            instant=True,
        ),
    )
    sharewithpublicasofdate: T.LongType = pa.Field(
        nullable=True,
        description="Time from which data may be public, epoch ms.",
        metadata=column(
            "shareWithPublicAsOfDate",
            personal=True,
            why=f"{MILLISECONDS} Nothing depends on it.",
            form=CONSENT_INSTANT,
            harmless=True,
        ),
    )
    sharewithfriendsasofdate: T.LongType = pa.Field(
        nullable=True,
        description="Time from which friends may see data, epoch ms.",
        metadata=column(
            "shareWithFriendsAsOfDate",
            personal=True,
            why=f"{MILLISECONDS} Nothing depends on it.",
            form=CONSENT_INSTANT,
            harmless=True,
        ),
    )

    research_consent = checks.not_between("sharewithresearchasofdate", *SECONDS)
    public_consent = checks.not_between("sharewithpublicasofdate", *SECONDS, raise_warning=True)
    friends_consent = checks.not_between("sharewithfriendsasofdate", *SECONDS, raise_warning=True)
    born_before = checks.not_after("birthday", "registrationdate", raise_warning=True)


class AccelerometerRecord(pa.DataFrameModel):
    """One reading of the phone's accelerometer."""

    user: T.StringType = pa.Field(
        description="Email of the person, as received.",
        str_matches=EMAIL,
        metadata=column(personal=True, why=IDENTITY, form="an email", email=True),
    )
    timestamp: T.LongType = pa.Field(
        description="Time of the reading, epoch ms.",
        in_range=READING_INSTANTS,
        metadata=column(why=MILLISECONDS, form=INSTANT, instant=True),
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


class StepTrainerRecord(pa.DataFrameModel):
    """One reading of a Step Trainer's distance sensor."""

    sensorreadingtime: T.LongType = pa.Field(
        description="Time of the reading, epoch ms.",
        in_range=READING_INSTANTS,
        metadata=column("sensorReadingTime", why=MILLISECONDS, form=INSTANT, instant=True),
    )
    serialnumber: T.StringType = pa.Field(
        description="Serial number of the device.",
        str_matches=UUID,
        raise_warning=True,
        metadata=column("serialNumber", personal=True, why=DEVICE, form="a UUID"),
    )
    distancefromobject: T.LongType = pa.Field(
        description="Distance from the object in front of the sensor, in millimetres.",
        in_range=DISTANCE,
        metadata=column("distanceFromObject", why=DISTANCE_RANGE),
    )


class Delivered(pa.DataFrameModel):
    """The origin of a landing row."""

    source_file: T.StringType = pa.Field(
        description="Landing file, relative to the landing root.",
        str_length={"min_value": 1},
        metadata=column(why="Every row can be traced to its file.", form="not empty"),
    )
    batch_id: T.StringType = pa.Field(
        description="The batch that ingested the file.",
        str_matches="^[0-9a-f]{32}$",
        metadata=column(why="Every row can be traced to its batch.", form="32 hexadecimal digits"),
    )


class Dated(pa.DataFrameModel):
    """The day of a reading."""

    event_date: T.DateType = pa.Field(description="UTC calendar day of the reading; the partition.")


class CustomerLanding(Delivered, CustomerRecord):
    """Every customer record, unchanged."""

    class Config:
        """Pandera settings."""

        strict = True


class AccelerometerLanding(Delivered, Dated, AccelerometerRecord):
    """Every accelerometer reading, unchanged."""

    day = checks.day_of("event_date", "timestamp")

    class Config:
        """Pandera settings."""

        strict = True


class StepTrainerLanding(Delivered, Dated, StepTrainerRecord):
    """Every step-trainer reading, unchanged."""

    day = checks.day_of("event_date", "sensorreadingtime")

    class Config:
        """Pandera settings."""

        strict = True
