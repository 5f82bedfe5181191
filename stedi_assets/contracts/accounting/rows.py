"""The rows of a table, accounted for by the rows of its inputs: kept, or left out for a reason."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.accounting.fingerprint import Fingerprint, fingerprint, summand, total
from stedi_assets.contracts.consent_rules.consent_facts import (
    canonical,
    consents,
    devices,
    last_readings,
    user_consents,
)
from stedi_assets.contracts.rule import ROWS, SCHEMA, Rule, RuleCounts
from stedi_assets.lake.refresh import AuditInput, Days
from stedi_assets.tables import TableSpec
from stedi_assets.transforms.row_hash import row_hash

RECONCILES = Rule(
    "reconciles",
    "rows_reconcile",
    "The rows of the tables that this one is made from explain its rows: how many were kept, how many were "
    "left out, and why. No row disappears, and no row appears from nowhere.",
    explains=True,
)
AS_DELIVERED = Rule(
    "as_delivered",
    "rows_as_delivered",
    "Every row of the table is a row of the tables that it is made from, value by value: no value was "
    "swapped, converted or given to another person.",
)
UNIQUE_ROWS = "unique_rows"
KEPT = "kept"

Excluded = Mapping[str, Column]
"""Conditions under which a row is left out, by the reason in words; the first one that is true counts."""


class Reconciled:
    """Rows in = rows kept + rows left out by reason, and the rows of the table are the rows kept.

    Rows are compared by fingerprint, and one by one only if the fingerprints differ.
    """

    reads: tuple[str, ...] = ()
    repeats = "duplicates"
    """The name of kept rows that are equal."""
    unmatched: str | None = None
    """The name of the input rows that `explain` does not return; None if it returns all of them."""

    def __init__(self, spec: TableSpec) -> None:
        unique = list(spec.model.to_schema().unique or ())
        self._compared = unique or spec.columns
        self.rules = (RECONCILES, AS_DELIVERED, *([_unique_rows(unique)] if unique else []))

    def explain(self, audit_input: AuditInput, days: Days) -> tuple[DataFrame, Excluded]:
        """The rows of the input, and why rows are left out."""
        raise NotImplementedError

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """See `RuleGroup`."""
        left_out, kept = _left_out_and_kept(*self.explain(audit_input, days), self._compared)
        if self.unmatched is not None:
            others = audit_input.row_count_of(self.reads[0], days) - sum(left_out.values()) - kept.rows
            left_out = {self.unmatched: others, **left_out}
        found, distinct = fingerprint(audit_input.rows(days), self._compared)
        expected, strange = kept, 0
        if found != expected or distinct != found.rows:
            expected, _ = fingerprint(self._kept(audit_input, days).distinct(), self._compared)
        if found != expected:
            strange = self.broken_rows(AS_DELIVERED.name, audit_input, days).count()
        breakdown = {
            **left_out,
            self.repeats: kept.rows - expected.rows,
            KEPT: expected.rows,
            "rows": found.rows,
        }
        difference = abs(found.rows - expected.rows)
        counted = {
            RECONCILES.name: RuleCounts(sum(left_out.values()) + kept.rows, difference, breakdown),
            AS_DELIVERED.name: RuleCounts(found.rows, strange),
            UNIQUE_ROWS: RuleCounts(found.rows, found.rows - distinct),
        }
        return {rule.name: counted[rule.name] for rule in self.rules}

    def broken_rows(self, rule: str, audit_input: AuditInput, days: Days) -> DataFrame:
        """See `RuleGroup`."""
        rows, columns = audit_input.rows(days), self._compared
        if rule == UNIQUE_ROWS:
            repeated = rows.groupBy(*columns).agg(F.count(F.lit(1)).alias(ROWS)).where(F.col(ROWS) > 1)
            return rows.join(repeated, columns, "left_semi")
        # By hash, because in a join a null equals nothing.
        kept = self._kept(audit_input, days).select(row_hash(*columns).alias("_hash"))
        hashed = rows.withColumn("_hash", row_hash(*columns))
        return hashed.join(kept, "_hash", "left_anti").select(*audit_input.spec.columns)

    def _kept(self, audit_input: AuditInput, days: Days) -> DataFrame:
        joined, excluded = self.explain(audit_input, days)
        return joined.where(_reason(excluded) == len(excluded)).select(*self._compared)


class Customers(Reconciled):
    """customer_trusted from customer_landing: one kept record per person."""

    repeats = "earlier records of people"

    def explain(self, audit_input: AuditInput, days: Days) -> tuple[DataFrame, Excluded]:
        """See `Reconciled`."""
        records = audit_input.other("customer_landing").withColumn("_of", canonical("email"))
        held = audit_input.held().select(F.col("person").alias("_held")).distinct()
        joined = records.join(consents(audit_input), F.col("_of") == F.col("_person"), "left").join(
            held, F.col("_of") == F.col("_held"), "left"
        )
        return joined, {
            "dated in the future": F.col("lastupdatedate") > audit_input.as_of,
            "of people who are held": F.col("_held").isNotNull(),
            "of people without consent": F.col("_person").isNull(),
        }

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """See `RuleGroup`."""
        joined, excluded = self.explain(audit_input, days)
        left_out, kept = _left_out_and_kept(joined, excluded, ["_of"])
        people = joined.where(_reason(excluded) == len(excluded)).select("_of").distinct().count()
        rows = audit_input.row_count(days)
        breakdown = {**left_out, self.repeats: kept.rows - people, KEPT: people, "rows": rows}
        strange = self.broken_rows(AS_DELIVERED.name, audit_input, days).count()
        return {
            RECONCILES.name: RuleCounts(sum(left_out.values()) + kept.rows, abs(rows - people), breakdown),
            AS_DELIVERED.name: RuleCounts(rows, strange),
        }


class CuratedCustomers(Reconciled):
    """customer_curated from customer_trusted."""

    def explain(self, audit_input: AuditInput, days: Days) -> tuple[DataFrame, Excluded]:
        """See `Reconciled`."""
        last = last_readings(audit_input, "accelerometer_trusted")
        joined = audit_input.other("customer_trusted").join(
            last, canonical("email") == F.col("_person"), "left"
        )
        without = F.col("_last").isNull()
        if audit_input.policy == "strict":
            without |= F.col("_last") < F.col("sharewithresearchasofdate")
        return joined, {"without readings": without}


class Accelerometer(Reconciled):
    """accelerometer_trusted from accelerometer_landing."""

    reads = ("accelerometer_landing",)
    unmatched = "of people without consent"

    def explain(self, audit_input: AuditInput, days: Days) -> tuple[DataFrame, Excluded]:
        """See `Reconciled`."""
        readings = audit_input.other("accelerometer_landing", days)
        users = user_consents(audit_input, "accelerometer_landing").select("_key", "_consent")
        joined = readings.join(users, F.col("user") == F.col("_key"))
        if audit_input.policy == "reference":
            return joined, {}
        return joined, {"before consent": F.col("timestamp") < F.col("_consent")}


class StepTrainer(Reconciled):
    """step_trainer_trusted from step_trainer_landing."""

    reads = ("step_trainer_landing",)
    unmatched = "of devices that no one registered"

    def explain(self, audit_input: AuditInput, days: Days) -> tuple[DataFrame, Excluded]:
        """See `Reconciled`."""
        known = devices(audit_input).join(
            _devices_in_use(audit_input), F.col("_device") == F.col("_in_use"), "left"
        )
        joined = audit_input.other("step_trainer_landing", days).join(
            known, F.col("serialnumber") == F.col("_device")
        )
        excluded = {
            "of devices with several owners": ~F.col("_sole"),
            "of people without consent": F.col("_agreed").isNull(),
            "of people without accelerometer readings": F.col("_in_use").isNull(),
            "before consent": F.col("sensorreadingtime") < F.col("_agreed"),
        }
        if audit_input.policy == "reference":
            del excluded["of devices with several owners"], excluded["before consent"]
        return joined, excluded


def _devices_in_use(audit_input: AuditInput) -> DataFrame:
    """The devices that people in customer_curated registered, in column _in_use."""
    registered = audit_input.other("customer_landing").select(
        F.col("serialnumber").alias("_in_use"), canonical("email").alias("_registered")
    )
    active = audit_input.other("customer_curated").select(canonical("email").alias("_active"))
    return (
        registered.join(active, F.col("_registered") == F.col("_active"), "left_semi")
        .select("_in_use")
        .distinct()
    )


def _left_out_and_kept(
    joined: DataFrame, excluded: Excluded, columns: list[str]
) -> tuple[dict[str, int], Fingerprint]:
    """Counts the rows of an input by the reason why they are left out.

    Returns:
        Rows by reason, and the fingerprint of the rows kept.
    """
    reason = F.col("_reason")
    kept = F.when(reason == len(excluded), summand(*columns))
    numbered = joined.withColumn("_reason", _reason(excluded)).select(reason, kept.alias("_summand"))
    [row] = numbered.agg(
        *(F.count(F.when(reason == number, 1)).alias(f"of {number}") for number in range(len(excluded) + 1)),
        total(F.col("_summand"), "sum"),
    ).collect()
    left_out = {name: row[f"of {number}"] for number, name in enumerate(excluded)}
    return left_out, Fingerprint(row[f"of {len(excluded)}"], row["sum"])


def _reason(excluded: Excluded) -> Column:
    """The index of the first reason why a row is left out; of a kept row, the number of reasons."""
    reason = F.lit(len(excluded))
    for number, condition in reversed(list(enumerate(excluded.values()))):
        reason = F.when(condition, F.lit(number)).otherwise(reason)
    return reason


def _unique_rows(columns: list[str]) -> Rule:
    return Rule(
        UNIQUE_ROWS,
        SCHEMA,
        f"No two rows are equal in {', '.join(columns)}: sources send the same reading more than once, "
        "and research must not count it more than once.",
    )
