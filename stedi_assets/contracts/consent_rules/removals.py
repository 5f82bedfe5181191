"""The alarm for removals: one of many people may follow a mistake of the app, not their wishes."""

from collections.abc import Mapping

from pyspark.sql import DataFrame

from stedi_assets.contracts.rule import Rule, RuleCounts
from stedi_assets.lake.iceberg.record import removed_by
from stedi_assets.lake.refresh import AuditInput, Days

REMOVALS = Rule(
    "removals",
    "privacy_removals",
    "The run that last published the table removed at most STEDI_REMOVAL_SHARE percent of the people in it. "
    "Removals are never held back; if an export of the app was wrong, land a corrected one under a new name: "
    "its later records bring people back.",
    severity="warn",
    blocking=False,
    look="stedi privacy",
)


class Removals:
    """A table with one row per person, by the snapshots of the run that published it."""

    rules = (REMOVALS,)
    reads: tuple[str, ...] | None = ()

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """See `RuleGroup`."""
        published = audit_input.lake.pinned(audit_input.spec.name)
        removed, before = removed_by(audit_input.record.run, published.table) if published.exists else (0, 0)
        many = removed * 100 > before * audit_input.lake.removal_share
        breakdown = {"people before": before, "people removed": removed}
        return {
            REMOVALS.name: RuleCounts(before or audit_input.row_count(), removed if many else 0, breakdown)
        }

    def broken_rows(self, rule: str, audit_input: AuditInput, days: Days) -> DataFrame:
        """See `RuleGroup`; none, as these rows are gone."""
        return audit_input.rows(days).limit(0)
