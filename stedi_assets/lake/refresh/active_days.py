"""Reading the activity: which person or device has readings on which days."""

from collections.abc import Mapping

from stedi_assets.lake.iceberg.table import PinnedTable, TableFiles
from stedi_assets.lake.ingestion.system_tables import finish_batch
from stedi_assets.lake.resource import Lake
from stedi_assets.tables import ACTIVITY, TableSpec


def activity_of(lake: Lake, landing_table: str) -> PinnedTable | None:
    """The activity of a landing table as it is now; None if it is not known."""
    finish_batch(lake, landing_table)
    record = lake.pinned(landing_table).record
    # Earlier versions of this project recorded no activity.
    return lake.system(ACTIVITY, landing_table) if record and record.batch else None


def with_activity(
    lake: Lake, spec: TableSpec, inputs: Mapping[str, PinnedTable]
) -> Mapping[str, PinnedTable]:
    """The inputs, with the activity in place of readings if the table only asks who has any.

    The readings stay if there is no activity of exactly the rows that they were computed from.

    Args:
        lake: The lake.
        spec: The table.
        inputs: Its inputs by name.
    """
    if spec.activity_of is None:
        return inputs
    activity = activity_behind(lake, spec, spec.activity_of, inputs)
    if activity is None:
        return inputs
    others = {name: table for name, table in inputs.items() if name != spec.activity_of}
    return {**others, ACTIVITY.name: activity}


def activity_behind(
    lake: Lake, spec: TableSpec, name: str, tables: Mapping[str, TableFiles]
) -> PinnedTable | None:
    """The activity of a landing table, or of the one behind an input; None if its rows are others.

    Args:
        lake: The lake.
        spec: A table.
        name: A landing table, or an input of the table.
        tables: These, and the other inputs of the table.
    """
    source, customers = lake.tables[name], lake.tables.customers_of(spec)
    if source.source is not None:
        return activity_of(lake, name) if _version(tables[name]) == lake.pinned(name).version else None
    readings = tables[name]
    record = readings.record if isinstance(readings, PinnedTable) else None
    if record is None or record.owed is not None:
        return None
    landing_table = lake.tables.landing_table_behind(name)
    versions = {customer_table: _version(tables[customer_table]) for customer_table in customers}
    versions[landing_table] = lake.pinned(landing_table).version
    same = all(record.inputs.get(table) == version for table, version in versions.items())
    return activity_of(lake, landing_table) if same else None


def _version(table: TableFiles) -> str | None:
    return table.version if isinstance(table, PinnedTable) else None
