"""Ingestion: landing files become rows of a landing table, and every record is accounted for.

Here belong listing and reading landing files, batches, the ledger and the other system tables. How rows are
published belongs to `lake.iceberg`, how derived tables follow belongs to `lake.refresh`. Other rooms import
from this face only.
"""

from typing import TYPE_CHECKING

from stedi_assets.lake._lazy import lazy

if TYPE_CHECKING:
    from stedi_assets.lake.ingestion.backlog import Waiting, last_arrival, waiting_work
    from stedi_assets.lake.ingestion.erasing.standing import shared_devices
    from stedi_assets.lake.ingestion.faults import reasons
    from stedi_assets.lake.ingestion.files import LandingFile
    from stedi_assets.lake.ingestion.landing_refresh import planned_changes, refresh_landing

__all__ = [
    "LandingFile",
    "Waiting",
    "last_arrival",
    "planned_changes",
    "reasons",
    "refresh_landing",
    "shared_devices",
    "waiting_work",
]

__getattr__ = lazy(
    __name__,
    {
        "LandingFile": f"{__name__}.files",
        "Waiting": f"{__name__}.backlog",
        "last_arrival": f"{__name__}.backlog",
        "planned_changes": f"{__name__}.landing_refresh",
        "reasons": f"{__name__}.faults",
        "refresh_landing": f"{__name__}.landing_refresh",
        "shared_devices": f"{__name__}.erasing.standing",
        "waiting_work": f"{__name__}.backlog",
    },
)
