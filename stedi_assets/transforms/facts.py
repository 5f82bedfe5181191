"""What a change of customers touches: whose rows depend on it, and on which days these people were active.

A table of readings depends on a few facts about people or devices, such as a consent. Here they are made from
the customer tables, as the transforms make them, and compared before and after a change. Here belong no rules
of consent and ownership: `consent` and `readings` have them.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from stedi_assets.transforms.consent import CONSENT, Policy, person
from stedi_assets.transforms.readings import allowed_devices
from stedi_assets.transforms.row_hash import row_hash

WHO = "who"


def consents_of_people(customers: DataFrame) -> DataFrame:
    """What accelerometer_trusted depends on.

    Args:
        customers: customer_trusted, one row per person.

    Returns:
        Columns who (canonical email) and consent, epoch ms.
    """
    return customers.select(person("email").alias(WHO), F.col(CONSENT).alias("consent"))


def consents_of_devices(customers: DataFrame, records: DataFrame, policy: Policy) -> DataFrame:
    """What step_trainer_trusted depends on.

    Args:
        customers: customer_curated, one row per person.
        records: customer_landing.
        policy: The consent policy.

    Returns:
        Columns who (serial number) and consent, epoch ms; only devices whose readings are allowed.
    """
    devices = allowed_devices(customers, records, policy)
    return devices.select(F.col("_device").alias(WHO), F.col("_consent").alias("consent"))


def devices_of_people(customers: DataFrame) -> DataFrame:
    """What machine_learning_curated depends on, beyond the readings.

    Args:
        customers: customer_curated, one row per person.

    Returns:
        Columns who (canonical email), consent, epoch ms, and serialnumber.
    """
    return customers.select(person("email").alias(WHO), F.col(CONSENT).alias("consent"), "serialnumber")


def differing(before: DataFrame, after: DataFrame) -> DataFrame:
    """Of whom the facts are not the same before and after.

    Returns:
        One column who, each once.
    """
    return before.subtract(after).union(after.subtract(before)).select(WHO).distinct()


def active_days(activity: DataFrame, who: DataFrame) -> DataFrame:
    """On which days any of some people or devices has readings.

    Args:
        activity: The activity of one landing table.
        who: One column who.

    Returns:
        One column event_date, each day once.
    """
    return activity.join(who, WHO, "left_semi").select("event_date").distinct()


def fingerprints(rows: DataFrame, columns: list[str], by: list[str]) -> DataFrame:
    """What tells groups of rows apart, in whatever order their rows are: two sums of hashes of all values.

    Args:
        rows: The rows.
        columns: The columns that count.
        by: The columns that group them; none for one group of all rows.

    Returns:
        The columns of `by`, and rows, low and high; one row per group.
    """
    hashed = rows.select(*by, row_hash(*columns).alias("hash"))
    low, high = F.col("hash").bitwiseAND(F.lit(2**31 - 1)), F.shiftrightunsigned("hash", 33)
    return hashed.groupBy(*by).agg(
        F.count(F.lit(1)).alias("rows"), F.sum(low).alias("low"), F.sum(high).alias("high")
    )
