"""Consent facts: who consents, who owns which device, and who has readings, read from the landing tables."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.rule import texts_of
from stedi_assets.lake import AuditInput
from stedi_assets.schemas.landing import WHITESPACE
from stedi_assets.transforms.row_hash import row_hash


def canonical(email: str) -> Column:
    """What names a person: the email in lower case without white space around it."""
    return F.btrim(F.lower(F.col(email)), F.lit(WHITESPACE))


def consents(audit_input: AuditInput) -> DataFrame:
    """Everybody who consents, from customer_landing.

    Returns:
        Columns _person, _consent and _latest, the instants of the consent and of the record that gives it,
        epoch ms.
    """
    return audit_input.fact("consents", lambda: _consents(audit_input))


def _consents(audit_input: AuditInput) -> DataFrame:
    consent = F.col("sharewithresearchasofdate")
    records = (
        audit_input.other("customer_landing")
        .where(F.col("lastupdatedate") <= audit_input.as_of)
        .select(canonical("email").alias("_person"), "lastupdatedate", consent.alias("_consent"))
    )
    latest = records.groupBy(F.col("_person").alias("_latest_of")).agg(
        F.max("lastupdatedate").alias("_latest")
    )
    same = (F.col("_person") == F.col("_latest_of")) & (F.col("lastupdatedate") == F.col("_latest"))
    given = F.coalesce(F.col("_consent").between(1, audit_input.as_of), F.lit(False))
    people = (
        records.join(latest, same)
        .groupBy("_person")
        .agg(
            F.min(given.cast("int")).alias("_all_agree"),
            F.max("_consent").alias("_consent"),
            F.max("_latest").alias("_latest"),
        )
        .where(F.col("_all_agree") == 1)
        .drop("_all_agree")
    )
    held = audit_input.held().select(F.col("person").alias("_held"))
    return people.join(held, F.col("_person") == F.col("_held"), "left_anti")


def devices(audit_input: AuditInput) -> DataFrame:
    """Every device ever registered, from customer_landing.

    Returns:
        Columns _device, _sole (whether one person only registered it), _owner (one of those who did) and
        _agreed, the latest consent among those who did, or null.
    """
    return audit_input.fact("devices", lambda: _devices(audit_input))


def _devices(audit_input: AuditInput) -> DataFrame:
    registered = audit_input.other("customer_landing").select(
        F.col("serialnumber").alias("_device"), canonical("email").alias("_owner")
    )
    agreed = consents(audit_input).withColumnRenamed("_consent", "_agreed")
    return (
        registered.join(agreed, F.col("_owner") == F.col("_person"), "left")
        .groupBy("_device")
        .agg(
            (F.min("_owner") == F.max("_owner")).alias("_sole"),
            F.min("_owner").alias("_owner"),
            F.max("_agreed").alias("_agreed"),
        )
    )


def last_readings(audit_input: AuditInput, table: str) -> DataFrame:
    """When everybody had their last reading, from the activity if it is of the very rows of a table.

    Args:
        audit_input: What is audited.
        table: A table with accelerometer readings; accelerometer_trusted counts with readings from before a
            consent where the activity is asked.

    Returns:
        Columns _person and _last, epoch ms.
    """
    activity = audit_input.activity(table)
    if activity is not None:
        days = activity.frame(audit_input.spark)
        return days.groupBy(F.col("who").alias("_person")).agg(F.max("last_instant").alias("_last"))
    users = audit_input.other(table).groupBy("user").agg(F.max("timestamp").alias("_last"))
    return users.groupBy(canonical("user").alias("_person")).agg(F.max("_last").alias("_last"))


def user_consents(audit_input: AuditInput, table: str) -> DataFrame:
    """The consents of the users of a table under their emails as delivered.

    Args:
        audit_input: What is audited.
        table: A table with accelerometer readings.

    Returns:
        Columns _key (the email as delivered), _person and _consent, for those who consent.
    """

    def make() -> DataFrame:
        readings = texts_of(audit_input) if table == audit_input.spec.name else audit_input.other(table)
        spellings = readings.select(F.col("user").alias("_key")).distinct()
        named = spellings.withColumn("_of", canonical("_key"))
        return named.join(consents(audit_input), F.col("_of") == F.col("_person")).drop("_of")

    return audit_input.fact(f"users of {table}", make, own=True)


def own_user_consents(audit_input: AuditInput) -> DataFrame:
    return user_consents(audit_input, audit_input.spec.name)


def device_consents(audit_input: AuditInput) -> DataFrame:
    return devices(audit_input).select(
        F.col("_device").alias("_key"), F.col("_agreed").alias("_consent"), "_sole"
    )


def people_standing(audit_input: AuditInput) -> DataFrame:
    """The people who consent, as the standing of a table whose facts name people."""
    return consents(audit_input).withColumnRenamed("_person", "_key")


def subject_consents(audit_input: AuditInput) -> DataFrame:
    agreed = consents(audit_input).withColumnRenamed("_person", "_of")
    subjects = audit_input.subjects().join(agreed, F.col("_person") == F.col("_of"))
    return subjects.select(F.col("subject_id").alias("_key"), "_consent")


def with_subject(rows: DataFrame) -> DataFrame:
    """Rows with a number in place of a pseudonym in _subject, as there are millions of them."""
    return rows.withColumn("_subject", row_hash("subject_id"))
