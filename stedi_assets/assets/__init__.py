"""The eight assets: each declares a table and names its transform."""

import dagster as dg

from stedi_assets.assets import curated, landing, trusted
from stedi_assets.orchestration.refreshing.factory import AssetFactory, Naming
from stedi_assets.orchestration.refreshing.gate import LakeTable
from stedi_assets.orchestration.sensors.freshness import (
    LANDING_TABLES,
    Freshness,
    build_freshness,
    freshness_keys,
    freshness_of,
)

__all__ = [
    "DECLARED",
    "LANDING_TABLES",
    "Freshness",
    "Naming",
    "build_assets",
    "build_freshness",
    "freshness_keys",
    "freshness_of",
]

DECLARED: dict[str, LakeTable] = {
    table.spec.name: table for table in (*landing.TABLES, *trusted.TABLES, *curated.TABLES)
}


def build_assets(naming: Naming) -> list[dg.AssetsDefinition]:
    """The assets of all tables.

    Args:
        naming: Where they lie and what they are called.
    """
    factory = AssetFactory(naming)
    return [factory.build(table) for table in DECLARED.values()]
