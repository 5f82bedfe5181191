"""Readings of people who agreed to share: the trusted accelerometer and step-trainer tables.

Rows equal in every source column are removed here, on the way from the landing zone to the trusted
zone, and nowhere else.
"""

from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from stedi_assets.settings import Policy
from stedi_assets.transforms.consent import CONSENT, PROVENANCE, person, sole_owners


def consented_accelerometer(readings: DataFrame, customers: DataFrame, policy: Policy) -> DataFrame:
    """Accelerometer readings of trusted customers (table accelerometer_trusted).

    Args:
        readings: accelerometer_landing.
        customers: customer_trusted, one row per person.
        policy: `strict` keeps readings at or after the person's consent, `reference` all of them.
    """
    people = customers.select(person("email").alias("_person"), F.col(CONSENT).alias("_consent"))
    allowed = person("user") == F.col("_person")
    if policy == "strict":
        allowed &= F.col("timestamp") >= F.col("_consent")
    return readings.drop(*PROVENANCE).join(people, allowed, "left_semi").distinct()


def consented_step_trainer(
    readings: DataFrame,
    customers: DataFrame,
    records: DataFrame,
    policy: Policy,
    shared: Collection[str] = (),
) -> DataFrame:
    """Step-trainer readings of curated customers (table step_trainer_trusted).

    Args:
        readings: step_trainer_landing.
        customers: customer_curated, one row per person.
        records: customer_landing, every customer record ever seen, for the owners of devices.
        policy: `strict` keeps readings at or after consent, of devices that exactly one person ever
            registered; `reference` all readings of a device of anyone in `customers`.
        shared: Devices that count as shared because an owner was erased.
    """
    devices = allowed_devices(customers, records, policy, shared)
    allowed = F.col("serialnumber") == F.col("_device")
    if policy == "strict":
        allowed &= F.col("sensorreadingtime") >= F.col("_consent")
    return readings.drop(*PROVENANCE).join(devices, allowed, "left_semi").distinct()


def allowed_devices(
    customers: DataFrame, records: DataFrame, policy: Policy, shared: Collection[str] = ()
) -> DataFrame:
    """The devices whose readings are allowed, and the time from which they are.

    Args:
        customers: customer_curated, one row per person.
        records: customer_landing.
        policy: See `consented_step_trainer`.
        shared: See there.

    Returns:
        Columns _device and _consent, epoch ms; one row per device. Under `reference` _consent is null.
    """
    if policy == "reference":
        devices = customers.select(F.col("serialnumber").alias("_device")).distinct()
        return devices.withColumn("_consent", F.lit(None).cast("bigint"))
    people = customers.select(person("email").alias("_curated"), F.col(CONSENT).alias("_consent"))
    owned = sole_owners(records, shared).withColumnRenamed("serialnumber", "_device")
    joined = owned.join(people, F.col("_person") == F.col("_curated"))
    return joined.select("_device", "_consent")
