"""Asset checks: their specs, their results, and the sentence about a refused publish.

Here belongs how rules and their counts look in Dagster; the rules themselves belong in `contracts`. Counts,
names and aggregates only: no value of a row gets here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from stedi_assets.contracts.rule import PLAUSIBLE_VALUES, SCHEMA, Check, RuleResult
from stedi_assets.schemas.checks import Severity
from stedi_assets.tables import TableSpec

RULES = "rules"
PASSED, WARNED, FAILED = "passed", "warned", "failed"
SEVERITIES = {"error": dg.AssetCheckSeverity.ERROR, "warn": dg.AssetCheckSeverity.WARN}
OUTCOMES = {"error": FAILED, "warn": WARNED}
RULE_COLUMNS = dg.TableSchema(
    [
        dg.TableColumn("rule", "string"),
        dg.TableColumn("result", "string"),
        dg.TableColumn("what must hold", "string"),
        dg.TableColumn("checked", "int"),
        dg.TableColumn("broken", "int"),
    ]
)
OF_THE_MODEL = {
    SCHEMA: "Columns, types and values of the table are as its model says, and its keys are unique.",
    PLAUSIBLE_VALUES: "The values of the table are plausible. Nothing depends on the ones that are not.",
}


def check_spec(check: Check, key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The spec of an asset check."""
    what = OF_THE_MODEL.get(check.name) or "\n\n".join(rule.description for rule in check.rules)
    consequence = max(check.rules, key=lambda rule: rule.blocking).consequence
    description = f"{what}\n\nIf broken, {consequence}"
    return dg.AssetCheckSpec(check.name, asset=key, description=description, blocking=check.blocking)


def check_results(
    results: Iterable[RuleResult], key: dg.AssetKey, days: int | None = None
) -> Iterator[dg.AssetCheckResult]:
    """The results of the asset checks of a table, each with a table of its rules.

    Args:
        results: The results of all rules of the table.
        key: Asset key of the table.
        days: Number of days in the table, if it is partitioned by day.
    """
    found = {result.rule.name: result for result in results}
    for check in Check.of(result.rule for result in found.values()):
        own = [found[rule.name] for rule in check.rules]
        broken = [result for result in own if not result.passed]
        metadata: dict[str, Any] = {RULES: _rules_table(own)}
        for result in own:
            if result.counts.breakdown:
                metadata[result.rule.name] = _counts_table(result.counts.breakdown)
        if checked := [result.counts.days for result in own if result.counts.days is not None]:
            metadata["days checked"] = f"{min(checked):,} of {days or 0:,}"
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=check.name,
            passed=not broken,
            severity=SEVERITIES[_severity(broken or own)],
            description=_what_to_do(broken, key.path[-1]) if broken else None,
            metadata=metadata,
        )


def rules_of(evaluation: dg.AssetCheckEvaluation) -> Iterator[Mapping[str, Any]]:
    """The table of rules of a recorded check, record by record; none if it is no check of rules."""
    rules = evaluation.metadata.get(RULES)
    if isinstance(rules, dg.TableMetadataValue):
        yield from (record.data for record in rules.records)


def rule_record(result: RuleResult) -> dict[str, str | int]:
    """The record of a rule in the table of its check, under RULE_COLUMNS."""
    return {
        "rule": result.rule.name,
        "result": PASSED if result.passed else OUTCOMES[result.rule.severity],
        "what must hold": result.rule.description,
        "checked": result.counts.checked,
        "broken": result.counts.broken,
    }


def _rules_table(results: Iterable[RuleResult]) -> dg.TableMetadataValue:
    records = [dg.TableRecord(rule_record(result)) for result in results]
    return dg.MetadataValue.table(records=records, schema=RULE_COLUMNS)


def _severity(results: Iterable[RuleResult]) -> Severity:
    return "error" if any(result.rule.severity == "error" for result in results) else "warn"


def _what_to_do(broken: Iterable[RuleResult], table: str) -> str:
    """What is broken, and the commands that show it."""
    return " ".join(
        f"{result.rule.name} is broken by {result.counts.broken:,} of {result.counts.checked:,}: "
        f"look with `{result.rule.look_at(table)}`."
        for result in broken
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
    rules = [result.rule for result in refused if not result.rule.explains] or [refused[0].rule]
    show = f"`{rules[0].look_at(spec.name)}`"
    return f"{spec.name}: {what}: {found}; see the rows with {show}, and fix what made them."


def _counts_table(counts: Mapping[str, int]) -> dg.TableMetadataValue:
    """Counts by name as a table."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord({"what": name, "rows": count}) for name, count in counts.items()],
        schema=dg.TableSchema([dg.TableColumn("what", "string"), dg.TableColumn("rows", "int")]),
    )
