"""Accounting rules: every line and row is somewhere, and it is said where."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.consent_rules.rules import (
    ONE_PERSON_PER_ROW,
    canonical,
    consents,
    devices,
    last_readings,
    mixed_rows,
    rows_that_mix_people,
    user_consents,
    with_subject,
)
from stedi_assets.contracts.rule import ROWS, Rule, RuleCounts
from stedi_assets.lake import AuditInput, Days
from stedi_assets.tables import TableSpec
from stedi_assets.transforms.row_hash import row_hash

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
UNIQUE_ROWS = "unique_rows"
MASK = 2**31 - 1  # products of two such numbers fit into 64 bits, and so do sums of 2^31 of them
KEPT = "kept"


@dataclass(frozen=True)
class LandingLines:
    """What became of the lines of the landing files."""

    rules: tuple[Rule, ...]

    @property
    def reads(self) -> tuple[str, ...] | None:
        """See `RuleGroup`."""
        return None

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """See `RuleGroup`."""
        counts, rows = audit_input.record.counts, audit_input.content.rows
        parts = {"rows": rows, "quarantined": counts["quarantined"], "empty lines": counts["empty"]}
        lost = abs(counts["lines"] - sum(parts.values()))
        nameless = counts.get("nameless", 0)
        found = {
            NOTHING_LOST.name: RuleCounts(counts["lines"], lost, {"lines": counts["lines"], **parts}),
            NOTHING_QUARANTINED.name: RuleCounts(
                counts["lines"], counts["quarantined"], dict(audit_input.record.reasons)
            ),
            EVERYBODY_NAMED.name: RuleCounts(counts["quarantined"], nameless),
        }
        return {rule.name: found[rule.name] for rule in self.rules}

    def broken_rows(self, rule: str, audit_input: AuditInput, days: Days) -> DataFrame:
        """See `RuleGroup`; the lines are in the quarantine, none of them is a row."""
        return audit_input.rows(days).limit(0)


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
        found, different = _fingerprint(audit_input.rows(days), columns)
        expected, strange = kept, 0
        if found != expected or different != found.rows:
            expected, _ = _fingerprint(self._kept(audit_input, days, columns).distinct(), columns)
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
                _total(F.col("steps"), "pairs"),
                _total(_small(F.col("reading") * F.col("step")), "number"),
            )
            .collect()
        )
        rows = with_subject(audit_input.rows(days))
        numbers = rows.select(self._summand().alias("number"))
        [made] = numbers.agg(_total(F.col("number"), "number")).collect()
        checked, mixed, wrong = audit_input.row_count(days), 0, 0
        same = (wanted["pairs"], wanted["number"] & MASK) == (checked, made["number"] & MASK)
        if not same:
            expected, found = _pairs(readings, steps), self._found(audit_input, days)
            groups = expected.join(found, INSTANT, "full_outer").fillna(0)
            differ = (F.col("pairs") != F.col("rows")) | (F.col("number") != F.col("found"))
            most = F.greatest("pairs", "rows")
            [row] = groups.where(differ).agg(_total(most, "rows")).collect()
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
        return _small(reading * summand("timestamp", "distancefromobject"))


INSTANT = ["subject", "at"]


def _by_instant(rows: DataFrame, number: str, count: str) -> DataFrame:
    """Per subject and instant: how many rows there are, and what their numbers add up to."""
    return rows.groupBy(*INSTANT).agg(F.count(F.lit(1)).alias(count), _small(F.sum(number)).alias(number))


def _pairs(readings: DataFrame, steps: DataFrame) -> DataFrame:
    """Per subject and instant with readings of either kind: the pairs that they make, and their number."""
    both = _by_instant(readings, "reading", "readings").join(_by_instant(steps, "step", "steps"), INSTANT)
    return both.select(
        *INSTANT,
        (F.col("readings") * F.col("steps")).alias("pairs"),
        _small(F.col("reading") * F.col("step")).alias("number"),
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


@dataclass(frozen=True)
class Fingerprint:
    """How many rows there are, and the sum of their numbers."""

    rows: int
    number: int


def _fingerprint(rows: DataFrame, columns: list[str]) -> tuple[Fingerprint, int]:
    """The fingerprint of rows, and how many of them are different."""
    # One number per row: to count different combinations of columns takes the engine minutes.
    hashes = rows.select(row_hash(*columns).alias("hash"))
    equal = hashes.groupBy("hash").agg(F.count(F.lit(1)).alias("rows"))
    [row] = equal.agg(
        _total(F.col("rows"), "rows"),
        _total(_odd(F.col("hash")) * F.col("rows"), "number"),
        F.count(F.lit(1)).alias("different"),
    ).collect()
    return Fingerprint(row["rows"], row["number"]), row["different"]


def summand(*columns: str) -> Column:
    """An odd number from the hash of a row, small enough to add up those of all rows."""
    return _odd(row_hash(*columns))


def _odd(number: Column) -> Column:
    return _small(number).bitwiseOR(F.lit(1))


def _small(number: Column) -> Column:
    return number.bitwiseAND(F.lit(MASK))


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
        _total(F.col("_number"), "number"),
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


def _total(column: Column, name: str) -> Column:
    return F.coalesce(F.sum(column), F.lit(0)).alias(name)


CUSTOMER_LINES = LandingLines((NOTHING_LOST, NOTHING_QUARANTINED, EVERYBODY_NAMED))
READING_LINES = LandingLines((NOTHING_LOST, NOTHING_QUARANTINED))
