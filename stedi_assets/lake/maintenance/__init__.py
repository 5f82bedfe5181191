"""Maintenance: compaction, expiry of snapshots, deletion of files that no snapshot names.

Nothing here changes the rows of a table.
"""

from typing import TYPE_CHECKING

from stedi_assets.lake._lazy import lazy

if TYPE_CHECKING:
    from stedi_assets.lake.maintenance.steps import TableReport, ends_of, maintain

__all__ = ["TableReport", "ends_of", "maintain"]

__getattr__ = lazy(__name__, dict.fromkeys(__all__, f"{__name__}.steps"))
