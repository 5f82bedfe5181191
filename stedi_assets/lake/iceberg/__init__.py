"""Iceberg: catalog, schemas, tables at a snapshot, the record of a snapshot, staging and commits.

This room knows PyIceberg's tables, and imports neither Dagster nor PySpark. How a run is planned belongs to
`lake.refresh` and `lake.ingestion`.
"""

from typing import TYPE_CHECKING

from stedi_assets.lake._lazy import lazy

if TYPE_CHECKING:
    from stedi_assets.lake.iceberg.arrow_snapshot import ArrowSnapshot
    from stedi_assets.lake.iceberg.catalog import open_catalog
    from stedi_assets.lake.iceberg.commit import Conflict
    from stedi_assets.lake.iceberg.record import Record
    from stedi_assets.lake.iceberg.staging import side_by_side
    from stedi_assets.lake.iceberg.table import PinnedTable, TableFiles, Unpublished

__all__ = [
    "ArrowSnapshot",
    "Conflict",
    "PinnedTable",
    "Record",
    "TableFiles",
    "Unpublished",
    "open_catalog",
    "side_by_side",
]

__getattr__ = lazy(
    __name__,
    {
        "ArrowSnapshot": f"{__name__}.arrow_snapshot",
        "Conflict": f"{__name__}.commit",
        "PinnedTable": f"{__name__}.table",
        "Record": f"{__name__}.record",
        "TableFiles": f"{__name__}.table",
        "Unpublished": f"{__name__}.table",
        "open_catalog": f"{__name__}.catalog",
        "side_by_side": f"{__name__}.staging",
    },
)
