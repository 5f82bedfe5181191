"""The anonymity meter: how many rows of the machine-learning table single out one person.

Who holds the readings with emails can look a row up in them: by its instant, by its values, or by both.
"""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.consent_rules.consent_facts import canonical
from stedi_assets.contracts.rule import Rule, RuleCounts
from stedi_assets.lake.refresh import AuditInput, Days

LINKABILITY = Rule(
    "linkability",
    "privacy_linkability",
    "A measure that never fails: how many rows have an instant, values, or both, that only one person in "
    "accelerometer_trusted or accelerometer_landing has. Those who hold these tables can tell whose row it "
    "is, so the data set is pseudonymous, not anonymous.",
    severity="warn",
    blocking=False,
    explains=True,
)
INSTANT, VALUES = ["timestamp"], ["x", "y", "z"]
LOOK_UPS = {
    "instant in accelerometer_landing": ("accelerometer_landing", INSTANT),
    "instant in accelerometer_trusted": ("accelerometer_trusted", INSTANT),
    "values in accelerometer_trusted": ("accelerometer_trusted", VALUES),
    "instant and values in accelerometer_trusted": ("accelerometer_trusted", [*INSTANT, *VALUES]),
}


class Linkability:
    """machine_learning_curated: its rows looked up among readings of the days under audit."""

    rules = (LINKABILITY,)
    reads: tuple[str, ...] | None = ("accelerometer_landing", "accelerometer_trusted")

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """See `RuleGroup`."""
        rows = audit_input.rows(days).select(*INSTANT, *VALUES)
        for name, (table, by) in LOOK_UPS.items():
            rows = rows.join(_of_one_person(audit_input.other(table, days), by, name), by, "left")
        singled_out = [F.count_if(F.col(f"`{name}`")).alias(name) for name in LOOK_UPS]
        [row] = rows.agg(F.count(F.lit(1)).alias("rows"), *singled_out).collect()
        breakdown = {"rows": row["rows"]} | {f"singled out by {name}": row[name] for name in LOOK_UPS}
        return {LINKABILITY.name: RuleCounts(row["rows"], 0, breakdown)}

    def broken_rows(self, rule: str, audit_input: AuditInput, days: Days) -> DataFrame:
        """See `RuleGroup`; none, as it is a measure."""
        return audit_input.rows(days).limit(0)


def _of_one_person(readings: DataFrame, by: list[str], name: str) -> DataFrame:
    """The distinct values of some columns, and whether only one person has them."""
    person = canonical("user")
    return readings.groupBy(*by).agg((F.min(person) == F.max(person)).alias(name))
