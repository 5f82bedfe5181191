"""Every landing record is accounted for."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from stedi_assets.contracts.rule import Rule, RuleCounts
from stedi_assets.lake import AuditInput, Days

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


CUSTOMER_LINES = LandingLines((NOTHING_LOST, NOTHING_QUARANTINED, EVERYBODY_NAMED))
READING_LINES = LandingLines((NOTHING_LOST, NOTHING_QUARANTINED))
