"""Privacy rules: nobody is published who did not agree, and nobody is mistaken for somebody else.

They are computed from the landing tables on a path of their own: grouped where the transforms rank, and
with their own canonical form of an email, so that a mistake there is not made here once more.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import ClassVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.rules import FLAG, ROWS, Examination, Finding, Flagged, Rule
from stedi_assets.lake import Days, Evidence
from stedi_assets.schemas.landing import WHITESPACE

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


def consents(evidence: Evidence) -> DataFrame:
    """Everybody who consents, from customer_landing.

    Returns:
        Columns _person, _consent and _latest, the instants of the consent and of the record that gives it,
        epoch ms.
    """
    consent = F.col("sharewithresearchasofdate")
    records = (
        evidence.other("customer_landing")
        .where(F.col("lastupdatedate") <= evidence.as_of)
        .select(canonical("email").alias("_person"), "lastupdatedate", consent.alias("_consent"))
    )
    latest = records.groupBy(F.col("_person").alias("_latest_of")).agg(
        F.max("lastupdatedate").alias("_latest")
    )
    same = (F.col("_person") == F.col("_latest_of")) & (F.col("lastupdatedate") == F.col("_latest"))
    given = F.coalesce(F.col("_consent").between(1, evidence.as_of), F.lit(False))
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
    held = evidence.held().select(F.col("person").alias("_held"))
    return people.join(held, F.col("_person") == F.col("_held"), "left_anti")


def devices(evidence: Evidence) -> DataFrame:
    """Every device ever registered, from customer_landing.

    Returns:
        Columns _device, _sole (whether one person only registered it), _owner (one of those who did) and
        _agreed, the latest consent among those who did, or null.
    """
    registered = evidence.other("customer_landing").select(
        F.col("serialnumber").alias("_device"), canonical("email").alias("_owner")
    )
    agreed = consents(evidence).withColumnRenamed("_consent", "_agreed")
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


def _customers(evidence: Evidence, _days: Days) -> DataFrame:
    on_file = consents(evidence)
    shown = F.col("sharewithresearchasofdate"), F.col("lastupdatedate")
    as_shown = (shown[0] == F.col("_consent")) & (shown[1] == F.col("_latest"))
    joined = evidence.rows().join(on_file, canonical("email") == F.col("_person"), "left")
    return _breaks(joined, {CONSENT_ON_FILE: ~as_shown})


def _still_consenting(evidence: Evidence, _days: Days) -> DataFrame:
    joined = evidence.rows().join(consents(evidence), canonical("email") == F.col("_person"), "left")
    return _breaks(joined, {ONLY_CONSENTING_PEOPLE: F.col("_consent").isNull()})


def _one_record(evidence: Evidence, _days: Days) -> DataFrame:
    named = evidence.rows().withColumn("_person", canonical("email"))
    records = named.groupBy(F.col("_person").alias("_counted")).agg(F.count(F.lit(1)).alias("_records"))
    joined = named.join(records, F.col("_person") == F.col("_counted"))
    return _breaks(joined, {ONE_RECORD_PER_PERSON: F.col("_records") > 1})


def _has_readings(evidence: Evidence, _days: Days) -> DataFrame:
    readings = (
        evidence.other("accelerometer_landing")
        .groupBy("user")
        .agg(F.max("timestamp").alias("_last"))
        .groupBy(canonical("user").alias("_person"))
        .agg(F.max("_last").alias("_last"))
    )
    joined = evidence.rows().join(readings, canonical("email") == F.col("_person"), "left")
    some = F.col("_last").isNotNull()
    if evidence.policy == "strict":
        some &= F.col("_last") >= F.col("sharewithresearchasofdate")
    return _breaks(joined, {HAS_READINGS: ~some})


def user_consents(evidence: Evidence, users: DataFrame) -> DataFrame:
    """The consents of users under their emails as delivered.

    Args:
        evidence: What is audited.
        users: A frame with a column user; the fewer rows the better.

    Returns:
        Columns _key (the email as delivered), _person and _consent, for those who consent.
    """
    spellings = users.select(F.col("user").alias("_key")).distinct().withColumn("_of", canonical("_key"))
    return spellings.join(consents(evidence), F.col("_of") == F.col("_person")).drop("_of")


def _device_consents(evidence: Evidence, _groups: DataFrame) -> DataFrame:
    return devices(evidence).select(
        F.col("_device").alias("_key"), F.col("_agreed").alias("_consent"), "_sole"
    )


def _subject_consents(evidence: Evidence, _groups: DataFrame) -> DataFrame:
    agreed = consents(evidence).withColumnRenamed("_person", "_of")
    subjects = evidence.subjects().join(agreed, F.col("_person") == F.col("_of"))
    return subjects.select(F.col("subject_id").alias("_key"), "_consent")


def _readings(
    key: str, instant: str, facts: Callable[[Evidence, DataFrame], DataFrame], *more: Rule
) -> Flagged:
    """The rules of readings that belong to somebody.

    Args:
        key: Column that says whose they are.
        instant: Column with the instant of a reading, epoch ms.
        facts: What is known of the values of the key: their consent, and whether a device is one person's.
        more: Rules beyond those of consent.
    """

    def flagged(rows: DataFrame, groups: DataFrame, evidence: Evidence) -> DataFrame:
        joined = rows.join(facts(evidence, groups), F.col(key) == F.col("_key"), "left")
        consent = F.col("_consent")
        broken = {
            ONLY_CONSENTING_PEOPLE: consent.isNull(),
            AFTER_CONSENT: consent.isNotNull() & (F.col(instant) < consent),
        }
        if DEVICE_HAS_ONE_OWNER in more:
            broken[DEVICE_HAS_ONE_OWNER] = ~F.col("_sole")
        return _breaks(joined, broken)

    def grouped(evidence: Evidence, days: Days) -> DataFrame:
        count, first = F.count(F.lit(1)).alias(ROWS), F.min(instant).alias(instant)
        return evidence.rows(days).groupBy(key).agg(count, first)

    def flag(evidence: Evidence, days: Days) -> DataFrame:
        return flagged(evidence.rows(days), grouped(evidence, days), evidence)

    def survey(evidence: Evidence, days: Days) -> DataFrame:
        groups = grouped(evidence, days)
        return flagged(groups, groups, evidence)

    return Flagged((ONLY_CONSENTING_PEOPLE, AFTER_CONSENT, *more), flag, survey)


def _texts(flag: Callable[[Evidence, DataFrame], DataFrame], rule: Rule) -> Flagged:
    """A rule about the texts of a table, which are few."""

    def survey(evidence: Evidence, days: Days) -> DataFrame:
        texts = [name for name, kind in evidence.rows(days).dtypes if kind == "string"]
        return flag(evidence, evidence.rows(days).groupBy(*texts).agg(F.count(F.lit(1)).alias(ROWS)))

    return Flagged((rule,), lambda evidence, days: flag(evidence, evidence.rows(days)), survey, reads=None)


def _identifiers(evidence: Evidence, rows: DataFrame) -> DataFrame:
    customers = evidence.other("customer_landing")
    known = reduce(
        DataFrame.unionAll, (customers.select(canonical(name).alias("_known")) for name in IDENTIFIERS)
    ).distinct()
    found = F.lit(evidence.schema().names != evidence.spec.columns)
    for name in (name for name, kind in rows.dtypes if kind == "string"):
        same = f"_known_{name}"
        values = known.select(F.col("_known").alias(same))
        rows = rows.join(values, canonical(name) == F.col(same), "left")
        found |= F.col(same).isNotNull()
    ours = evidence.subjects().select(F.col("subject_id").alias("_pseudonym")).distinct()
    rows = rows.join(ours, F.col("subject_id") == F.col("_pseudonym"), "left")
    pseudonym = F.col("subject_id").rlike(r"^[0-9a-f]{64}\z") & F.col("_pseudonym").isNotNull()
    return _breaks(rows, {NO_DIRECT_IDENTIFIERS: found | ~pseudonym})


def _splits(evidence: Evidence, rows: DataFrame) -> DataFrame:
    mixed = (
        rows.groupBy(F.col("subject_id").alias("_subject"))
        .agg((F.min("split") != F.max("split")).alias("_mixed"))
        .where("_mixed")
    )
    joined = rows.join(mixed, F.col("subject_id") == F.col("_subject"), "left")
    own = evidence.subjects().select(F.col("subject_id").alias("_known"), F.col("split").alias("_own"))
    joined = joined.join(own, F.col("subject_id") == F.col("_known"), "left")
    another = F.coalesce(F.col("split") != F.col("_own"), F.lit(False))
    return _breaks(joined, {ONE_SPLIT_PER_SUBJECT: F.col("_mixed").isNotNull() | another})


class OnePersonPerRow:
    """Whether both halves of every row were read from the sensors of the person behind the pseudonym.

    A row that mixes people may look like one that does not, so rows are counted: of equal ones there are at
    most as many as the person's own readings make.
    """

    STEP: ClassVar = ["_subject", "timestamp", "distancefromobject"]
    READING: ClassVar = ["_subject", "timestamp", "x", "y", "z"]
    ROW: ClassVar = [*READING, "distancefromobject"]

    rules = (ONE_PERSON_PER_ROW,)
    reads: tuple[str, ...] | None = ("accelerometer_landing", "step_trainer_landing")

    def findings(self, evidence: Evidence, days: Days) -> Mapping[str, Finding]:
        """See `Examination`."""
        rows = self._rows(evidence, days)
        steps, readings = self._steps(evidence, days), self._readings(evidence, days)
        own = rows.join(steps, self.STEP, "left_semi").join(readings, self.READING, "left_semi")
        [found] = own.agg(F.count_distinct(F.xxhash64(*self.ROW)).alias("different")).collect()
        checked, broken = evidence.row_count(days), 0
        if found["different"] != checked:  # rows are broken, or equal; only counting tells, and costs more
            excess = self._counted(evidence, days).select(F.col("_rows") - F.col("_own"))
            [found] = excess.toDF("rows").agg(F.sum(F.greatest("rows", F.lit(0))).alias("broken")).collect()
            broken = found["broken"] or 0
        return {ONE_PERSON_PER_ROW.name: Finding(checked, broken)}

    def broken_rows(self, rule: str, evidence: Evidence, days: Days) -> DataFrame:
        """See `Examination`."""
        rows = self._rows(evidence, days)
        mixed = self._counted(evidence, days).where("_rows > _own")
        return rows.join(mixed, self.ROW, "left_semi").select(*evidence.spec.columns)

    def _counted(self, evidence: Evidence, days: Days) -> DataFrame:
        """The different rows, how many there are of each, and how many the person's own readings make."""

        def count(frame: DataFrame, columns: list[str], name: str) -> DataFrame:
            return frame.groupBy(*columns).agg(F.count(F.lit(1)).alias(name))

        rows = count(self._rows(evidence, days), self.ROW, "_rows")
        steps = count(self._steps(evidence, days).distinct(), self.STEP, "_steps")
        readings = count(self._readings(evidence, days).distinct(), self.READING, "_readings")
        joined = rows.join(steps, self.STEP, "left").join(readings, self.READING, "left")
        return joined.withColumn("_own", F.coalesce(F.col("_steps") * F.col("_readings"), F.lit(0)))

    def _rows(self, evidence: Evidence, days: Days) -> DataFrame:
        return evidence.rows(days).withColumn("_subject", F.xxhash64("subject_id"))

    def _steps(self, evidence: Evidence, days: Days) -> DataFrame:
        sole = devices(evidence).where("_sole").select("_device", "_owner")
        owned = sole.join(self._subjects(evidence), F.col("_owner") == F.col("_person"))
        steps = evidence.other("step_trainer_landing", days)
        return steps.join(owned, F.col("serialnumber") == F.col("_device")).select(
            "_subject", F.col("sensorreadingtime").alias("timestamp"), "distancefromobject", "serialnumber"
        )

    def _readings(self, evidence: Evidence, days: Days) -> DataFrame:
        readings = evidence.other("accelerometer_landing", days)
        users = user_consents(evidence, readings).withColumnRenamed("_person", "_of")
        owned = users.join(self._subjects(evidence), F.col("_of") == F.col("_person"))
        return readings.join(owned, F.col("user") == F.col("_key")).select(*self.READING, "user")

    def _subjects(self, evidence: Evidence) -> DataFrame:
        # A number in place of a pseudonym: the joins are on millions of rows.
        return evidence.subjects().select("_person", F.xxhash64("subject_id").alias("_subject"))


IDENTIFIERS = ("email", "serialnumber", "phone", "customername")

OF_USERS = _readings("user", "timestamp", user_consents)
OF_DEVICES = _readings("serialnumber", "sensorreadingtime", _device_consents, DEVICE_HAS_ONE_OWNER)
OF_SUBJECTS = _readings("subject_id", "timestamp", _subject_consents)

PRIVACY: Mapping[str, tuple[Examination, ...]] = {
    "customer_trusted": (
        Flagged((CONSENT_ON_FILE,), _customers),
        Flagged((ONE_RECORD_PER_PERSON,), _one_record),
    ),
    "accelerometer_trusted": (OF_USERS,),
    "customer_curated": (
        Flagged((CONSENT_ON_FILE,), _customers),
        Flagged((HAS_READINGS,), _has_readings),
        Flagged((ONE_RECORD_PER_PERSON,), _one_record),
    ),
    "step_trainer_trusted": (OF_DEVICES,),
    "machine_learning_curated": (
        OF_SUBJECTS,
        _texts(_identifiers, NO_DIRECT_IDENTIFIERS),
        OnePersonPerRow(),
        _texts(_splits, ONE_SPLIT_PER_SUBJECT),
    ),
}

# What a row breaks as soon as somebody withdraws, whatever else is the matter with its table.
WITHDRAWALS: Mapping[str, Flagged] = {
    "customer_trusted": Flagged((ONLY_CONSENTING_PEOPLE,), _still_consenting),
    "accelerometer_trusted": OF_USERS,
    "customer_curated": Flagged((ONLY_CONSENTING_PEOPLE,), _still_consenting),
    "step_trainer_trusted": OF_DEVICES,
    "machine_learning_curated": OF_SUBJECTS,
}
