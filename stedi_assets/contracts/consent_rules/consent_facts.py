"""Consent facts: who consents, who owns which device, and who has readings, as the landing tables say.

The facts are grouped where the transforms rank, and an email has a canonical form of its own here: a mistake
in a transform is not repeated in the rules that use these facts.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.rule import texts_of
from stedi_assets.lake.refresh import AuditInput
from stedi_assets.schemas.columns import INVISIBLE, WHITESPACE
from stedi_assets.transforms.row_hash import row_hash


def canonical(email: str) -> Column:
    """The form of an email that identifies a person: lower case, no white space around, nothing invisible."""
    seen = F.regexp_replace(F.lower(F.col(email)), f"[{INVISIBLE}]", "")
    return F.btrim(seen, F.lit(WHITESPACE))


def consents(audit_input: AuditInput) -> DataFrame:
    """The people who consent, from customer_landing.

    Returns:
        Columns _person, _consent and _latest: the times of the consent and of the record that gives it,
        epoch ms.
    """
    return audit_input.fact("consents", lambda: _consents(audit_input))


def devices(audit_input: AuditInput) -> DataFrame:
    """All devices ever registered, from customer_landing.

    Returns:
        Columns _device, _sole (whether only one person registered it), _owner (one of the people who did) and
        _agreed, the latest consent among these people, or null.
    """
    return audit_input.fact("devices", lambda: _devices(audit_input))


def last_readings(audit_input: AuditInput, table: str) -> DataFrame:
    """The time of each person's last reading, from the activity if it covers exactly the rows of a table.

    Args:
        audit_input: The input of the audit.
        table: A table with accelerometer readings; with the activity, accelerometer_trusted counts with
            readings from before a consent.

    Returns:
        Columns _person and _last, epoch ms.
    """
    activity = audit_input.activity(table)
    if activity is not None:
        days = activity.frame(audit_input.spark)
        return days.groupBy(F.col("who").alias("_person")).agg(F.max("last_instant").alias("_last"))
    users = audit_input.other(table).groupBy("user").agg(F.max("timestamp").alias("_last"))
    return users.groupBy(canonical("user").alias("_person")).agg(F.max("_last").alias("_last"))


def person_consents(audit_input: AuditInput) -> DataFrame:
    """The people who consent: columns _key (the person) and _consent, epoch ms."""
    return consents(audit_input).withColumnRenamed("_person", "_key")


def own_user_consents(audit_input: AuditInput) -> DataFrame:
    """The consents of the users in the rows under audit; see `user_consents`."""
    return user_consents(audit_input, audit_input.spec.name)


def user_consents(audit_input: AuditInput, table: str) -> DataFrame:
    """The consents of the users of a table, by their emails as the readings spell them.

    Args:
        audit_input: The input of the audit.
        table: A table with accelerometer readings.

    Returns:
        Columns _key (the email in the readings), _person and _consent, for users who consent.
    """

    def joined() -> DataFrame:
        readings = texts_of(audit_input) if table == audit_input.spec.name else audit_input.other(table)
        spellings = readings.select(F.col("user").alias("_key")).distinct()
        named = spellings.withColumn("_of", canonical("_key"))
        return named.join(consents(audit_input), F.col("_of") == F.col("_person")).drop("_of")

    return audit_input.fact(f"users of {table}", joined, own=True)


def device_consents(audit_input: AuditInput) -> DataFrame:
    """The consents of the owners of devices: columns _key (the device), _consent or null, and _sole."""
    return devices(audit_input).select(
        F.col("_device").alias("_key"), F.col("_agreed").alias("_consent"), "_sole"
    )


def subject_consents(audit_input: AuditInput) -> DataFrame:
    """The consents of people known by pseudonym: columns _key (the pseudonym) and _consent."""
    agreed = consents(audit_input).withColumnRenamed("_person", "_of")
    subjects = audit_input.subjects().join(agreed, F.col("_person") == F.col("_of"))
    return subjects.select(F.col("subject_id").alias("_key"), "_consent")


def with_subject(rows: DataFrame) -> DataFrame:
    """Adds _subject, the hash of the pseudonym: a number, because there are millions of them."""
    return rows.withColumn("_subject", row_hash("subject_id"))


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


def _devices(audit_input: AuditInput) -> DataFrame:
    registered = audit_input.other("customer_landing").select(
        F.col("serialnumber").alias("_device"), canonical("email").alias("_owner")
    )
    agreed = consents(audit_input).withColumnRenamed("_consent", "_agreed")
    sole = F.min("_owner") == F.max("_owner")
    if audit_input.run.shared:  # an owner was erased
        sole &= ~F.col("_device").isin(*audit_input.run.shared)
    return (
        registered.join(agreed, F.col("_owner") == F.col("_person"), "left")
        .groupBy("_device")
        .agg(
            sole.alias("_sole"),
            F.min("_owner").alias("_owner"),
            F.max("_agreed").alias("_agreed"),
        )
    )
