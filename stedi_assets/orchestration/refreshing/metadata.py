"""Metadata of a table in Dagster: of its definition from its spec, of a run from the outcome.

Here belongs what the page of a table shows besides its checks. Counts, names and aggregates only: no value
of a row gets here.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from stedi_assets.contracts import FEWEST_PEOPLE, Profile
from stedi_assets.lake import Outcome
from stedi_assets.orchestration.naming import Naming
from stedi_assets.orchestration.privacy import Fact, markdown
from stedi_assets.orchestration.refreshing.charts import days_chart, distribution_chart
from stedi_assets.orchestration.refreshing.gate import Removal
from stedi_assets.orchestration.refreshing.reading import how_to_read
from stedi_assets.tables import DAY, TableSpec

PERSONAL_TAG = "personal"
ROWS_REMOVED, REMOVED = "rows removed", "removed"
SNAPSHOT, PROFILE, CHARTS, CONSENT = "snapshot id", "profile", "charts", "consent"


def column_schema(spec: TableSpec, naming: Naming) -> dg.TableSchema:
    """The columns of a table: types, descriptions, what they are made from, a tag on the personal ones."""
    described = spec.model.to_schema().columns
    personal = set(spec.personal_columns)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.dataType.simpleString(),
                description=_described(
                    described[column.name].description, _origins(spec, column.name, naming)
                ),
                constraints=dg.TableColumnConstraints(nullable=described[column.name].nullable),
                tags={PERSONAL_TAG: ""} if column.name in personal else {},
            )
            for column in spec.schema
        ]
    )


def column_lineage(spec: TableSpec, naming: Naming) -> dg.TableColumnLineage:
    """The origin of each column: the column of that name in the first input that has it.

    Args:
        spec: The table; its `lineage` names the exceptions.
        naming: Names of the assets.
    """
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(asset_key=naming.key(table), column_name=origin)
                for table, _, origin in (origin.partition(".") for origin in origins)
            ]
            for column in spec.columns
            if (origins := _origins(spec, column, naming))
        }
    )


def definition_metadata(spec: TableSpec, naming: Naming) -> dict[str, Any]:
    """Metadata of an asset before its first materialization."""
    return {
        "how to read it": how_to_read(spec, naming),
        "dagster/column_schema": column_schema(spec, naming),
        "dagster/column_lineage": column_lineage(spec, naming),
        "zone": spec.zone,
        "partitioned by": DAY if spec.partitioned else "not partitioned",
    }


def outcome_metadata(
    outcome: Outcome,
    naming: Naming,
    *,
    seconds: float,
    audit_seconds: float,
    as_of: int,
) -> dict[str, Any]:
    """Metadata of one materialization.

    Args:
        outcome: Outcome of the refresh.
        naming: Names of the assets.
        seconds: Time for planning, staging and auditing.
        audit_seconds: The part of it for auditing.
        as_of: Time at which this run judged consent, epoch ms.
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
        "dagster/column_schema": column_schema(spec, naming),
        "dagster/column_lineage": column_lineage(spec, naming),
    }


def removal_event(removal: Removal, key: dg.AssetKey) -> dg.AssetMaterialization:
    """The event of a publish that only removed rows."""
    return dg.AssetMaterialization(
        asset_key=key,
        description=f"{removal} Nothing else changed.",
        metadata={
            ROWS_REMOVED: removal.removed,
            REMOVED: str(removal),
            "dagster/row_count": removal.rows,
            SNAPSHOT: str(removal.snapshot_id),
        },
        tags={"dagster/data_version": str(removal.snapshot_id)},
    )


def batch_event(
    outcome: Outcome, naming: Naming, audit_seconds: float, as_of: int
) -> dg.AssetMaterialization:
    """The event of a batch of landing files that is not the last one of a run.

    Args:
        outcome: Outcome of the publish.
        naming: Names of the assets.
        audit_seconds: Time for auditing.
        as_of: Time at which this run judged consent, epoch ms.
    """
    return dg.AssetMaterialization(
        asset_key=naming.key(outcome.plan.spec.name),
        description="A batch of landing files; the run has more.",
        metadata=outcome_metadata(
            outcome, naming, seconds=audit_seconds, audit_seconds=audit_seconds, as_of=as_of
        ),
        tags={"dagster/data_version": outcome.version},
    )


def consent_metadata(facts: Sequence[Fact]) -> dict[str, Any]:
    """Metadata of a materialization that counts people by consent; none without facts."""
    return {CONSENT: dg.MetadataValue.md(markdown(facts))} if facts else {}


def profile_metadata(rows: int, profile: Profile) -> dict[str, Any]:
    """Metadata of a materialization that describes the values of the table.

    Args:
        rows: Number of its rows.
        profile: Its profile, from an audit.
    """
    shown = {PROFILE: dg.MetadataValue.md(profile_markdown(rows, profile))}
    if profile.shared:
        charts = [
            days_chart(profile.days),
            *(distribution_chart(measured) for measured in profile.distributions if measured.bins),
            f"Values that fewer than {FEWEST_PEOPLE} people share are in no chart.",
        ]
        shown[CHARTS] = dg.MetadataValue.md("\n\n".join(charts))
    return shown


def profile_markdown(rows: int, profile: Profile) -> str:
    """The profile as a table in Markdown, short enough for Dagster to show it without a click."""
    part = "" if profile.columns_of is None else f"; its columns on {profile.columns_of:,} of its days"
    lines = [
        f"{rows:,} rows{part}",
        "",
        "| column | nulls | distinct, about |",
        "|---|---:|---:|",
    ]
    for name, column in profile.columns.items():
        lines.append(f"| {name} | {column.nulls:,} | {column.distinct:,} |")
    for found in profile.distributions:
        if found.bins:
            least, greatest = found.range
            measure = f"{found.measure.name} from {least:g} to {greatest:g} {found.measure.unit}"
            lines += ["", f"{measure}, without values that fewer than {FEWEST_PEOPLE} people share."]
    if profile.distributions and not profile.shared:
        lines += ["", f"No ranges and no charts, because no value is shared by {FEWEST_PEOPLE} people."]
    return "\n".join(lines)


def recorded_profile(instance: dg.DagsterInstance, key: dg.AssetKey, snapshot_id: int) -> dict[str, Any]:
    """Profile, charts and consent of the last materialization if that was of the snapshot, else nothing.

    Args:
        instance: The Dagster instance.
        key: Asset key of the table.
        snapshot_id: The snapshot.
    """
    # Takes a third of the time of `get_latest_materialization_event`: it matters if nothing changes.
    records = instance.fetch_materializations(key, limit=1).records
    if not records or records[0].asset_materialization is None:
        return {}
    metadata = records[0].asset_materialization.metadata
    if SNAPSHOT not in metadata or metadata[SNAPSHOT].value != str(snapshot_id):
        return {}
    return {name: metadata[name] for name in (CONSENT, PROFILE, CHARTS) if name in metadata}


def _origins(spec: TableSpec, column: str, naming: Naming) -> tuple[str, ...]:
    """What a column is made from, as `table.column`."""
    if column in spec.lineage:
        return spec.lineage[column]
    return next(((f"{name}.{column}",) for name in spec.inputs if column in naming.tables[name].columns), ())


def _described(description: str, origins: tuple[str, ...]) -> str:
    return f"{description} Made from {', '.join(origins)}." if origins else description
