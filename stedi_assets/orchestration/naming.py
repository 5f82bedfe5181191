"""What assets are called and where their tables lie: everything about names that depends on the lake."""

from dataclasses import dataclass

import dagster as dg

from stedi_assets.locations import S3
from stedi_assets.settings import Policy
from stedi_assets.tables import Tables, TableSpec, table_location

REFRESH, AUDIT, MAINTAIN = "refresh", "audit", "maintain"
"""Names of the jobs."""


@dataclass(frozen=True)
class Naming:
    """Names that depend on the lake.

    Attributes:
        tables: The declared tables.
        lake: URI of the lake.
        database: Database of the catalog.
        policy: The consent policy.
        prefix: Prefix of asset keys, empty for the strict policy.
    """

    tables: Tables
    lake: str
    database: str
    policy: Policy = "strict"
    prefix: tuple[str, ...] = ()

    def key(self, table: str) -> dg.AssetKey:
        """The asset key of a table."""
        return dg.AssetKey([*self.prefix, table])

    @property
    def keys(self) -> list[dg.AssetKey]:
        """The asset keys of all tables."""
        return [self.key(name) for name in self.tables]

    @property
    def pool(self) -> str:
        """What runs that write these tables share, so that they can be made to wait for each other."""
        return self.database

    @property
    def kinds(self) -> set[str]:
        """What the tables are made with and kept in."""
        return {"pyspark", "iceberg", *(["s3"] if self.lake.startswith(S3) else [])}

    def storage(self, spec: TableSpec) -> dict[str, str]:
        """Metadata that says where a table is found."""
        return {
            "dagster/table_name": f"{self.database}.{spec.name}",
            "dagster/uri": table_location(self.lake, self.database, spec),
        }
