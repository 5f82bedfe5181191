"""Models of the landing zone: the records as the sources send them, and the tables they land in.

A record model holds the source fields in the order in which the sources write them; JSON keys are
matched to its columns without regard to case. Instants are epoch milliseconds, UTC. Where a model has
several bases, Pandera lists the columns of the last base first.
"""

from typing import Any

import pandera.pyspark as pa
import pyspark.sql.types as T

from stedi_assets.schemas import checks

# White space by Unicode, spelled out because engines and Python disagree on what it is.
WHITESPACE = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
SPACES = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

# Instants from 2000 to 2100: readings in seconds lie in 1970, those in microseconds far beyond.
READING_INSTANTS = {"min_value": 946_684_800_000, "max_value": 4_102_444_799_999}
# Records may be dated ahead, by as much as there are dates for.
RECORD_INSTANTS = {"min_value": 946_684_800_000, "max_value": 253_402_300_799_999}
# Nobody consented before 2000; zero and less mean no consent.
SECONDS = (1, 946_684_799_999)
EMAIL = f"^[{SPACES}]*[^@{SPACES}]+@[^@{SPACES}]+[{SPACES}]*$"
UUID = "^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
PHONE = "^[+]?[0-9][0-9 ().x/-]{5,30}$"
BIRTHDAY = "^(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"
ACCELERATION = {"min_value": -16.0, "max_value": 16.0}
DISTANCE = {"min_value": 0, "max_value": 4_000}

IDENTITY = (
    "The email is how a person is known in every source: without one, nobody could be asked for consent."
)
MILLISECONDS = "Sources send epoch milliseconds; seconds or microseconds would put it decades away."
INSTANT = "an instant from 2000 to 2099 in epoch milliseconds"
RECORD_INSTANT = "an instant from 2000 to 9999 in epoch milliseconds"
CONSENT_INSTANT = "no instant before 2000; zero, less, or none is no consent"
DEVICE = "STEDI's devices are numbered by UUIDs; another form is matched just the same."
SENSOR_RANGE = "The phone's accelerometer measures within 16 g of zero."
DISTANCE_RANGE = "The distance sensor sees as far as 4 metres."


def column(
    key: str | None = None, *, personal: bool = False, why: str = "", form: str = ""
) -> dict[str, Any]:
    """Metadata of a column.

    Args:
        key: The JSON key as the sources spell it, where it has capitals.
        personal: Whether the column identifies or describes a person by itself.
        why: Why the column has the rules that it has.
        form: What values that keep the column's rule are, in words.
    """
    named = {} if key is None else {"key": key}
    return {**named, "personal": personal, "why": why, "form": form}


class CustomerRecord(pa.DataFrameModel):
    """A customer as the STEDI app sends them: registration and what they agreed to share."""

    customername: T.StringType = pa.Field(
        description="Full name.",
        str_length={"max_value": 200},
        raise_warning=True,
        metadata=column(
            "customerName",
            personal=True,
            why="A longer one is more likely something else.",
            form="no longer than 200 characters",
        ),
    )
    email: T.StringType = pa.Field(
        description="Email as delivered; names the person once trimmed and in lower case.",
        str_matches=EMAIL,
        metadata=column(personal=True, why=IDENTITY, form="an email"),
    )
    phone: T.StringType = pa.Field(
        description="Phone number.",
        str_matches=PHONE,
        raise_warning=True,
        metadata=column(personal=True, why="Nothing depends on it.", form="a phone number"),
    )
    birthday: T.StringType = pa.Field(
        description="Date of birth as delivered (YYYY-MM-DD).",
        str_matches=BIRTHDAY,
        raise_warning=True,
        metadata=column(
            "birthDay",
            personal=True,
            why="Older exports hold years such as 967; nothing depends on them.",
            form="a date from 1900 on, as YYYY-MM-DD",
        ),
    )
    serialnumber: T.StringType = pa.Field(
        description="Serial number of the person's Step Trainer.",
        str_matches=UUID,
        raise_warning=True,
        metadata=column("serialNumber", personal=True, why=DEVICE, form="a UUID"),
    )
    registrationdate: T.LongType = pa.Field(
        description="Instant of registration, epoch ms.",
        in_range=RECORD_INSTANTS,
        raise_warning=True,
        metadata=column(
            "registrationDate",
            personal=True,
            why=f"{MILLISECONDS} Nothing depends on it.",
            form=RECORD_INSTANT,
        ),
    )
    lastupdatedate: T.LongType = pa.Field(
        description="Instant of this record, epoch ms; the latest is the one that counts.",
        in_range=RECORD_INSTANTS,
        metadata=column(
            "lastUpdateDate",
            personal=True,
            why=f"{MILLISECONDS} An older consent would count instead.",
            form=RECORD_INSTANT,
        ),
    )
    sharewithresearchasofdate: T.LongType = pa.Field(
        nullable=True,
        description="Consent: the instant from which data may be used for research, epoch ms.",
        metadata=column(
            "shareWithResearchAsOfDate",
            personal=True,
            why=f"{MILLISECONDS} Readings from before the consent would be shared.",
            form=CONSENT_INSTANT,
        ),
    )
    sharewithpublicasofdate: T.LongType = pa.Field(
        nullable=True,
        description="Instant from which data may be public, epoch ms.",
        metadata=column(
            "shareWithPublicAsOfDate",
            personal=True,
            why=f"{MILLISECONDS} Nothing depends on it.",
            form=CONSENT_INSTANT,
        ),
    )
    sharewithfriendsasofdate: T.LongType = pa.Field(
        nullable=True,
        description="Instant from which friends may see data, epoch ms.",
        metadata=column(
            "shareWithFriendsAsOfDate",
            personal=True,
            why=f"{MILLISECONDS} Nothing depends on it.",
            form=CONSENT_INSTANT,
        ),
    )

    research_consent = checks.not_between("sharewithresearchasofdate", *SECONDS)
    public_consent = checks.not_between("sharewithpublicasofdate", *SECONDS, raise_warning=True)
    friends_consent = checks.not_between("sharewithfriendsasofdate", *SECONDS, raise_warning=True)
    born_before = checks.not_after("birthday", "registrationdate", raise_warning=True)


class AccelerometerRecord(pa.DataFrameModel):
    """One reading of the phone's accelerometer."""

    user: T.StringType = pa.Field(
        description="Email of the person, as delivered.",
        str_matches=EMAIL,
        metadata=column(personal=True, why=IDENTITY, form="an email"),
    )
    timestamp: T.LongType = pa.Field(
        description="Instant of the reading, epoch ms.",
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


class StepTrainerRecord(pa.DataFrameModel):
    """One reading of a Step Trainer's distance sensor."""

    sensorreadingtime: T.LongType = pa.Field(
        description="Instant of the reading, epoch ms.",
        in_range=READING_INSTANTS,
        metadata=column("sensorReadingTime", why=MILLISECONDS, form=INSTANT),
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
    """Where a landing row came from."""

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
    """The day a reading belongs to."""

    event_date: T.DateType = pa.Field(description="UTC calendar day of the reading; the partition.")


class CustomerLanding(Delivered, CustomerRecord):
    """Every customer record as delivered."""

    class Config:
        """Pandera settings."""

        strict = True


class AccelerometerLanding(Delivered, Dated, AccelerometerRecord):
    """Every accelerometer reading as delivered."""

    day = checks.day_of("event_date", "timestamp")

    class Config:
        """Pandera settings."""

        strict = True


class StepTrainerLanding(Delivered, Dated, StepTrainerRecord):
    """Every step-trainer reading as delivered."""

    day = checks.day_of("event_date", "sensorreadingtime")

    class Config:
        """Pandera settings."""

        strict = True
