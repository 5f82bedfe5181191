"""Maintenance: compaction, expiry of snapshots, deletion of files that no snapshot names.

Nothing here changes the rows of a table.
"""

from typing import TYPE_CHECKING

from stedi_assets.lake._lazy import lazy

if TYPE_CHECKING:
    from stedi_assets.lake.maintenance.purging import blocked, purge
    from stedi_assets.lake.maintenance.steps import TableReport, ends_of, maintain

__all__ = ["TableReport", "blocked", "ends_of", "maintain", "purge"]

__getattr__ = lazy(
    __name__,
    {
        "TableReport": f"{__name__}.steps",
        "blocked": f"{__name__}.purging",
        "ends_of": f"{__name__}.steps",
        "maintain": f"{__name__}.steps",
        "purge": f"{__name__}.purging",
    },
)
