"""Accounting rules: every line and row is somewhere, and it is said where."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.privacy import canonical, consents, devices, user_consents
from stedi_assets.contracts.rules import Examination, Finding, Rule
from stedi_assets.lake import Days, Evidence

NOTHING_LOST = Rule(
    "nothing_lost",
    "Every line of the landing files is accounted for: it became a row of this table, it waits in the "
    "quarantine with the reason, or it was empty.",
    explains=True,
)
NOTHING_QUARANTINED = Rule(
    "nothing_quarantined",
    "Every line of the landing files could be read. Lines that could not wait in the quarantine; they "
    "hold nothing up, but somebody should look at them.",
    severity="warn",
    blocking=False,
)
EVERYBODY_NAMED = Rule(
    "quarantine_names_people",
    "Every customer line that could not be read at least names the person that it is about, who is then"
    " treated as not consenting. A line that names nobody may be a withdrawal of consent that nobody "
    "can act on: find out what the app wanted to send, and have it send the line again.",
    blocking=False,
)
RECONCILES = Rule(
    "reconciles",
    "The rows of the table are explained by those of the tables that it is made from: so many were "
    "kept, so many left out, and why. Nothing disappears and nothing appears from nowhere.",
    explains=True,
)
KEPT = "kept"


@dataclass(frozen=True)
class LandingLines:
    """What became of the lines of the landing files."""

    rules: tuple[Rule, ...]

    @property
    def reads(self) -> tuple[str, ...] | None:
        """See `Examination`."""
        return None

    def findings(self, evidence: Evidence, days: Days) -> Mapping[str, Finding]:
        """See `Examination`."""
        counts, rows = evidence.record.counts, evidence.table.content.rows
        parts = {"rows": rows, "quarantined": counts["quarantined"], "empty lines": counts["empty"]}
        lost = abs(counts["lines"] - sum(parts.values()))
        nameless = counts.get("nameless", 0)
        found = {
            NOTHING_LOST.name: Finding(counts["lines"], lost, {"lines": counts["lines"], **parts}),
            NOTHING_QUARANTINED.name: Finding(
                counts["lines"], counts["quarantined"], dict(evidence.record.reasons)
            ),
            EVERYBODY_NAMED.name: Finding(counts["quarantined"], nameless),
        }
        return {rule.name: found[rule.name] for rule in self.rules}

    def broken_rows(self, rule: str, evidence: Evidence, days: Days) -> DataFrame:
        """See `Examination`; the lines are in the quarantine, none of them is a row."""
        return evidence.rows(days).limit(0)


class _Reconciled:
    """Rows in = rows kept + rows left out, by reason."""

    rules = (RECONCILES,)
    reads: tuple[str, ...] | None = ()

    def broken_rows(self, rule: str, evidence: Evidence, days: Days) -> DataFrame:
        """See `Examination`; a difference of counts is no row's fault."""
        return evidence.rows(days).limit(0)


class Customers(_Reconciled):
    """customer_trusted from customer_landing."""

    def findings(self, evidence: Evidence, days: Days) -> Mapping[str, Finding]:
        """See `Examination`."""
        records = evidence.other("customer_landing").select(canonical("email").alias("_of"), "lastupdatedate")
        held = evidence.held().select(F.col("person").alias("_held")).distinct()
        joined = records.join(consents(evidence), F.col("_of") == F.col("_person"), "left").join(
            held, F.col("_of") == F.col("_held"), "left"
        )
        excluded = {
            "dated in the future": F.col("lastupdatedate") > evidence.as_of,
            "of people who are held": F.col("_held").isNotNull(),
            "of people without consent": F.col("_person").isNull(),
        }
        left_out, kept, people = _explained(joined, excluded, ["_of"])
        return _reconciled(evidence, days, {**left_out, "earlier records of people": kept - people}, people)


class CuratedCustomers(_Reconciled):
    """customer_curated from customer_trusted."""

    def findings(self, evidence: Evidence, days: Days) -> Mapping[str, Finding]:
        """See `Examination`."""
        active = evidence.other("accelerometer_trusted").select(canonical("user").alias("_active")).distinct()
        joined = evidence.other("customer_trusted").join(
            active, canonical("email") == F.col("_active"), "left"
        )
        excluded = {"without readings": F.col("_active").isNull()}
        left_out, kept, _ = _explained(joined, excluded, ["email"])
        return _reconciled(evidence, days, left_out, kept)


class Accelerometer(_Reconciled):
    """accelerometer_trusted from accelerometer_landing."""

    reads = ("accelerometer_landing",)

    def findings(self, evidence: Evidence, days: Days) -> Mapping[str, Finding]:
        """See `Examination`."""
        readings = evidence.other("accelerometer_landing", days)
        joined = readings.join(user_consents(evidence, readings), F.col("user") == F.col("_key"), "left")
        excluded = {"of people without consent": F.col("_person").isNull()}
        if evidence.policy == "strict":
            excluded["before consent"] = F.col("timestamp") < F.col("_consent")
        left_out, kept, different = _explained(joined, excluded, ["user", "timestamp", "x", "y", "z"])
        return _reconciled(evidence, days, {**left_out, "duplicates": kept - different}, different)


class StepTrainer(_Reconciled):
    """step_trainer_trusted from step_trainer_landing."""

    reads = ("step_trainer_landing",)

    def findings(self, evidence: Evidence, days: Days) -> Mapping[str, Finding]:
        """See `Examination`."""
        registered = evidence.other("customer_landing").select(
            F.col("serialnumber").alias("_of_device"), canonical("email").alias("_registered")
        )
        active = evidence.other("customer_curated").select(canonical("email").alias("_active"))
        in_use = (
            registered.join(active, F.col("_registered") == F.col("_active"), "left_semi")
            .select("_of_device")
            .distinct()
        )
        facts = devices(evidence).join(in_use, F.col("_device") == F.col("_of_device"), "left")
        owned = F.col("serialnumber") == F.col("_device")
        joined = evidence.other("step_trainer_landing", days).join(facts, owned, "left")
        excluded = {"of devices that nobody registered": F.col("_device").isNull()}
        if evidence.policy == "strict":
            excluded["of devices with several owners"] = ~F.col("_sole")
        excluded["of people without consent"] = F.col("_agreed").isNull()
        excluded["of people without accelerometer readings"] = F.col("_of_device").isNull()
        if evidence.policy == "strict":
            excluded["before consent"] = F.col("sensorreadingtime") < F.col("_agreed")
        columns = ["sensorreadingtime", "serialnumber", "distancefromobject"]
        left_out, kept, different = _explained(joined, excluded, columns)
        return _reconciled(evidence, days, {**left_out, "duplicates": kept - different}, different)


class PairedReadings(_Reconciled):
    """machine_learning_curated from the trusted readings: per instant, each of one with each of the other."""

    reads = ("accelerometer_trusted", "step_trainer_trusted")

    def findings(self, evidence: Evidence, days: Days) -> Mapping[str, Finding]:
        """See `Examination`."""
        people = evidence.other("customer_curated").select(
            canonical("email").alias("_person"), F.col("serialnumber").alias("_device")
        )
        steps = evidence.other("step_trainer_trusted", days).join(
            people, F.col("serialnumber") == F.col("_device")
        )
        readings = evidence.other("accelerometer_trusted", days)
        who = (F.lit(""), F.lit(""))
        if evidence.policy == "strict":
            who = (canonical("user"), F.col("_person"))
        else:
            steps = steps.dropDuplicates(["sensorreadingtime", "serialnumber", "distancefromobject"])
        one, none = F.lit(1).cast("bigint"), F.lit(0).cast("bigint")
        sensed = readings.select(
            who[0].alias("who"), F.col("timestamp").alias("at"), one.alias("readings"), none.alias("steps")
        ).unionAll(
            steps.select(
                who[1].alias("who"),
                F.col("sensorreadingtime").alias("at"),
                none.alias("readings"),
                one.alias("steps"),
            )
        )
        instants = sensed.groupBy("who", "at").agg(
            F.sum("readings").alias("readings"), F.sum("steps").alias("steps")
        )
        lonely = F.col("steps") == 0
        [row] = instants.agg(
            _total(F.when(lonely, F.col("readings")), "without"),
            _total(F.when(~lonely, F.col("readings")), "with"),
            _total(F.col("readings") * F.col("steps"), "pairs"),
        ).collect()
        breakdown = {
            "accelerometer readings without a step-trainer reading": row["without"],
            "accelerometer readings with one": row["with"],
            "pairs": row["pairs"],
        }
        rows = evidence.row_count(days)
        return {RECONCILES.name: Finding(row["pairs"], abs(row["pairs"] - rows), {**breakdown, "rows": rows})}


def _explained(
    joined: DataFrame, excluded: Mapping[str, Column], columns: list[str]
) -> tuple[dict[str, int], int, int]:
    """Counts the rows of an input by the first reason why they are left out.

    Returns:
        Rows by reason, rows that are kept, and how many of these differ in some columns.
    """
    reason = F.lit(KEPT)
    for name, condition in reversed(list(excluded.items())):
        reason = F.when(condition, F.lit(name)).otherwise(reason)
    number = F.when(reason == KEPT, F.xxhash64(*columns))
    counted = (
        joined.select(reason.alias("reason"), number.alias("number"))
        .groupBy("reason")
        .agg(F.count(F.lit(1)).alias("rows"), F.count_distinct("number").alias("different"))
        .collect()
    )
    found = {row["reason"]: row["rows"] for row in counted}
    different = next((row["different"] for row in counted if row["reason"] == KEPT), 0)
    return {name: found.get(name, 0) for name in excluded}, found.get(KEPT, 0), different


def _reconciled(
    evidence: Evidence, days: Days, left_out: Mapping[str, int], kept: int
) -> Mapping[str, Finding]:
    rows = evidence.row_count(days)
    breakdown = {**left_out, KEPT: kept, "rows": rows}
    return {RECONCILES.name: Finding(sum(left_out.values()) + kept, abs(kept - rows), breakdown)}


def _total(column: Column, name: str) -> Column:
    return F.coalesce(F.sum(column), F.lit(0)).alias(name)


ACCOUNTING: Mapping[str, tuple[Examination, ...]] = {
    "customer_landing": (LandingLines((NOTHING_LOST, NOTHING_QUARANTINED, EVERYBODY_NAMED)),),
    "accelerometer_landing": (LandingLines((NOTHING_LOST, NOTHING_QUARANTINED)),),
    "step_trainer_landing": (LandingLines((NOTHING_LOST, NOTHING_QUARANTINED)),),
    "customer_trusted": (Customers(),),
    "accelerometer_trusted": (Accelerometer(),),
    "customer_curated": (CuratedCustomers(),),
    "step_trainer_trusted": (StepTrainer(),),
    "machine_learning_curated": (PairedReadings(),),
}
