"""Looking before a run is started: whether it would change anything."""

from collections.abc import Collection

from stedi_assets.assets import Declared, LakeTable
from stedi_assets.errors import StediError
from stedi_assets.lake import Lake, Run
from stedi_assets.lake.ingestion import planned_changes
from stedi_assets.lake.refresh import plan_derived
from stedi_assets.orchestration.refreshing.gate import Audited


def up_to_date(
    lake: Lake, run: Run, tables: Collection[str], declared: Declared
) -> dict[str, Audited] | None:
    """Tables that are all up to date, with the results of the audits before their publishes.

    Args:
        lake: The lake.
        run: A run that forces nothing.
        tables: Names of the tables.
        declared: All tables.

    Returns:
        None if a run would change something, or would fail: then it should be recorded.
    """
    found = {}
    for table in declared:
        if table.spec.name not in tables:
            continue
        try:
            audited = _audited(lake, run, table)
        except StediError:
            return None
        if audited is None:
            return None
        found[table.spec.name] = audited
    return found


def _audited(lake: Lake, run: Run, table: LakeTable) -> Audited | None:
    """A table that is up to date; None if it is not."""
    spec = table.spec
    pinned = lake.pinned(spec.name)
    if not pinned.exists or pinned.record is None or {*pinned.schema.column_names} != {*spec.columns}:
        return None
    if spec.source is not None:
        lake.check_own(spec)
        current = not planned_changes(lake, spec, run)
    else:
        inputs = {name: lake.pinned(name) for name in spec.inputs}
        current = all(input_table.exists for input_table in inputs.values()) and (
            plan_derived(lake, spec, inputs, run=run, known=table.facts).nothing
        )
    results = table.contract(run.policy).recorded(pinned.record.checks)
    return Audited(lake.published(spec), results, None) if current and results else None
