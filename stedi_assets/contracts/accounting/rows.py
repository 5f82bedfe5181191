"""Accounting rules: every line and row is somewhere, and it is said where."""

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
from stedi_assets.contracts.rule import ROWS, Rule, RuleCounts
from stedi_assets.lake import AuditInput, Days
from stedi_assets.tables import TableSpec
from stedi_assets.transforms.row_hash import row_hash

RECONCILES = Rule(
    "reconciles",
    "The rows of the table are explained by those of the tables that it is made from: so many were "
    "kept, so many left out, and why. Nothing disappears and nothing appears from nowhere.",
    explains=True,
)
AS_DELIVERED = Rule(
    "as_delivered",
    "Every row of the table is one of those that it is made from, value by value: nothing was swapped, "
    "converted or given to somebody else on the way.",
)
UNIQUE_ROWS = "unique_rows"
KEPT = "kept"


class Reconciled:
    """Rows in = rows kept + rows left out by reason, and the rows of the table are those that were kept.

    Rows are compared by fingerprint, which is the sum of one number per row; only where it differs are they
    compared one by one.
    """

    reads: tuple[str, ...] = ()

    def __init__(self, spec: TableSpec) -> None:
        self._columns = list(spec.model.to_schema().unique or ())
        unique = (_unique_rows(self._columns),) if self._columns else ()
        self.rules = (RECONCILES, AS_DELIVERED, *unique)

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """See `RuleGroup`."""
        columns = self._columns or audit_input.spec.columns
        joined, excluded = self.explain(audit_input, days)
        left_out, kept = _explained(joined, excluded, columns)
        if self.unmatched is not None:
            others = audit_input.row_count_of(self.reads[0], days) - sum(left_out.values()) - kept.rows
            left_out = {self.unmatched: others, **left_out}
        found, different = fingerprint(audit_input.rows(days), columns)
        expected, strange = kept, 0
        if found != expected or different != found.rows:
            expected, _ = fingerprint(self._kept(audit_input, days, columns).distinct(), columns)
        if found != expected:
            strange = self.broken_rows(AS_DELIVERED.name, audit_input, days).count()
        repeats = kept.rows - expected.rows
        breakdown = {**left_out, self.repeats: repeats, KEPT: expected.rows, "rows": found.rows}
        counted = {
            RECONCILES.name: _counted(left_out, kept.rows, abs(found.rows - expected.rows), breakdown),
            AS_DELIVERED.name: RuleCounts(found.rows, strange),
            UNIQUE_ROWS: RuleCounts(found.rows, found.rows - different),
        }
        return {rule.name: counted[rule.name] for rule in self.rules}

    def broken_rows(self, rule: str, audit_input: AuditInput, days: Days) -> DataFrame:
        """See `RuleGroup`."""
        rows, columns = audit_input.rows(days), self._columns or audit_input.spec.columns
        if rule == UNIQUE_ROWS:
            repeated = rows.groupBy(*columns).agg(F.count(F.lit(1)).alias(ROWS)).where(F.col(ROWS) > 1)
            return rows.join(repeated, columns, "left_semi")
        # By number, because columns without a value are equal to nothing.
        kept = self._kept(audit_input, days, columns).select(row_hash(*columns).alias("_number"))
        numbered = rows.withColumn("_number", row_hash(*columns))
        return numbered.join(kept, "_number", "left_anti").select(*audit_input.spec.columns)

    def _kept(self, audit_input: AuditInput, days: Days, columns: list[str]) -> DataFrame:
        joined, excluded = self.explain(audit_input, days)
        return joined.where(_reason(excluded) == len(excluded)).select(*columns)

    repeats = "duplicates"
    unmatched: str | None = None
    """What rows of the input are that have no part in the join, where it gives only those that have."""

    def explain(self, audit_input: AuditInput, days: Days) -> tuple[DataFrame, Mapping[str, Column]]:
        """The rows of the input, and why rows are left out; the first reason counts."""
        raise NotImplementedError


class Customers(Reconciled):
    """customer_trusted from customer_landing."""

    repeats = "earlier records of people"

    def explain(self, audit_input: AuditInput, days: Days) -> tuple[DataFrame, Mapping[str, Column]]:
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
        left_out, kept = _explained(joined, excluded, ["_of"])
        people = joined.where(_reason(excluded) == len(excluded)).select("_of").distinct().count()
        rows = audit_input.row_count(days)
        breakdown = {**left_out, self.repeats: kept.rows - people, KEPT: people, "rows": rows}
        strange = self.broken_rows(AS_DELIVERED.name, audit_input, days).count()
        return {
            RECONCILES.name: _counted(left_out, kept.rows, abs(rows - people), breakdown),
            AS_DELIVERED.name: RuleCounts(rows, strange),
        }


class CuratedCustomers(Reconciled):
    """customer_curated from customer_trusted."""

    def explain(self, audit_input: AuditInput, days: Days) -> tuple[DataFrame, Mapping[str, Column]]:
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

    def explain(self, audit_input: AuditInput, days: Days) -> tuple[DataFrame, Mapping[str, Column]]:
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
    unmatched = "of devices that nobody registered"

    def explain(self, audit_input: AuditInput, days: Days) -> tuple[DataFrame, Mapping[str, Column]]:
        """See `Reconciled`."""
        registered = audit_input.other("customer_landing").select(
            F.col("serialnumber").alias("_of_device"), canonical("email").alias("_registered")
        )
        active = audit_input.other("customer_curated").select(canonical("email").alias("_active"))
        in_use = (
            registered.join(active, F.col("_registered") == F.col("_active"), "left_semi")
            .select("_of_device")
            .distinct()
        )
        facts = devices(audit_input).join(in_use, F.col("_device") == F.col("_of_device"), "left")
        owned = F.col("serialnumber") == F.col("_device")
        joined = audit_input.other("step_trainer_landing", days).join(facts, owned)
        excluded = {}
        if audit_input.policy == "strict":
            excluded["of devices with several owners"] = ~F.col("_sole")
        excluded["of people without consent"] = F.col("_agreed").isNull()
        excluded["of people without accelerometer readings"] = F.col("_of_device").isNull()
        if audit_input.policy == "strict":
            excluded["before consent"] = F.col("sensorreadingtime") < F.col("_agreed")
        return joined, excluded


def _reason(excluded: Mapping[str, Column]) -> Column:
    """The number of the first reason why a row is left out; of a row that is kept, the number of reasons."""
    reason = F.lit(len(excluded))
    for number, condition in reversed(list(enumerate(excluded.values()))):
        reason = F.when(condition, F.lit(number)).otherwise(reason)
    return reason


def _explained(
    joined: DataFrame, excluded: Mapping[str, Column], columns: list[str]
) -> tuple[dict[str, int], Fingerprint]:
    """Counts the rows of an input by the first reason why they are left out.

    Returns:
        Rows by reason, and the fingerprint of the rows that are kept.
    """
    reason = F.col("_reason")
    kept = F.when(reason == len(excluded), summand(*columns))
    numbered = joined.withColumn("_reason", _reason(excluded)).select(reason, kept.alias("_number"))
    [row] = numbered.agg(
        *(F.count(F.when(reason == number, 1)).alias(f"of {number}") for number in range(len(excluded) + 1)),
        total(F.col("_number"), "number"),
    ).collect()
    left_out = {name: row[f"of {number}"] for number, name in enumerate(excluded)}
    return left_out, Fingerprint(row[f"of {len(excluded)}"], row["number"])


def _counted(
    left_out: Mapping[str, int], kept: int, difference: int, breakdown: Mapping[str, int]
) -> RuleCounts:
    return RuleCounts(sum(left_out.values()) + kept, difference, breakdown)


def _unique_rows(columns: list[str]) -> Rule:
    return Rule(
        UNIQUE_ROWS,
        f"No two rows are equal in {', '.join(columns)}: the sources send the same reading more than once, "
        "and research must not count it more than once.",
    )
