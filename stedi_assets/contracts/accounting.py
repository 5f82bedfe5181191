"""Accounting rules: every line and row is somewhere, and it is said where."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.privacy import canonical, consents, devices, user_consents
from stedi_assets.contracts.rules import Examination, Finding, Rule
from stedi_assets.lake import Days, Evidence
from stedi_assets.schemas.landing import AccelerometerRecord, CustomerRecord, StepTrainerRecord

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
AS_DELIVERED = Rule(
    "as_delivered",
    "Every row of the table is one of those that it is made from, value by value: nothing was swapped, "
    "converted or given to somebody else on the way.",
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


@dataclass(frozen=True)
class Sources:
    """The rows that a table is made from, and why some of them are left out.

    Attributes:
        rows: The rows, each once.
        left_out: When a row is left out, by the reason; the first one that holds counts.
    """

    rows: DataFrame
    left_out: Mapping[str, Column]

    @property
    def reason(self) -> Column:
        """Why a row is left out, or KEPT."""
        reason = F.lit(KEPT)
        for name, condition in reversed(list(self.left_out.items())):
            reason = F.when(condition, F.lit(name)).otherwise(reason)
        return reason


class _Reconciled:
    """Rows in = rows kept + rows left out, by reason; and those that are kept are the rows of the table."""

    rules: tuple[Rule, ...] = (RECONCILES, AS_DELIVERED)
    reads: tuple[str, ...] | None = ()
    columns: Sequence[str] = CustomerRecord.to_structtype().names
    """Columns in which a row of the table is the row that it was made from."""
    identity: Sequence[str] | None = None
    """Columns in which kept rows differ, if they make different rows; all of these where there is none."""
    repeated = "duplicates"
    """What further kept rows are that are equal in these."""

    def sources(self, evidence: Evidence, days: Days) -> Sources:
        """What the table is made from."""
        raise NotImplementedError

    def findings(self, evidence: Evidence, days: Days) -> Mapping[str, Finding]:
        """See `Examination`."""
        sources = self.sources(evidence, days)
        number = F.when(F.col("reason") == KEPT, _number(self.identity or self.columns))
        counted = (
            sources.rows.withColumn("reason", sources.reason)
            .select("reason", number.alias("number"))
            .groupBy("reason", "number")
            .agg(F.count(F.lit(1)).alias("rows"))
            .groupBy("reason")
            .agg(F.sum("rows").alias("rows"), F.count("number").alias("different"), _checksum("number"))
            .collect()
        )
        found = {row["reason"]: row for row in counted}
        left_out = {name: found[name]["rows"] if name in found else 0 for name in sources.left_out}
        kept, checksum = (found[KEPT]["different"], found[KEPT]["checksum"]) if KEPT in found else (0, 0)
        left_out[self.repeated] = (found[KEPT]["rows"] if KEPT in found else 0) - kept
        rows = evidence.row_count(days)
        total = sum(left_out.values()) + kept
        return {
            RECONCILES.name: Finding(total, abs(kept - rows), {**left_out, KEPT: kept, "rows": rows}),
            AS_DELIVERED.name: Finding(rows, self._changed_rows(evidence, days, checksum)),
        }

    def broken_rows(self, rule: str, evidence: Evidence, days: Days) -> DataFrame:
        """See `Examination`; a difference of counts is no row's fault."""
        return self._changed(evidence, days) if rule == AS_DELIVERED.name else evidence.rows(days).limit(0)

    def _changed_rows(self, evidence: Evidence, days: Days, checksum: int) -> int:
        if self.identity is None:
            numbers = evidence.rows(days).select(_number(self.columns).alias("number"))
            [own] = numbers.agg(_checksum("number")).collect()
            if own["checksum"] == checksum:
                return 0  # to find the rows that differ costs more
        return self._changed(evidence, days).count()

    def _changed(self, evidence: Evidence, days: Days) -> DataFrame:
        """Rows of the table that are none of those that are kept."""
        sources = self.sources(evidence, days)
        kept = sources.rows.where(sources.reason == KEPT).select(_number(self.columns).alias("_kept"))
        rows = evidence.rows(days).withColumn("_number", _number(self.columns))
        changed = rows.join(kept.distinct(), F.col("_number") == F.col("_kept"), "left_anti")
        return changed.drop("_number")


class Customers(_Reconciled):
    """customer_trusted from customer_landing."""

    identity = ("_of",)
    repeated = "earlier records of people"

    def sources(self, evidence: Evidence, days: Days) -> Sources:
        """What the table is made from."""
        records = evidence.other("customer_landing").withColumn("_of", canonical("email"))
        held = evidence.held().select(F.col("person").alias("_held")).distinct()
        joined = records.join(consents(evidence), F.col("_of") == F.col("_person"), "left").join(
            held, F.col("_of") == F.col("_held"), "left"
        )
        left_out = {
            "dated in the future": F.col("lastupdatedate") > evidence.as_of,
            "of people who are held": F.col("_held").isNotNull(),
            "of people without consent": F.col("_person").isNull(),
        }
        return Sources(joined, left_out)


class CuratedCustomers(_Reconciled):
    """customer_curated from customer_trusted."""

    def sources(self, evidence: Evidence, days: Days) -> Sources:
        """What the table is made from."""
        active = evidence.other("accelerometer_trusted").select(canonical("user").alias("_active")).distinct()
        joined = evidence.other("customer_trusted").join(
            active, canonical("email") == F.col("_active"), "left"
        )
        return Sources(joined, {"without readings": F.col("_active").isNull()})


class Accelerometer(_Reconciled):
    """accelerometer_trusted from accelerometer_landing."""

    reads = ("accelerometer_landing",)
    columns = AccelerometerRecord.to_structtype().names

    def sources(self, evidence: Evidence, days: Days) -> Sources:
        """What the table is made from."""
        readings = evidence.other("accelerometer_landing", days)
        joined = readings.join(user_consents(evidence, readings), F.col("user") == F.col("_key"), "left")
        left_out = {"of people without consent": F.col("_person").isNull()}
        if evidence.policy == "strict":
            left_out["before consent"] = F.col("timestamp") < F.col("_consent")
        return Sources(joined, left_out)


class StepTrainer(_Reconciled):
    """step_trainer_trusted from step_trainer_landing."""

    reads = ("step_trainer_landing",)
    columns = StepTrainerRecord.to_structtype().names

    def sources(self, evidence: Evidence, days: Days) -> Sources:
        """What the table is made from."""
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
        left_out = {"of devices that nobody registered": F.col("_device").isNull()}
        if evidence.policy == "strict":
            left_out["of devices with several owners"] = ~F.col("_sole")
        left_out["of people without consent"] = F.col("_agreed").isNull()
        left_out["of people without accelerometer readings"] = F.col("_of_device").isNull()
        if evidence.policy == "strict":
            left_out["before consent"] = F.col("sensorreadingtime") < F.col("_agreed")
        return Sources(joined, left_out)


class PairedReadings:
    """machine_learning_curated from the trusted readings: per instant, each of one with each of the other."""

    rules = (RECONCILES,)
    reads: tuple[str, ...] | None = ("accelerometer_trusted", "step_trainer_trusted")

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

    def broken_rows(self, rule: str, evidence: Evidence, days: Days) -> DataFrame:
        """See `Examination`; a difference of counts is no row's fault."""
        return evidence.rows(days).limit(0)


def _total(column: Column, name: str) -> Column:
    return F.coalesce(F.sum(column), F.lit(0)).alias(name)


def _number(columns: Iterable[str]) -> Column:
    """A number for the values of some columns."""
    # Sail stops at a hash of columns of which a data file has one value each (known from its statistics),
    # unless there is something among them that it cannot know beforehand.
    return F.xxhash64(*columns, F.monotonically_increasing_id() < 0)


def _checksum(number: str) -> Column:
    """Equal for the same numbers in any order; made of their upper halves, whose sum does not overflow."""
    return _total(F.shiftright(number, 32), "checksum")


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
