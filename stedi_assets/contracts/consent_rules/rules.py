"""Privacy rules: nobody is published who did not agree, and nobody is mistaken for somebody else.

They are computed from the landing tables on a path of their own: grouped where the transforms rank, and
with their own canonical form of an email, so that a mistake there is not made here once more.
"""

from collections.abc import Callable, Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.rule import FLAG, Flagged, RemovalRule, Rule, texts_of
from stedi_assets.lake import AuditInput, Days
from stedi_assets.schemas.landing import WHITESPACE
from stedi_assets.transforms.row_hash import row_hash

CONSENT_ON_FILE = Rule(
    "consent_on_file",
    "Everybody in the table agreed to share data for research: of all customer records ever received "
    "about the person, the latest one that is in effect carries that consent, it is the consent that "
    "the table shows, and no unreadable record about the person is waiting to be resolved. Where "
    "records contradict each other, the person counts as not consenting.",
)
ONE_RECORD_PER_PERSON = Rule(
    "one_record_per_person",
    "Nobody is in the table twice: one email, whatever its spelling in capitals or spaces, is one person.",
)
ONLY_CONSENTING_PEOPLE = Rule(
    "only_consenting_people",
    "Every reading belongs to somebody who agrees, today and not only when it was taken, to share data "
    "for research. The consent is looked up in the customer records as they were received, so that a "
    "withdrawal shows here even before the tables are refreshed.",
)
AFTER_CONSENT = Rule(
    "after_consent",
    "No reading was taken before the person agreed to share data for research: what somebody did before"
    " agreeing is not ours to share. A reading taken in the very millisecond of the consent is.",
    relaxed=True,
)
DEVICE_HAS_ONE_OWNER = Rule(
    "device_has_one_owner",
    "Every step trainer in the table was only ever registered by one person, consenting or not. "
    "Readings of a device that several people registered may be of any of them, so they are of nobody.",
    relaxed=True,
)
HAS_READINGS = Rule(
    "has_readings",
    "Everybody in the table has accelerometer readings that may be shared. People who agreed but never "
    "sent a reading are of no use to research, so their data stays where it is.",
)
NO_DIRECT_IDENTIFIERS = Rule(
    "no_direct_identifiers",
    "Whoever reads the table cannot see who a person is: it has the agreed columns and no other, people"
    " appear only under the pseudonyms that the lake's key makes, and no text in it is an email, serial "
    "number, phone number or name that we know of.",
)
ONE_PERSON_PER_ROW = Rule(
    "one_person_per_row",
    "Both halves of a row are of the person behind the pseudonym: the accelerometer reading came from "
    "the person's phone, and the distance, in the same instant, from a step trainer that only this "
    "person ever registered. Otherwise one person's movements would be passed off as another's.",
    relaxed=True,
)
ONE_SPLIT_PER_SUBJECT = Rule(
    "one_split_per_subject",
    "All rows of a person are in the same split, and it is the one that the person always had. A model "
    "that is tested on people it was trained with would recognise them, and its results would look better "
    "than they are.",
)


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


def _breaks(rows: DataFrame, rules: Mapping[Rule, Column]) -> DataFrame:
    return rows.withColumns(
        {FLAG + rule.name: F.coalesce(broken, F.lit(True)) for rule, broken in rules.items()}
    )


def _customers(audit_input: AuditInput, _days: Days) -> DataFrame:
    named = audit_input.rows().withColumn("_of", canonical("email"))
    records = named.groupBy(F.col("_of").alias("_counted")).agg(F.count(F.lit(1)).alias("_records"))
    joined = named.join(records, F.col("_of") == F.col("_counted")).join(
        consents(audit_input), F.col("_of") == F.col("_person"), "left"
    )
    shown = F.col("sharewithresearchasofdate"), F.col("lastupdatedate")
    as_shown = (shown[0] == F.col("_consent")) & (shown[1] == F.col("_latest"))
    return _breaks(joined, {CONSENT_ON_FILE: ~as_shown, ONE_RECORD_PER_PERSON: F.col("_records") > 1})


def _still_consenting(audit_input: AuditInput, _days: Days) -> DataFrame:
    joined = audit_input.rows().join(consents(audit_input), canonical("email") == F.col("_person"), "left")
    return _breaks(joined, {ONLY_CONSENTING_PEOPLE: F.col("_consent").isNull()})


def _has_readings(audit_input: AuditInput, _days: Days) -> DataFrame:
    readings = last_readings(audit_input, "accelerometer_landing")
    joined = audit_input.rows().join(readings, canonical("email") == F.col("_person"), "left")
    some = F.col("_last").isNotNull()
    if audit_input.policy == "strict":
        some &= F.col("_last") >= F.col("sharewithresearchasofdate")
    return _breaks(joined, {HAS_READINGS: ~some})


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


def _user_consents(audit_input: AuditInput) -> DataFrame:
    return user_consents(audit_input, audit_input.spec.name)


def _device_consents(audit_input: AuditInput) -> DataFrame:
    return devices(audit_input).select(
        F.col("_device").alias("_key"), F.col("_agreed").alias("_consent"), "_sole"
    )


def people_standing(audit_input: AuditInput) -> DataFrame:
    """The people who consent, as the standing of a table whose facts name people."""
    return consents(audit_input).withColumnRenamed("_person", "_key")


def _subject_consents(audit_input: AuditInput) -> DataFrame:
    agreed = consents(audit_input).withColumnRenamed("_person", "_of")
    subjects = audit_input.subjects().join(agreed, F.col("_person") == F.col("_of"))
    return subjects.select(F.col("subject_id").alias("_key"), "_consent")


def readings_of(key: str, instant: str, facts: Callable[[AuditInput], DataFrame], *more: Rule) -> Flagged:
    """The rules of readings that belong to somebody.

    Args:
        key: Column that says whose they are.
        instant: Column with the instant of a reading, epoch ms.
        facts: What is known of the values of the key: their consent, and whether a device is one person's.
        more: Rules beyond those of consent.
    """

    def flagged(rows: DataFrame, audit_input: AuditInput) -> DataFrame:
        joined = rows.join(facts(audit_input), F.col(key) == F.col("_key"), "left")
        consent = F.col("_consent")
        broken = {
            ONLY_CONSENTING_PEOPLE: consent.isNull(),
            AFTER_CONSENT: consent.isNotNull() & (F.col(instant) < consent),
        }
        if DEVICE_HAS_ONE_OWNER in more:
            broken[DEVICE_HAS_ONE_OWNER] = ~F.col("_sole")
        return _breaks(joined, broken)

    def flag(audit_input: AuditInput, days: Days) -> DataFrame:
        return flagged(audit_input.rows(days), audit_input)

    def survey(audit_input: AuditInput, _days: Days) -> DataFrame:
        return flagged(texts_of(audit_input), audit_input)

    rules = (ONLY_CONSENTING_PEOPLE, AFTER_CONSENT, *more)
    return Flagged(rules, flag, survey, reads=None, everywhere=True)


def _texts(flag: Callable[[AuditInput, DataFrame], DataFrame], rule: Rule) -> Flagged:
    """A rule about the texts of a table, which are few."""

    def survey(audit_input: AuditInput, _days: Days) -> DataFrame:
        return flag(audit_input, texts_of(audit_input))

    return Flagged(
        (rule,), lambda audit_input, days: flag(audit_input, audit_input.rows(days)), survey, reads=None
    )


def _identifiers(audit_input: AuditInput, rows: DataFrame) -> DataFrame:
    customers = audit_input.other("customer_landing")
    known = reduce(
        DataFrame.unionAll, (customers.select(canonical(name).alias("_known")) for name in IDENTIFIERS)
    ).distinct()
    found = F.lit(audit_input.schema().names != audit_input.spec.columns)
    for name in (name for name, kind in rows.dtypes if kind == "string"):
        same = f"_known_{name}"
        values = known.select(F.col("_known").alias(same))
        rows = rows.join(values, canonical(name) == F.col(same), "left")
        found |= F.col(same).isNotNull()
    ours = audit_input.subjects().select(F.col("subject_id").alias("_pseudonym")).distinct()
    rows = rows.join(ours, F.col("subject_id") == F.col("_pseudonym"), "left")
    pseudonym = F.col("subject_id").rlike(r"^[0-9a-f]{64}\z") & F.col("_pseudonym").isNotNull()
    return _breaks(rows, {NO_DIRECT_IDENTIFIERS: found | ~pseudonym})


def _splits(audit_input: AuditInput, rows: DataFrame) -> DataFrame:
    mixed = (
        rows.groupBy(F.col("subject_id").alias("_subject"))
        .agg((F.min("split") != F.max("split")).alias("_mixed"))
        .where("_mixed")
    )
    joined = rows.join(mixed, F.col("subject_id") == F.col("_subject"), "left")
    own = audit_input.subjects().select(F.col("subject_id").alias("_known"), F.col("split").alias("_own"))
    joined = joined.join(own, F.col("subject_id") == F.col("_known"), "left")
    another = F.coalesce(F.col("split") != F.col("_own"), F.lit(False))
    return _breaks(joined, {ONE_SPLIT_PER_SUBJECT: F.col("_mixed").isNotNull() | another})


def mixed_rows(audit_input: AuditInput, days: Days) -> int:
    """How many rows of the machine-learning table are not made of the subject's own readings.

    A row that mixes people may look like one that does not, so rows are counted: of equal ones there are at
    most as many as the person's own readings make.
    """
    excess = _rows_and_own(audit_input, days).select((F.col("_rows") - F.col("_own")).alias("rows"))
    [found] = excess.where("rows > 0").agg(F.sum("rows").alias("rows")).collect()
    return found["rows"] or 0


def rows_that_mix_people(audit_input: AuditInput, days: Days) -> DataFrame:
    """The rows, and those equal to them, of which there are more than the subject's own readings make."""
    mixed = _rows_and_own(audit_input, days).where("_rows > _own")
    return (
        with_subject(audit_input.rows(days)).join(mixed, ROW, "left_semi").select(*audit_input.spec.columns)
    )


def with_subject(rows: DataFrame) -> DataFrame:
    """Rows with a number in place of a pseudonym in _subject, as there are millions of them."""
    return rows.withColumn("_subject", row_hash("subject_id"))


def _rows_and_own(audit_input: AuditInput, days: Days) -> DataFrame:
    """The different rows, how many there are of each, and how many the subject's own readings make."""

    def count(frame: DataFrame, columns: list[str], name: str) -> DataFrame:
        return frame.groupBy(*columns).agg(F.count(F.lit(1)).alias(name))

    rows = count(with_subject(audit_input.rows(days)), ROW, "_rows")
    steps = count(_own_steps(audit_input, days).distinct(), STEP, "_steps")
    readings = count(_own_readings(audit_input, days).distinct(), READING, "_readings")
    joined = rows.join(steps, STEP, "left").join(readings, READING, "left")
    return joined.withColumn("_own", F.coalesce(F.col("_steps") * F.col("_readings"), F.lit(0)))


def _own_steps(audit_input: AuditInput, days: Days) -> DataFrame:
    sole = devices(audit_input).where("_sole").select("_device", "_owner")
    subjects = with_subject(audit_input.subjects()).select("_person", "_subject")
    owned = sole.join(subjects, F.col("_owner") == F.col("_person"))
    steps = audit_input.other("step_trainer_landing", days)
    return steps.join(owned, F.col("serialnumber") == F.col("_device")).select(
        "_subject", F.col("sensorreadingtime").alias("timestamp"), "distancefromobject", "serialnumber"
    )


def _own_readings(audit_input: AuditInput, days: Days) -> DataFrame:
    readings = audit_input.other("accelerometer_landing", days)
    users = user_consents(audit_input, "accelerometer_landing").withColumnRenamed("_person", "_of")
    subjects = with_subject(audit_input.subjects()).select("_person", "_subject")
    owned = users.join(subjects, F.col("_of") == F.col("_person"))
    return readings.join(owned, F.col("user") == F.col("_key")).select(*READING, "user")


STEP = ["_subject", "timestamp", "distancefromobject"]
READING = ["_subject", "timestamp", "x", "y", "z"]
ROW = [*READING, "distancefromobject"]
IDENTIFIERS = ("email", "serialnumber", "phone", "customername")

CUSTOMER_RECORDS = Flagged((CONSENT_ON_FILE, ONE_RECORD_PER_PERSON), _customers)
PEOPLE_WITH_READINGS = Flagged((HAS_READINGS,), _has_readings)
OF_CUSTOMERS = Flagged((ONLY_CONSENTING_PEOPLE,), _still_consenting)
OF_USERS = readings_of("user", "timestamp", _user_consents)
OF_DEVICES = readings_of("serialnumber", "sensorreadingtime", _device_consents, DEVICE_HAS_ONE_OWNER)
OF_SUBJECTS = readings_of("subject_id", "timestamp", _subject_consents)
IDENTIFIERS_HIDDEN = _texts(_identifiers, NO_DIRECT_IDENTIFIERS)
SPLITS_KEPT = _texts(_splits, ONE_SPLIT_PER_SUBJECT)

CUSTOMERS_LEAVE = RemovalRule(OF_CUSTOMERS)
USERS_LEAVE = RemovalRule(OF_USERS, standing=people_standing)
DEVICES_LEAVE = RemovalRule(OF_DEVICES, standing=_device_consents)
SUBJECTS_LEAVE = RemovalRule(OF_SUBJECTS, standing=people_standing)
