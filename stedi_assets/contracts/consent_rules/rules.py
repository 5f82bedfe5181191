"""Privacy rules: nobody is published who did not agree, and nobody is mistaken for somebody else.

They are computed from the landing tables on a path of their own: grouped where the transforms rank, and
with their own canonical form of an email, so that a mistake there is not made here once more.
"""

from collections.abc import Callable, Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.consent_rules.consent_facts import (
    canonical,
    consents,
    device_consents,
    last_readings,
    own_user_consents,
    people_standing,
    subject_consents,
)
from stedi_assets.contracts.rule import FLAG, Flagged, RemovalRule, Rule, texts_of
from stedi_assets.lake import AuditInput, Days

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


IDENTIFIERS = ("email", "serialnumber", "phone", "customername")

CUSTOMER_RECORDS = Flagged((CONSENT_ON_FILE, ONE_RECORD_PER_PERSON), _customers)
PEOPLE_WITH_READINGS = Flagged((HAS_READINGS,), _has_readings)
OF_CUSTOMERS = Flagged((ONLY_CONSENTING_PEOPLE,), _still_consenting)
OF_USERS = readings_of("user", "timestamp", own_user_consents)
OF_DEVICES = readings_of("serialnumber", "sensorreadingtime", device_consents, DEVICE_HAS_ONE_OWNER)
OF_SUBJECTS = readings_of("subject_id", "timestamp", subject_consents)
IDENTIFIERS_HIDDEN = _texts(_identifiers, NO_DIRECT_IDENTIFIERS)
SPLITS_KEPT = _texts(_splits, ONE_SPLIT_PER_SUBJECT)

CUSTOMERS_LEAVE = RemovalRule(OF_CUSTOMERS)
USERS_LEAVE = RemovalRule(OF_USERS, standing=people_standing)
DEVICES_LEAVE = RemovalRule(OF_DEVICES, standing=device_consents)
SUBJECTS_LEAVE = RemovalRule(OF_SUBJECTS, standing=people_standing)
