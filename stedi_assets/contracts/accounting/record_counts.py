"""The records of landing files, accounted for: each a row, in the quarantine, empty or erased."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from stedi_assets.contracts.rule import Rule, RuleCounts
from stedi_assets.lake.refresh import AuditInput, Days

QUARANTINE = "stedi quarantine --show"
LEDGER = "stedi sql \"select path, reason from ledger where outcome = 'refused'\""
NOTHING_LOST = Rule(
    "nothing_lost",
    "rows_nothing_lost",
    "Every line of the landing files is accounted for: it became a row of this table, it is in the "
    "quarantine with the reason, it was empty, or it is about a person who was erased.",
    explains=True,
    look="stedi run --full --select {table}",
)
NOTHING_QUARANTINED = Rule(
    "nothing_quarantined",
    "rows_quarantined",
    "Every line of the landing files could be read. A line that cannot be read goes to the quarantine. It "
    "blocks nothing, but someone should look at it.",
    severity="warn",
    blocking=False,
    look=QUARANTINE,
)
PEOPLE_NAMED = Rule(
    "quarantine_names_people",
    "rows_name_people",
    "Every customer line that cannot be read at least names a person. If a customer line cannot be read but "
    "names a person, that person counts as not consenting until the line is fixed. A line that names no one "
    "may be a withdrawal of consent that no one can act on: find out what the app wanted to send, and have "
    "it send the line again.",
    blocking=False,
    look=QUARANTINE,
)
NOTHING_REFUSED = Rule(
    "nothing_refused",
    "rows_refused",
    "Every file below the source folder could be read as JSON. A file that is refused as a whole is in the "
    "ledger with the reason. It blocks nothing, but someone should look at it.",
    severity="warn",
    blocking=False,
    look=LEDGER,
)
REFUSED_HOLD_NO_PEOPLE = Rule(
    "refused_hold_no_people",
    "rows_refused",
    "No customer file that is refused as a whole may hold a withdrawal of consent: none of them is JSON, and "
    "all of them can be opened. Otherwise a person who withdrew may still be in the tables: fix the file as "
    "the ledger says.",
    blocking=False,
    look=LEDGER,
)
AS_SENT = Rule(
    "values_come_as_they_should",
    "plausible_values",
    "Every value of the landing files has the type of its field. A value on which nothing depends, such as a "
    "phone number, does not cost its record: a number lands as its text, and what is missing or has another "
    "type lands as null.",
    severity="warn",
    blocking=False,
    look='stedi sql "select path, coerced from ledger where coerced > 0"',
)


@dataclass(frozen=True)
class RecordCounts:
    """Rules that are answered by the counts in the record of a landing table."""

    rules: tuple[Rule, ...]

    @property
    def reads(self) -> tuple[str, ...] | None:
        """See `RuleGroup`."""
        return None

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """See `RuleGroup`."""
        record, rows = audit_input.record, audit_input.audited.content.rows
        lines, quarantined = record.counts["lines"], record.counts["quarantined"]
        parts = {"rows": rows, "quarantined": quarantined, "empty lines": record.counts["empty"]}
        if erased := record.counts.get("erased", 0):
            parts["erased"] = erased
        lost = abs(lines - sum(parts.values()))
        counted = {
            NOTHING_LOST.name: RuleCounts(lines, lost, {"lines": lines, **parts}),
            NOTHING_QUARANTINED.name: RuleCounts(lines, quarantined, dict(record.reasons)),
            PEOPLE_NAMED.name: RuleCounts(quarantined, record.counts.get("nameless", 0)),
        }
        refused, doubtful = (record.counts.get(name, 0) for name in ("refused", "doubtful"))
        files = record.counts["files"] + refused
        counted[NOTHING_REFUSED.name] = RuleCounts(files, refused)
        counted[REFUSED_HOLD_NO_PEOPLE.name] = RuleCounts(files, doubtful)
        counted[AS_SENT.name] = RuleCounts(rows, record.counts.get("coerced", 0))
        return {rule.name: counted[rule.name] for rule in self.rules}

    def broken_rows(self, rule: str, audit_input: AuditInput, days: Days) -> DataFrame:
        """See `RuleGroup`; none, because the lines are in the quarantine."""
        return audit_input.rows(days).limit(0)


READING_RECORDS = RecordCounts((NOTHING_LOST, NOTHING_QUARANTINED, NOTHING_REFUSED))
CUSTOMER_RECORDS = RecordCounts((*READING_RECORDS.rules, PEOPLE_NAMED, REFUSED_HOLD_NO_PEOPLE, AS_SENT))
