"""Asset checks: the spec of a rule, the result of a rule, and the sentence about a refused publish.

Here belongs how a rule and its counts look in Dagster; the rules themselves belong in `contracts`. Counts,
names and aggregates only: no value of a row gets here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from stedi_assets.contracts import Rule, RuleResult
from stedi_assets.tables import TableSpec

CHECKED, BROKEN = "checked", "broken"
SEVERITIES = {"error": dg.AssetCheckSeverity.ERROR, "warn": dg.AssetCheckSeverity.WARN}


def check_spec(rule: Rule, key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The asset check of a rule."""
    description = f"{rule.description}\n\nIf broken, {rule.consequence}"
    return dg.AssetCheckSpec(rule.name, asset=key, description=description, blocking=rule.blocking)


def check_result(result: RuleResult, key: dg.AssetKey, days: int | None = None) -> dg.AssetCheckResult:
    """The result of an asset check, with its counts.

    Args:
        result: The result of the rule.
        key: Asset key of the table.
        days: Number of days in the table, if it is partitioned by day.
    """
    counts = result.counts
    metadata: dict[str, Any] = {CHECKED: counts.checked, BROKEN: counts.broken}
    if counts.days is not None:
        metadata["days checked"] = f"{counts.days:,} of {days or 0:,}"
    if counts.breakdown:
        metadata["breakdown"] = _counts_table(counts.breakdown)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=result.rule.name,
        passed=result.passed,
        severity=SEVERITIES[result.rule.severity],
        metadata=metadata,
    )


def breakdowns(results: Iterable[RuleResult]) -> dict[str, Any]:
    """Metadata of a materialization that explains its rows, by rule."""
    return {
        result.rule.name: _counts_table(result.counts.breakdown) for result in results if result.rule.explains
    }


def refusal(spec: TableSpec, refused: Sequence[RuleResult], *, published: bool) -> str:
    """The sentence about a table that breaks blocking rules.

    Args:
        spec: The table.
        refused: The results that block the publish.
        published: Whether the published table breaks them, not a new version of it.
    """
    found = ", ".join(
        f"{result.rule.name} is broken by {result.counts.broken:,} of {result.counts.checked:,} rows"
        for result in refused
    )
    what = "the published table breaks its contract" if published else "publish refused, table unchanged"
    # A rule about counts names no rows, so another rule is the better one to show.
    rules = [result.rule.name for result in refused if not result.rule.explains]
    show = f"`stedi check {spec.name} --show {(rules or [refused[0].rule.name])[0]}`"
    return f"{spec.name}: {what}: {found}; see the rows with {show}, and fix what made them."


def _counts_table(counts: Mapping[str, int]) -> dg.TableMetadataValue:
    """Counts by name as a table."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord({"what": name, "rows": count}) for name, count in counts.items()],
        schema=dg.TableSchema([dg.TableColumn("what", "string"), dg.TableColumn("rows", "int")]),
    )
