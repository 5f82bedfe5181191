"""The lake: Iceberg tables, how they are planned, staged and published, and how landing files get in.

Here belongs everything that touches files, tables or the catalog, but no rule about people and no asset.
Each room below has a face of its own, which imports nothing until a name is used.
"""

from typing import TYPE_CHECKING

from stedi_assets.lake._lazy import lazy

if TYPE_CHECKING:
    from stedi_assets.lake.boundary import engine_errors, storage_errors
    from stedi_assets.lake.io_manager import LakeIOManager, fail_step
    from stedi_assets.lake.model import Facts, Outcome, Range, Run, Transform
    from stedi_assets.lake.progress import PROGRESS_LOGGER, Progress, report
    from stedi_assets.lake.publishing import publish
    from stedi_assets.lake.resource import Lake
    from stedi_assets.lake.secret_key import SecretKey

__all__ = [
    "PROGRESS_LOGGER",
    "Facts",
    "Lake",
    "LakeIOManager",
    "Outcome",
    "Progress",
    "Range",
    "Run",
    "SecretKey",
    "Transform",
    "engine_errors",
    "fail_step",
    "publish",
    "report",
    "storage_errors",
]

__getattr__ = lazy(
    __name__,
    {
        "Facts": f"{__name__}.model",
        "Lake": f"{__name__}.resource",
        "LakeIOManager": f"{__name__}.io_manager",
        "Outcome": f"{__name__}.model",
        "PROGRESS_LOGGER": f"{__name__}.progress",
        "Progress": f"{__name__}.progress",
        "SecretKey": f"{__name__}.secret_key",
        "Range": f"{__name__}.model",
        "Run": f"{__name__}.model",
        "Transform": f"{__name__}.model",
        "engine_errors": f"{__name__}.boundary",
        "fail_step": f"{__name__}.io_manager",
        "publish": f"{__name__}.publishing",
        "report": f"{__name__}.progress",
        "storage_errors": f"{__name__}.boundary",
    },
)
