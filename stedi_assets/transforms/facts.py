"""The effect of a change of customers: the people whose rows depend on it, and the days with their readings.

A table of readings depends on a few facts about people or devices, such as a consent. This module computes
them from the customer tables, as the transforms do, and compares them before and after a change. The rules of
consent and ownership do not belong here: they are in `consent` and `readings`.
"""

from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from stedi_assets.settings import Policy
from stedi_assets.transforms.consent import CONSENT, person
from stedi_assets.transforms.readings import allowed_devices
from stedi_assets.transforms.row_hash import row_hash

WHO = "who"


def consents_of_people(customers: DataFrame) -> DataFrame:
    """The facts that accelerometer_trusted depends on.

    Args:
        customers: customer_trusted, one row per person.

    Returns:
        Columns who (canonical email) and consent, epoch ms.
    """
    return customers.select(person("email").alias(WHO), F.col(CONSENT).alias("consent"))


def consents_of_devices(
    customers: DataFrame, records: DataFrame, policy: Policy, shared: Collection[str] = ()
) -> DataFrame:
    """The facts that step_trainer_trusted depends on.

    Args:
        customers: customer_curated, one row per person.
        records: customer_landing.
        policy: The consent policy.
        shared: Devices that count as shared because an owner was erased.

    Returns:
        Columns who (serial number) and consent, epoch ms; only devices whose readings are allowed.
    """
    devices = allowed_devices(customers, records, policy, shared)
    return devices.select(F.col("_device").alias(WHO), F.col("_consent").alias("consent"))


def devices_of_people(customers: DataFrame) -> DataFrame:
    """The facts that machine_learning_curated depends on, besides the readings.

    Args:
        customers: customer_curated, one row per person.

    Returns:
        Columns who (canonical email), consent, epoch ms, and serialnumber.
    """
    return customers.select(person("email").alias(WHO), F.col(CONSENT).alias("consent"), "serialnumber")


def differing(before: DataFrame, after: DataFrame) -> DataFrame:
    """The people or devices whose facts changed.

    Returns:
        One column who, each once.
    """
    return before.subtract(after).union(after.subtract(before)).select(WHO).distinct()


def active_days(activity: DataFrame, who: DataFrame) -> DataFrame:
    """The days on which people or devices have readings.

    Args:
        activity: The activity of one landing table.
        who: One column who.

    Returns:
        One column event_date, each day once.
    """
    return activity.join(who, WHO, "left_semi").select("event_date").distinct()


def fingerprints(rows: DataFrame, columns: list[str], by: list[str]) -> DataFrame:
    """Fingerprints of groups of rows, independent of the order of the rows: two sums of hashes of all values.

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
