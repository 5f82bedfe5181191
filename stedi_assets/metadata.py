"""What Dagster is told about a table: at definition time from its spec, per run from its outcome.

Counts, names and aggregates only: no value of a row ever gets here.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from stedi_assets.lake import Outcome
from stedi_assets.tables import DAY, TABLES, TableSpec

PERSONAL_TAG = "personal"


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


def column_lineage(spec: TableSpec, keys: Mapping[str, dg.AssetKey]) -> dg.TableColumnLineage:
    """Where each column comes from: the column of that name in the first input that has it.

    Args:
        spec: The table; its `lineage` names the exceptions.
        keys: Asset keys of its inputs.
    """
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(asset_key=keys[origin.split(".")[0]], column_name=origin.split(".")[1])
                for origin in origins
            ]
            for column in spec.columns
            if (origins := spec.lineage.get(column) or _same_column(spec, column))
        }
    )


def definition_metadata(spec: TableSpec, keys: Mapping[str, dg.AssetKey]) -> dict[str, Any]:
    """Metadata that an asset has before it is ever materialized."""
    return {
        "dagster/column_schema": column_schema(spec),
        "dagster/column_lineage": column_lineage(spec, keys),
        "zone": spec.zone,
        "partitioned by": DAY if spec.partitioned else "not partitioned",
    }


def outcome_metadata(
    outcome: Outcome, keys: Mapping[str, dg.AssetKey], seconds: float, as_of: int
) -> dict[str, Any]:
    """Metadata of one materialization.

    Args:
        outcome: What was refreshed.
        keys: Asset keys of the table's inputs.
        seconds: How long planning and staging took.
        as_of: The instant at which this run judged consent, epoch ms.
    """
    spec, content, record = outcome.plan.spec, outcome.content, outcome.record
    counts = {f"landing {name.replace('_', ' ')}": count for name, count in record.counts.items()}
    return {
        "changed": outcome.changed,
        "what changed": "; ".join(outcome.plan.reasons) or "nothing",
        "dagster/row_count": content.rows,
        **({} if content.days is None else {"days": content.days}),
        "bytes": content.bytes,
        **counts,
        **({"quarantined by reason": dict(record.reasons)} if record.reasons else {}),
        "seconds": round(seconds, 3),
        "snapshot id": str(outcome.snapshot_id),
        "input snapshots" if spec.inputs else "batch": dg.MetadataValue.json(dict(record.inputs)),
        "policy": record.policy,
        "as of": dg.MetadataValue.timestamp(as_of / 1000),
        "dagster/column_schema": column_schema(spec),
        "dagster/column_lineage": column_lineage(spec, keys),
    }


def _same_column(spec: TableSpec, column: str) -> tuple[str, ...]:
    for name in spec.inputs:
        if column in TABLES[name].columns:
            return (f"{name}.{column}",)
    return ()
