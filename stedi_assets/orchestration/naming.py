"""Names of assets, and locations of their tables: everything about names that depends on the lake."""

from dataclasses import dataclass

import dagster as dg

from stedi_assets.locations import S3
from stedi_assets.settings import Policy
from stedi_assets.tables import Tables, TableSpec, table_location

REFRESH, RETRY, REKEY, AUDIT = "refresh", "retry_quarantine", "rekey", "audit"
MAINTAIN, PRUNE = "maintain", "prune"
"""Names of the jobs."""


@dataclass(frozen=True)
class Naming:
    """Names that depend on the lake.

    Attributes:
        tables: The declared tables.
        lake: URI of the lake.
        catalog: URI of the catalog.
        database: Database of the catalog.
        policy: The consent policy.
        prefix: Prefix of asset keys, empty for the strict policy.
    """

    tables: Tables
    lake: str
    catalog: str
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
        """The pool of the runs that write these tables: Dagster lets one of them run at a time."""
        return self.database

    @property
    def kinds(self) -> set[str]:
        """The kinds that Dagster shows: engine, table format, storage."""
        return {"pyspark", "iceberg", *(["s3"] if self.lake.startswith(S3) else [])}

    def storage(self, spec: TableSpec) -> dict[str, str]:
        """Metadata with the name and the location of a table."""
        return {
            "dagster/table_name": f"{self.database}.{spec.name}",
            "dagster/uri": table_location(self.lake, self.database, spec),
        }
