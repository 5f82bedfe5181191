"""What Dagster is told about a table: at definition time from its spec, per run from its outcome.

Counts, names and aggregates only: no value of a row ever gets here.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import dagster as dg

from stedi_assets.contracts import FEWEST_PEOPLE, Profile, Rule, RuleResult
from stedi_assets.lake import Outcome, Removal
from stedi_assets.orchestration.naming import Naming
from stedi_assets.orchestration.refreshing.charts import days_chart, distribution_chart
from stedi_assets.tables import DAY, Tables, TableSpec

PERSONAL_TAG = "personal"
ROWS_REMOVED, CHECKED, BROKEN = "rows removed", "checked", "broken"
SNAPSHOT, PROFILE, CHARTS = "snapshot id", "profile", "charts"
SEVERITIES = {"error": dg.AssetCheckSeverity.ERROR, "warn": dg.AssetCheckSeverity.WARN}


def column_schema(spec: TableSpec) -> dg.TableSchema:
    """The columns of a table with types, descriptions and which of them are personal."""
    described = spec.model.to_schema().columns
    personal = set(spec.personal_columns)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.dataType.simpleString(),
                description=described[column.name].description,
                constraints=dg.TableColumnConstraints(nullable=described[column.name].nullable),
                tags={PERSONAL_TAG: ""} if column.name in personal else {},
            )
            for column in spec.schema
        ]
    )


def column_lineage(spec: TableSpec, naming: Naming) -> dg.TableColumnLineage:
    """Where each column comes from: the column of that name in the first input that has it.

    Args:
        spec: The table; its `lineage` names the exceptions.
        naming: What assets are called.
    """
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(asset_key=naming.key(table), column_name=origin)
                for table, _, origin in (origin.partition(".") for origin in origins)
            ]
            for column in spec.columns
            if (origins := spec.lineage.get(column) or _same_column(spec, column, naming.tables))
        }
    )


def definition_metadata(spec: TableSpec, naming: Naming) -> dict[str, Any]:
    """Metadata that an asset has before it is ever materialized."""
    return {
        "dagster/column_schema": column_schema(spec),
        "dagster/column_lineage": column_lineage(spec, naming),
        "zone": spec.zone,
        "partitioned by": DAY if spec.partitioned else "not partitioned",
    }


def outcome_metadata(
    outcome: Outcome,
    naming: Naming,
    seconds: float,
    audit_seconds: float,
    as_of: int,
) -> dict[str, Any]:
    """Metadata of one materialization.

    Args:
        outcome: What was refreshed.
        naming: What assets are called.
        seconds: How long planning, staging and auditing took.
        audit_seconds: How long of that auditing took.
        as_of: The instant at which this run judged consent, epoch ms.
    """
    spec, content, record = outcome.plan.spec, outcome.content, outcome.record
    counts = {f"landing {name.replace('_', ' ')}": count for name, count in record.counts.items()}
    return {
        "changed": outcome.changed,
        "what changed": "; ".join(outcome.plan.reasons) or "nothing",
        **({"same rows as before": True} if outcome.same_rows else {}),
        "dagster/row_count": content.rows,
        **({} if content.days is None else {"days": content.days}),
        "bytes": content.bytes,
        **counts,
        **({"quarantined by reason": dict(record.reasons)} if record.reasons else {}),
        "seconds": round(seconds, 3),
        "audit seconds": round(audit_seconds, 3),
        SNAPSHOT: str(outcome.snapshot_id),
        "input snapshots" if spec.inputs else "batch": dg.MetadataValue.json(dict(record.inputs)),
        "policy": record.policy,
        "as of": dg.MetadataValue.timestamp(as_of / 1000),
        "dagster/column_schema": column_schema(spec),
        "dagster/column_lineage": column_lineage(spec, naming),
    }


def check_spec(rule: Rule, key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The asset check of a rule."""
    description = f"{rule.description}\n\nIf broken, {rule.consequence}"
    return dg.AssetCheckSpec(rule.name, asset=key, description=description, blocking=rule.blocking)


def check_result(result: RuleResult, key: dg.AssetKey, days: int | None = None) -> dg.AssetCheckResult:
    """What an asset check is told of a result: counts.

    Args:
        result: The result.
        key: Asset key of the table.
        days: Days that the table has, if it has days.
    """
    rule_counts = result.counts
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=result.rule.name,
        passed=result.passed,
        severity=SEVERITIES[result.rule.severity],
        metadata={
            CHECKED: rule_counts.checked,
            BROKEN: rule_counts.broken,
            **(
                {} if rule_counts.days is None else {"days checked": f"{rule_counts.days:,} of {days or 0:,}"}
            ),
            **({"breakdown": counts_table(rule_counts.breakdown)} if rule_counts.breakdown else {}),
        },
    )


def breakdowns(results: Iterable[RuleResult]) -> dict[str, Any]:
    """Metadata of a materialization that explains its rows, by rule."""
    return {it.rule.name: counts_table(it.counts.breakdown) for it in results if it.rule.explains}


def refusal(spec: TableSpec, refused: Sequence[RuleResult], *, published: bool) -> str:
    """The sentence about a table that breaks blocking rules.

    Args:
        spec: The table.
        refused: The results that stand in the way.
        published: Whether it is the published table that breaks them.
    """
    found = ", ".join(
        f"{result.rule.name} is broken by {result.counts.broken:,} of {result.counts.checked:,} rows"
        for result in refused
    )
    what = "the published table breaks its contract" if published else "publish refused, the table stays"
    # A difference of counts is no row's fault.
    rules = [result.rule.name for result in refused if not result.rule.explains]
    show = f"`stedi check {spec.name} --show {(rules or [refused[0].rule.name])[0]}`"
    return f"{spec.name}: {what}: {found}; see the rows with {show}, and mend what made them."


def removal_event(removal: Removal, key: dg.AssetKey) -> dg.AssetMaterialization:
    """What Dagster is told of a publish that only removed rows."""
    return dg.AssetMaterialization(
        asset_key=key,
        description="Only removed the rows of people who withdrew.",
        metadata={
            ROWS_REMOVED: removal.removed,
            "dagster/row_count": removal.rows,
            SNAPSHOT: str(removal.snapshot_id),
        },
        tags={"dagster/data_version": str(removal.snapshot_id)},
    )


def batch_event(
    outcome: Outcome, naming: Naming, audit_seconds: float, as_of: int
) -> dg.AssetMaterialization:
    """What Dagster is told of a batch of landing files that is not the last one of a run.

    Args:
        outcome: What was published.
        naming: What assets are called.
        audit_seconds: How long auditing took.
        as_of: The instant at which this run judged consent, epoch ms.
    """
    return dg.AssetMaterialization(
        asset_key=naming.key(outcome.plan.spec.name),
        description="A batch of landing files; more are to come.",
        metadata=outcome_metadata(outcome, naming, audit_seconds, audit_seconds, as_of),
        tags={"dagster/data_version": outcome.version},
    )


def counts_table(counts: Mapping[str, int]) -> dg.TableMetadataValue:
    """Counts by name as a table."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord({"what": name, "rows": count}) for name, count in counts.items()],
        schema=dg.TableSchema([dg.TableColumn("what", "string"), dg.TableColumn("rows", "int")]),
    )


def profile_metadata(spec: TableSpec, rows: int, profile: Profile) -> dict[str, Any]:
    """Metadata of a materialization that says what the table holds.

    Args:
        spec: The table.
        rows: Its rows.
        profile: What an audit found out.
    """
    shown = {PROFILE: dg.MetadataValue.md(profile_markdown(spec, rows, profile))}
    if profile.shared:
        charts = [
            days_chart(profile.days),
            *(distribution_chart(one) for one in profile.distributions if one.bins),
            f"Values that fewer than {FEWEST_PEOPLE} people share are in no chart.",
        ]
        shown[CHARTS] = dg.MetadataValue.md("\n\n".join(charts))
    return shown


def profile_markdown(spec: TableSpec, rows: int, profile: Profile) -> str:
    """What a table holds as a table in Markdown, short enough for Dagster to show it at once."""
    some = "" if profile.columns_of is None else f"; its columns on {profile.columns_of:,} of its days"
    lines = [
        f"{rows:,} rows{some}",
        "",
        "| column | nulls | distinct, about | least | greatest |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, column in profile.columns.items():
        span = [_shown(value, name == spec.instant) for value in (column.least, column.greatest)]
        lines.append(f"| {name} | {column.nulls:,} | {column.distinct:,} | {span[0]} | {span[1]} |")
    if profile.distributions and not profile.shared:
        lines += ["", f"No ranges and no charts: no value is shared by {FEWEST_PEOPLE} people."]
    return "\n".join(lines)


def recorded_profile(instance: dg.DagsterInstance, key: dg.AssetKey, snapshot_id: int) -> dict[str, Any]:
    """What Dagster was last told that a table holds, if that was of a snapshot; else nothing.

    Args:
        instance: The Dagster instance.
        key: Asset key of the table.
        snapshot_id: The snapshot.
    """
    # A third of the time of `get_latest_materialization_event`, which counts in a run that changes nothing.
    records = instance.fetch_materializations(key, limit=1).records
    if not records or records[0].asset_materialization is None:
        return {}
    metadata = records[0].asset_materialization.metadata
    if SNAPSHOT not in metadata or metadata[SNAPSHOT].value != str(snapshot_id):
        return {}
    return {name: metadata[name] for name in (PROFILE, CHARTS) if name in metadata}


def _shown(value: Any, instant: bool) -> str:
    """A value of a range, as exact as the reader of a page needs it."""
    if value is None:
        return ""
    if instant:
        return datetime.fromtimestamp(value / 1000, timezone.utc).date().isoformat()
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _same_column(spec: TableSpec, column: str, tables: Tables) -> tuple[str, ...]:
    for name in spec.inputs:
        if column in tables[name].columns:
            return (f"{name}.{column}",)
    return ()
