"""Consent: the identity of people, their latest record, whether they agreed to share, and their devices."""

from collections.abc import Collection

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from stedi_assets.schemas.columns import INVISIBLE, WHITESPACE
from stedi_assets.settings import Policy

CONSENT = "sharewithresearchasofdate"
PROVENANCE = ("source_file", "batch_id")


def person(email: str) -> Column:
    """The canonical form of an email, which names a person: trimmed, in lower case, nothing invisible in it.

    Args:
        email: Name of the column with the email as received.
    """
    return F.lower(F.btrim(F.translate(F.col(email), INVISIBLE, ""), F.lit(WHITESPACE)))


def consents(as_of: int) -> Column:
    """Whether a customer record gives consent: a positive time not after `as_of` (epoch ms)."""
    instant = F.col(CONSENT)
    return F.coalesce((instant > 0) & (instant <= as_of), F.lit(False))


def latest_records(customers: DataFrame, as_of: int) -> DataFrame:
    """The latest record of every person that is not after `as_of`.

    Among records of the same lastUpdateDate the one without consent wins, then the one with the later
    consent. Remaining ties are ordered by all source columns, so that the result depends neither on chance
    nor on the order of the files.

    Args:
        customers: Customer records, any number per person.
        as_of: Time of the run, epoch ms.

    Returns:
        One row per person, same columns.
    """
    source_columns = sorted(set(customers.columns) - set(PROVENANCE))
    tie_breakers = [F.col(name).asc_nulls_first() for name in source_columns]
    order = [F.col("lastupdatedate").desc(), consents(as_of).asc(), F.col(CONSENT).desc_nulls_last()]
    latest_first = Window.partitionBy(person("email")).orderBy(*order, *tie_breakers)
    return (
        customers.where(F.col("lastupdatedate") <= as_of)
        .withColumn("_rank", F.row_number().over(latest_first))
        .where(F.col("_rank") == 1)
        .drop("_rank")
    )


def consenting_people(customers: DataFrame, held: DataFrame, as_of: int) -> DataFrame:
    """The latest record of every person whose latest record gives consent (table customer_trusted).

    Args:
        customers: Customer records, any number per person.
        held: People who are treated as not consenting; one column `person`.
        as_of: Time of the run, epoch ms.
    """
    latest = latest_records(customers, as_of).where(consents(as_of))
    return latest.join(held, person("email") == F.col("person"), "left_anti")


def people_with_readings(customers: DataFrame, readings: DataFrame) -> DataFrame:
    """Customers who have at least one of the accelerometer readings (table customer_curated)."""
    people = readings.select("user").distinct().select(person("user").alias("_person")).distinct()
    return customers.join(people, person("email") == F.col("_person"), "left_semi")


def active_people(customers: DataFrame, activity: DataFrame, policy: Policy) -> DataFrame:
    """Customers who have readings that they agreed to share (table customer_curated), from the activity.

    Args:
        customers: customer_trusted, one row per person.
        activity: The activity of accelerometer_landing.
        policy: `strict` requires a reading at or after the consent, `reference` any reading.
    """
    last = activity.groupBy(F.col("who").alias("_who")).agg(F.max("last_instant").alias("_last"))
    active = person("email") == F.col("_who")
    if policy == "strict":
        active &= F.col("_last") >= F.col(CONSENT)
    return customers.join(last, active, "left_semi")


def sole_owners(customers: DataFrame, shared: Collection[str] = ()) -> DataFrame:
    """The devices that exactly one person ever registered, with that person.

    Args:
        customers: Every customer record ever seen, consenting or not.
        shared: Devices that someone registered who was erased since; they count as shared.

    Returns:
        Columns serialnumber and _person, one row per device.
    """
    owned = _owned_devices(customers).where(F.col("_owners") == 1).drop("_owners")
    return owned.where(~F.col("serialnumber").isin(*shared)) if shared else owned


def next_change(customers: DataFrame, as_of: int) -> DataFrame:
    """The time at which consents change by themselves: that of the first record or consent after `as_of`.

    Returns:
        One row, one column `instant`, epoch ms or null.
    """
    later = [F.min(F.when(F.col(name) > as_of, F.col(name))) for name in ("lastupdatedate", CONSENT)]
    return customers.agg(F.least(*later).alias("instant"))


def shared_devices(customers: DataFrame) -> DataFrame:
    """The devices that more than one person registered: column serialnumber, one row per device."""
    return _owned_devices(customers).where(F.col("_owners") > 1).select("serialnumber")


def _owned_devices(customers: DataFrame) -> DataFrame:
    """The devices with the number of people who ever registered them, and one of these people."""
    registrations = customers.select("serialnumber", person("email").alias("_person")).distinct()
    return registrations.groupBy("serialnumber").agg(
        F.count(F.lit(1)).alias("_owners"), F.min("_person").alias("_person")
    )


def people_by_consent(customers: DataFrame, held: DataFrame, as_of: int) -> DataFrame:
    """The number of people by what is known of their consent.

    Args:
        customers: Customer records, any number per person.
        held: People who are treated as not consenting; one column `person`.
        as_of: Time of the run, epoch ms.

    Returns:
        Columns state (`held`, `consenting`, `not yet`, `withdrew` or `never`) and people; no row for none.
    """
    known = F.col("lastupdatedate") <= as_of
    everyone = customers.groupBy(person("email").alias("person")).agg(
        F.max(consents(as_of) & known).alias("_once")
    )
    latest = latest_records(customers, as_of).select(
        person("email").alias("person"),
        consents(as_of).alias("_now"),
        F.coalesce(F.col(CONSENT) > as_of, F.lit(False)).alias("_later"),
    )
    state = (
        F.when(F.col("_held"), "held")
        .when(F.col("_now"), "consenting")
        .when(F.col("_later"), "not yet")
        .when(F.col("_once"), "withdrew")
        .otherwise("never")
    )
    people = everyone.join(latest, "person", "left").join(
        held.distinct().withColumn("_held", F.lit(True)), "person", "full"
    )
    return people.groupBy(state.alias("state")).agg(F.count(F.lit(1)).alias("people"))
