"""The privacy rules of each kind of person or device: `CUSTOMERS`, `USERS`, `DEVICES`, `SUBJECTS`.

Here belongs what the rules require and how a row is found to break them. The facts that they need are in
`consent_facts`, the comparison of paired readings in `mixed_rows`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.consent_rules.consent_facts import (
    canonical,
    consents,
    device_consents,
    last_readings,
    own_user_consents,
    person_consents,
    subject_consents,
)
from stedi_assets.contracts.rule import SCHEMA, Flagged, Rule, RuleGroup, texts_of, with_flags
from stedi_assets.contracts.withdrawal import RemovalRule
from stedi_assets.lake.refresh import AuditInput, Days

CONSENT_ON_FILE = Rule(
    "consent_on_file",
    "privacy_consent_on_file",
    "Every person in the table agreed to share data for research. Of all customer records ever received "
    "about the person, the latest one in effect gives that consent, and it is the consent that the table "
    "shows. If records of the same time contradict each other, or a record about the person cannot be read, "
    "the person counts as not consenting.",
)
ONE_RECORD_PER_PERSON = Rule(
    "one_record_per_person",
    SCHEMA,
    "No person is in the table twice. One email is one person, whatever its capitals and spaces.",
)
ONLY_CONSENTING_PEOPLE = Rule(
    "only_consenting_people",
    "privacy_only_consenting_people",
    "Every reading belongs to a person who agrees to share data for research, today and not only when the "
    "reading was taken. The consent is read from the customer records as they were received, so a "
    "withdrawal shows here even before the tables are refreshed.",
    leaves="of people without consent now",
)
NOT_HELD = Rule(
    "not_held",
    ONLY_CONSENTING_PEOPLE.check,
    "No one in the table is named by a customer record that cannot be read.",
    leaves="of people held by an unreadable record",
)
AFTER_CONSENT = Rule(
    "after_consent",
    "privacy_after_consent",
    "No reading was taken before the person agreed to share data for research: earlier readings are not "
    "ours to share. A reading taken in the same millisecond as the consent may be shared.",
    relaxed=True,
    leaves="from before a consent that begins later now",
)
DEVICE_HAS_ONE_OWNER = Rule(
    "device_has_one_owner",
    "privacy_device_has_one_owner",
    "Only one person, consenting or not, ever registered each step trainer in the table. If several people "
    "registered a device, its readings may be of any of them, so they are left out.",
    relaxed=True,
    leaves="of devices that are shared now",
)
HAS_READINGS = Rule(
    "has_readings",
    "privacy_has_readings",
    "Every person in the table has accelerometer readings that may be shared. People who agreed but never "
    "sent a reading are of no use to research, so their data stays in the trusted zone.",
)
NO_DIRECT_IDENTIFIERS = Rule(
    "no_direct_identifiers",
    SCHEMA,
    "Readers of the table cannot see who a person is. It has only the documented columns, people appear only "
    "under the pseudonyms made with the lake's key, and no text in it is an email, serial number, phone "
    "number or name that we know.",
)
ONE_PERSON_PER_ROW = Rule(
    "one_person_per_row",
    "privacy_one_person_per_row",
    "Both halves of a row are of the person behind the pseudonym: the accelerometer reading came from the "
    "person's phone, and the distance of the same millisecond from a step trainer that only this person ever "
    "registered. Otherwise one person's movements would be passed off as another's.",
    relaxed=True,
)
ONE_SPLIT_PER_SUBJECT = Rule(
    "one_split_per_subject",
    SCHEMA,
    "All rows of a person are in the same split, and it is the split that the person always had. A model "
    "tested on people it was trained with would recognise them, and its results would look better than they "
    "are.",
)
IDENTIFIERS = ("email", "serialnumber", "phone", "customername")


@dataclass(frozen=True)
class PrivacyRules:
    """The privacy rules of tables whose rows belong to one kind of person or device.

    Attributes:
        rules: Rules about the rows of the table.
        removal: Whose rows leave the table when a consent ends.
    """

    rules: tuple[RuleGroup, ...]
    removal: RemovalRule


def _customers(audit_input: AuditInput, _days: Days) -> DataFrame:
    named = audit_input.rows().withColumn("_of", canonical("email"))
    records = named.groupBy(F.col("_of").alias("_counted")).agg(F.count(F.lit(1)).alias("_records"))
    joined = named.join(records, F.col("_of") == F.col("_counted")).join(
        consents(audit_input), F.col("_of") == F.col("_person"), "left"
    )
    shown = F.col("sharewithresearchasofdate"), F.col("lastupdatedate")
    same = (shown[0] == F.col("_consent")) & (shown[1] == F.col("_latest"))
    return with_flags(joined, {CONSENT_ON_FILE: ~same, ONE_RECORD_PER_PERSON: F.col("_records") > 1})


def _still_consenting(audit_input: AuditInput, _days: Days) -> DataFrame:
    joined = audit_input.rows().join(consents(audit_input), canonical("email") == F.col("_person"), "left")
    held = audit_input.held().select(F.col("person").alias("_held")).distinct()
    joined = joined.join(held, canonical("email") == F.col("_held"), "left")
    broken = {NOT_HELD: F.col("_held").isNotNull(), ONLY_CONSENTING_PEOPLE: F.col("_consent").isNull()}
    return with_flags(joined, broken)


def _has_readings(audit_input: AuditInput, _days: Days) -> DataFrame:
    readings = last_readings(audit_input, "accelerometer_landing")
    joined = audit_input.rows().join(readings, canonical("email") == F.col("_person"), "left")
    has = F.col("_last").isNotNull()
    if audit_input.policy == "strict":
        has &= F.col("_last") >= F.col("sharewithresearchasofdate")
    return with_flags(joined, {HAS_READINGS: ~has})


def _readings_of(key: str, time: str, known: Callable[[AuditInput], DataFrame], *more: Rule) -> Flagged:
    """The rules of readings that belong to a person or a device.

    Args:
        key: Column that names the person or device.
        time: Column with the time of a reading, epoch ms.
        known: Returns the consents of today by the values of the key: columns _key, _consent and, of
            devices, _sole.
        more: Rules beyond those of consent.
    """

    def flagged(rows: DataFrame, audit_input: AuditInput) -> DataFrame:
        joined = rows.join(known(audit_input), F.col(key) == F.col("_key"), "left")
        return _with_consent_flags(joined, F.col(time) < F.col("_consent"), *more)

    return Flagged(
        rules=(ONLY_CONSENTING_PEOPLE, AFTER_CONSENT, *more),
        flag=lambda audit_input, days: flagged(audit_input.rows(days), audit_input),
        survey=lambda audit_input, _days: flagged(texts_of(audit_input), audit_input),
        reads=None,
        everywhere=True,
    )


def _facts_of(
    known: Callable[[AuditInput], DataFrame], *more: Rule
) -> Callable[[AuditInput, DataFrame], DataFrame]:
    """Flags facts by the rules of `_readings_of`: a consent that began later ends the earlier one."""

    def flag_facts(audit_input: AuditInput, facts: DataFrame) -> DataFrame:
        was = facts.select(F.col("who"), F.col("consent").alias("_was"))
        joined = was.join(known(audit_input), F.col("who") == F.col("_key"), "left")
        return _with_consent_flags(joined, F.col("_was") < F.col("_consent"), *more)

    return flag_facts


def _with_consent_flags(joined: DataFrame, too_early: Column, *more: Rule) -> DataFrame:
    consent = F.col("_consent")
    broken = {ONLY_CONSENTING_PEOPLE: consent.isNull(), AFTER_CONSENT: consent.isNotNull() & too_early}
    if DEVICE_HAS_ONE_OWNER in more:
        broken[DEVICE_HAS_ONE_OWNER] = ~F.col("_sole")
    return with_flags(joined, broken)


def _texts(flag: Callable[[AuditInput, DataFrame], DataFrame], rule: Rule) -> Flagged:
    """A rule about the texts of a table, of which few are distinct."""
    return Flagged(
        rules=(rule,),
        flag=lambda audit_input, days: flag(audit_input, audit_input.rows(days)),
        survey=lambda audit_input, _days: flag(audit_input, texts_of(audit_input)),
        reads=None,
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
    return with_flags(rows, {NO_DIRECT_IDENTIFIERS: found | ~pseudonym})


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
    return with_flags(joined, {ONE_SPLIT_PER_SUBJECT: F.col("_mixed").isNotNull() | another})


_OF_USERS = _readings_of("user", "timestamp", own_user_consents)
_OF_DEVICES = _readings_of("serialnumber", "sensorreadingtime", device_consents, DEVICE_HAS_ONE_OWNER)
_OF_SUBJECTS = _readings_of("subject_id", "timestamp", subject_consents)

PEOPLE_WITH_READINGS = Flagged((HAS_READINGS,), _has_readings)
CUSTOMERS = PrivacyRules(
    rules=(Flagged((CONSENT_ON_FILE, ONE_RECORD_PER_PERSON), _customers),),
    removal=RemovalRule(Flagged((NOT_HELD, ONLY_CONSENTING_PEOPLE), _still_consenting)),
)
USERS = PrivacyRules(rules=(_OF_USERS,), removal=RemovalRule(_OF_USERS, _facts_of(person_consents)))
DEVICES = PrivacyRules(
    rules=(_OF_DEVICES,), removal=RemovalRule(_OF_DEVICES, _facts_of(device_consents, DEVICE_HAS_ONE_OWNER))
)
SUBJECTS = PrivacyRules(
    rules=(_OF_SUBJECTS, _texts(_identifiers, NO_DIRECT_IDENTIFIERS), _texts(_splits, ONE_SPLIT_PER_SUBJECT)),
    removal=RemovalRule(_OF_SUBJECTS, _facts_of(person_consents)),
)
