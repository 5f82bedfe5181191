"""Models of the trusted zone: the source fields only, of people who agreed to share."""

from typing import ClassVar

from stedi_assets.schemas import checks
from stedi_assets.schemas.landing import AccelerometerRecord, CustomerRecord, Dated, StepTrainerRecord


class CustomerTrusted(CustomerRecord):
    """The latest record of every person who consents to research."""

    class Config:
        """Pandera settings."""

        strict = True


class AccelerometerTrusted(Dated, AccelerometerRecord):
    """Accelerometer readings of consenting people, exact duplicates removed."""

    day = checks.day_of("event_date", "timestamp")

    class Config:
        """Pandera settings."""

        strict = True
        unique: ClassVar = [*AccelerometerRecord.to_schema().columns]


class StepTrainerTrusted(Dated, StepTrainerRecord):
    """Step-trainer readings of consenting people, exact duplicates removed."""

    day = checks.day_of("event_date", "sensorreadingtime")

    class Config:
        """Pandera settings."""

        strict = True
        unique: ClassVar = [*StepTrainerRecord.to_schema().columns]
