"""Models of the trusted zone: the source fields only, of people who agreed to share."""

from stedi_assets.schemas.landing import AccelerometerRecord, CustomerRecord, Dated, StepTrainerRecord


class CustomerTrusted(CustomerRecord):
    """The latest record of every person who consents to research."""

    class Config:
        """Pandera settings."""

        strict = True


class AccelerometerTrusted(Dated, AccelerometerRecord):
    """Accelerometer readings of consenting people, exact duplicates removed."""

    class Config:
        """Pandera settings."""

        strict = True


class StepTrainerTrusted(Dated, StepTrainerRecord):
    """Step-trainer readings of consenting people, exact duplicates removed."""

    class Config:
        """Pandera settings."""

        strict = True
