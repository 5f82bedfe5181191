"""The declarations of the eight tables, and the registry of them.

A table is declared once, here: its transform, its rules, and whose rows leave it. Nothing here knows how a
declaration becomes a Dagster asset.
"""

from stedi_assets.assets import curated, landing, trusted
from stedi_assets.assets.declare import Declared, LakeTable, lake_table, landing_table

__all__ = ["DECLARED", "TABLES", "Declared", "LakeTable", "lake_table", "landing_table"]

DECLARED = Declared.of((*landing.TABLES, *trusted.TABLES, *curated.TABLES))
TABLES = DECLARED.specs
