"""The pairs of readings of the machine-learning table, accounted for by the readings of both sensors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.accounting.fingerprint import MASK, small, summand, total
from stedi_assets.contracts.accounting.rows import RECONCILES
from stedi_assets.contracts.consent_rules.consent_facts import canonical, user_consents, with_subject
from stedi_assets.contracts.consent_rules.mixed_rows import mixed_rows, rows_that_mix_people
from stedi_assets.contracts.consent_rules.rules import ONE_PERSON_PER_ROW
from stedi_assets.contracts.rule import RuleCounts
from stedi_assets.lake.refresh import AuditInput, Days

GROUP = ["subject", "at"]
"""Readings of one subject and millisecond make pairs; under `reference` all subjects are one, number 0."""


class PairedReadings:
    """machine_learning_curated: each accelerometer reading with each step-trainer reading of its group.

    The pairs are not made a second time. The fingerprint of a group of pairs is the product of the
    fingerprints of its readings on both sides.
    """

    rules = (ONE_PERSON_PER_ROW, RECONCILES)
    reads: tuple[str, ...] | None = ("accelerometer_trusted", "step_trainer_trusted")

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """See `RuleGroup`."""
        sides = _sides(audit_input, days)
        wanted, checked = sides.totals(), audit_input.row_count(days)
        same = wanted["pairs"] == checked and _same_sum(wanted["sum"], _sum_of_rows(audit_input, days))
        wrong = 0 if same else _rows_of_differing_groups(sides, audit_input, days)
        # Under `strict` the pairs are of one subject's readings; `reference` pairs those of all people.
        mixed = 0 if same and audit_input.policy == "strict" else mixed_rows(audit_input, days)
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


@dataclass(frozen=True)
class _Sides:
    """The readings of both sensors: columns subject, at and summand."""

    readings: DataFrame
    steps: DataFrame

    def totals(self) -> Mapping[str, Any]:
        """Readings with and without a partner (readings, lonely), and the number and the sum of the pairs."""
        [row] = (
            self.readings.join(_grouped(self.steps, "steps", "step"), GROUP, "left")
            .agg(
                F.count(F.when(F.col("steps").isNull(), 1)).alias("lonely"),
                F.count("steps").alias("readings"),
                total(F.col("steps"), "pairs"),
                total(small(F.col("summand") * F.col("step")), "sum"),
            )
            .collect()
        )
        found: Mapping[str, Any] = row.asDict()
        return found

    def pairs(self) -> DataFrame:
        """Per group with readings of both sensors: the number of pairs, and their sum."""
        readings, steps = (
            _grouped(self.readings, "readings", "reading"),
            _grouped(self.steps, "steps", "step"),
        )
        return readings.join(steps, GROUP).select(
            *GROUP,
            (F.col("readings") * F.col("steps")).alias("pairs"),
            small(F.col("reading") * F.col("step")).alias("sum"),
        )


def _sides(audit_input: AuditInput, days: Days) -> _Sides:
    users = audit_input.fact("subjects of users", lambda: _subjects_of_users(audit_input), own=True)
    readings = audit_input.other("accelerometer_trusted", days).join(users, F.col("user") == F.col("_key"))
    steps = audit_input.other("step_trainer_trusted", days)
    if audit_input.policy == "strict":
        owned = audit_input.fact("subjects of devices", lambda: _subjects_of_devices(audit_input))
        steps = steps.join(owned, F.col("serialnumber") == F.col("_device"))
    subject = _subject(audit_input)
    return _Sides(
        readings=readings.select(
            subject,
            F.col("timestamp").alias("at"),
            summand("_subject", "timestamp", "x", "y", "z").alias("summand"),
        ),
        steps=steps.select(
            subject,
            F.col("sensorreadingtime").alias("at"),
            summand("sensorreadingtime", "distancefromobject").alias("summand"),
        ),
    )


def _same_sum(first: int, second: int) -> bool:
    return first & MASK == second & MASK


def _sum_of_rows(audit_input: AuditInput, days: Days) -> int:
    """The sum of the rows under audit, which is that of the pairs if they are the same."""
    [row] = _row_summands(audit_input, days).agg(total(F.col("summand"), "sum")).collect()
    found: int = row["sum"]
    return found


def _rows_of_differing_groups(sides: _Sides, audit_input: AuditInput, days: Days) -> int:
    """Counts the rows or pairs, whichever are more, of groups in which they differ."""
    found = _grouped(_row_summands(audit_input, days), "rows", "found")
    groups = sides.pairs().join(found, GROUP, "full_outer").fillna(0)
    differ = (F.col("pairs") != F.col("rows")) | (F.col("sum") != F.col("found"))
    [row] = groups.where(differ).agg(total(F.greatest("pairs", "rows"), "rows")).collect()
    wrong: int = row["rows"]
    return wrong


def _row_summands(audit_input: AuditInput, days: Days) -> DataFrame:
    """The rows under audit: columns subject, at and summand, the product of the summands of both readings."""
    reading = summand("_subject", "timestamp", "x", "y", "z")
    product = small(reading * summand("timestamp", "distancefromobject"))
    rows = with_subject(audit_input.rows(days))
    return rows.select(_subject(audit_input), F.col("timestamp").alias("at"), product.alias("summand"))


def _subject(audit_input: AuditInput) -> Column:
    number = F.col("_subject") if audit_input.policy == "strict" else F.lit(0).cast("bigint")
    return number.alias("subject")


def _grouped(rows: DataFrame, count: str, sum_: str) -> DataFrame:
    """Per group: the number of rows, and the sum of their summands."""
    return rows.groupBy(*GROUP).agg(F.count(F.lit(1)).alias(count), small(F.sum("summand")).alias(sum_))


def _subjects_of_users(audit_input: AuditInput) -> DataFrame:
    users = user_consents(audit_input, "accelerometer_trusted")
    return users.join(_people(audit_input), F.col("_person") == F.col("_of")).select("_key", "_subject")


def _subjects_of_devices(audit_input: AuditInput) -> DataFrame:
    owners = audit_input.other("customer_curated").select(
        canonical("email").alias("_owner"), F.col("serialnumber").alias("_device")
    )
    return owners.join(_people(audit_input), F.col("_owner") == F.col("_of")).select("_device", "_subject")


def _people(audit_input: AuditInput) -> DataFrame:
    """All people and the hashes of their pseudonyms: columns _of and _subject."""
    subjects = with_subject(audit_input.subjects())
    return subjects.select(F.col("_person").alias("_of"), "_subject")
