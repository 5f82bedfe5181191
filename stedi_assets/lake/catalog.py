"""Tables in the Iceberg catalog: opening the catalog, creating and loading a table.

A table's Iceberg schema is derived from its Pandera model, with field ids in column order.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stedi_assets.tables import DAY, TableSpec

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

SQLITE = "sqlite:///"
SPLIT_SALT = "stedi.split-salt"

TABLE_PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    # A conflicting commit must fail and be planned again: a retry would append the same rows twice.
    "commit.retry.num-retries": "0",
    "commit.manifest-merge.enabled": "true",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
}


def open_catalog(uri: str, warehouse: str) -> "Catalog":
    """Opens the catalog, making an SQLite one if it is not there yet.

    Args:
        uri: `sqlite:///` and the path of the catalog.
        warehouse: URI of the lake.
    """
    from pyiceberg.catalog import load_catalog

    Path(uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    return load_catalog("stedi", type="sql", uri=uri, warehouse=warehouse)


def load_table(catalog: "Catalog", database: str, spec: TableSpec) -> "Table | None":
    """The table as it is now, or None if it was never created."""
    from pyiceberg.exceptions import NoSuchTableError

    try:
        return catalog.load_table((database, spec.name))
    except NoSuchTableError:
        return None


def create_table(
    catalog: "Catalog", database: str, spec: TableSpec, location: str, extra: Mapping[str, str]
) -> "Table":
    """Creates the table, or loads it where another run was faster.

    Args:
        catalog: The catalog.
        database: Its database (namespace).
        spec: The table.
        location: URI of the table's folder.
        extra: Properties of this very table.
    """
    from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform

    schema = iceberg_schema(spec)
    partitioning = UNPARTITIONED_PARTITION_SPEC
    if spec.partitioned:
        day = schema.find_field(DAY).field_id
        partitioning = PartitionSpec(PartitionField(day, 1000, IdentityTransform(), DAY))
    catalog.create_namespace_if_not_exists(database)
    return catalog.create_table_if_not_exists(
        (database, spec.name),
        schema=schema,
        location=location,
        partition_spec=partitioning,
        properties={**table_properties(spec, schema), **extra},
    )


def iceberg_schema(spec: TableSpec) -> "Schema":
    """The Iceberg schema of a table. Columns are optional, as engines write them."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import DateType, DoubleType, LongType, NestedField, StringType

    types = {"bigint": LongType(), "date": DateType(), "double": DoubleType(), "string": StringType()}
    described = spec.model.to_schema().columns
    return Schema(
        *(
            NestedField(
                field_id=number,
                name=column.name,
                field_type=types[column.dataType.simpleString()],
                doc=described[column.name].description,
            )
            for number, column in enumerate(spec.schema, start=1)
        )
    )


def table_properties(spec: TableSpec, schema: "Schema") -> dict[str, str]:
    """Properties of a new table."""
    return {
        **TABLE_PROPERTIES,
        "comment": spec.description,
        "stedi.zone": spec.zone,
        "stedi.owner": spec.owner,
        "stedi.personal-data": spec.personal_data,
        # Engines write Parquet without field ids; readers find columns by name.
        "schema.name-mapping.default": schema.name_mapping.model_dump_json(),
        # Bounds in manifests would outlive an erased person.
        **{f"write.metadata.metrics.column.{name}": "none" for name in spec.personal_columns},
    }


def split_salt(table: "Table") -> bytes:
    """The salt that assigns people to splits; it stays when the pseudonym key changes."""
    return bytes.fromhex(table.properties[SPLIT_SALT])
