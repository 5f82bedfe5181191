"""The pairs of readings of the machine-learning table, accounted for by the readings of both sensors."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.accounting.fingerprint import MASK, small, summand, total
from stedi_assets.contracts.accounting.rows import RECONCILES
from stedi_assets.contracts.consent_rules.consent_facts import canonical, user_consents, with_subject
from stedi_assets.contracts.consent_rules.mixed_rows import mixed_rows, rows_that_mix_people
from stedi_assets.contracts.consent_rules.rules import ONE_PERSON_PER_ROW
from stedi_assets.contracts.rule import RuleCounts
from stedi_assets.lake import AuditInput, Days


class PairedReadings:
    """machine_learning_curated: per person and instant, each accelerometer reading with each of the other.

    The pairs are not made once more: what the rows of a group of pairs add up to is the product of what its
    readings add up to on either side.
    """

    rules = (ONE_PERSON_PER_ROW, RECONCILES)
    reads: tuple[str, ...] | None = ("accelerometer_trusted", "step_trainer_trusted")

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """See `RuleGroup`."""
        readings, steps = self._sides(audit_input, days)
        [wanted] = (
            readings.join(_by_instant(steps, "step", "steps"), INSTANT, "left")
            .agg(
                F.count(F.when(F.col("steps").isNull(), 1)).alias("lonely"),
                F.count("steps").alias("readings"),
                total(F.col("steps"), "pairs"),
                total(small(F.col("reading") * F.col("step")), "number"),
            )
            .collect()
        )
        rows = with_subject(audit_input.rows(days))
        numbers = rows.select(self._summand().alias("number"))
        [made] = numbers.agg(total(F.col("number"), "number")).collect()
        checked, mixed, wrong = audit_input.row_count(days), 0, 0
        same = (wanted["pairs"], wanted["number"] & MASK) == (checked, made["number"] & MASK)
        if not same:
            expected, found = _pairs(readings, steps), self._found(audit_input, days)
            groups = expected.join(found, INSTANT, "full_outer").fillna(0)
            differ = (F.col("pairs") != F.col("rows")) | (F.col("number") != F.col("found"))
            most = F.greatest("pairs", "rows")
            [row] = groups.where(differ).agg(total(most, "rows")).collect()
            wrong = row["rows"]
        if not (same and audit_input.policy == "strict"):
            mixed = mixed_rows(audit_input, days)
        breakdown = {
            "accelerometer readings without a step-trainer reading": wanted["lonely"],
            "accelerometer readings with one": wanted["readings"],
            "pairs of them": wanted["pairs"],
            "rows": checked,
        }
        return {
            ONE_PERSON_PER_ROW.name: RuleCounts(checked, mixed),
            RECONCILES.name: RuleCounts(wanted["pairs"], wrong, breakdown),
        }

    def broken_rows(self, rule: str, audit_input: AuditInput, days: Days) -> DataFrame:
        """See `RuleGroup`."""
        return rows_that_mix_people(audit_input, days)

    def _sides(self, audit_input: AuditInput, days: Days) -> tuple[DataFrame, DataFrame]:
        """The readings of either kind with their numbers, per subject where a device is its owner's."""
        strict = audit_input.policy == "strict"
        nobody = F.lit(0).cast("bigint")
        users = audit_input.fact("subjects of users", lambda: _subjects_of_users(audit_input), own=True)
        readings = audit_input.other("accelerometer_trusted", days).join(
            users, F.col("user") == F.col("_key")
        )
        steps = audit_input.other("step_trainer_trusted", days)
        if strict:
            owned = audit_input.fact("subjects of devices", lambda: _subjects_of_devices(audit_input))
            steps = steps.join(owned, F.col("serialnumber") == F.col("_device"))
        return (
            readings.select(
                (F.col("_subject") if strict else nobody).alias("subject"),
                F.col("timestamp").alias("at"),
                summand("_subject", "timestamp", "x", "y", "z").alias("reading"),
            ),
            steps.select(
                (F.col("_subject") if strict else nobody).alias("subject"),
                F.col("sensorreadingtime").alias("at"),
                summand("sensorreadingtime", "distancefromobject").alias("step"),
            ),
        )

    def _found(self, audit_input: AuditInput, days: Days) -> DataFrame:
        """Per subject and instant: the rows and their number."""
        subject = F.col("_subject") if audit_input.policy == "strict" else F.lit(0).cast("bigint")
        rows = with_subject(audit_input.rows(days)).select(
            subject.alias("subject"), F.col("timestamp").alias("at"), self._summand().alias("found")
        )
        return _by_instant(rows, "found", "rows")

    def _summand(self) -> Column:
        reading = summand("_subject", "timestamp", "x", "y", "z")
        return small(reading * summand("timestamp", "distancefromobject"))


INSTANT = ["subject", "at"]


def _by_instant(rows: DataFrame, number: str, count: str) -> DataFrame:
    """Per subject and instant: how many rows there are, and what their numbers add up to."""
    return rows.groupBy(*INSTANT).agg(F.count(F.lit(1)).alias(count), small(F.sum(number)).alias(number))


def _pairs(readings: DataFrame, steps: DataFrame) -> DataFrame:
    """Per subject and instant with readings of either kind: the pairs that they make, and their number."""
    both = _by_instant(readings, "reading", "readings").join(_by_instant(steps, "step", "steps"), INSTANT)
    return both.select(
        *INSTANT,
        (F.col("readings") * F.col("steps")).alias("pairs"),
        small(F.col("reading") * F.col("step")).alias("number"),
    )


def _subjects_of_users(audit_input: AuditInput) -> DataFrame:
    users = user_consents(audit_input, "accelerometer_trusted")
    return users.join(_numbered(audit_input), F.col("_person") == F.col("_of")).select("_key", "_subject")


def _subjects_of_devices(audit_input: AuditInput) -> DataFrame:
    people = audit_input.other("customer_curated").select(
        canonical("email").alias("_owner"), F.col("serialnumber").alias("_device")
    )
    return people.join(_numbered(audit_input), F.col("_owner") == F.col("_of")).select("_device", "_subject")


def _numbered(audit_input: AuditInput) -> DataFrame:
    subjects = with_subject(audit_input.subjects())
    return subjects.select(F.col("_person").alias("_of"), "_subject")
