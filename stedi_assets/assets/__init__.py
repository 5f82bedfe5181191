"""The eight assets: each declares a table and names its transform."""

import dagster as dg

from stedi_assets.assets import curated, landing, trusted
from stedi_assets.assets.factory import AssetFactory, Naming


def build_assets(naming: Naming) -> list[dg.AssetsDefinition]:
    """The assets of all tables.

    Args:
        naming: Where they lie and what they are called.
    """
    declared = [*landing.TABLES, *trusted.TABLES, *curated.TABLES]
    factory = AssetFactory(naming)
    return [factory.build(table) for table in declared]
