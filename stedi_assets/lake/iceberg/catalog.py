"""Tables in the Iceberg catalog: opening the catalog, creating and loading a table.

A table's Iceberg schema is derived from its Pandera model, with field ids in column order.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stedi_assets.errors import SettingError
from stedi_assets.lake.storage import Aws, aws_settings
from stedi_assets.locations import AWS_HOSTS, S3
from stedi_assets.tables import DAY, TableSpec

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

CATALOG = "stedi"
SQLITE = "sqlite:///"
GLUE = "glue"
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


def open_catalog(uri: str, warehouse: str, aws: Aws) -> "Catalog":
    """Opens the catalog, making an SQLite one if it is not there yet.

    What else a REST catalog needs, such as a token, is given in PyIceberg's own variables
    (PYICEBERG_CATALOG__STEDI__TOKEN), which this reads too.

    Args:
        uri: `glue`, `sqlite:///` and the path of the catalog, `postgresql://…`, or the URL of a REST catalog.
        warehouse: URI of the lake.
        aws: AWS, for what lies there.

    Raises:
        SettingError: The catalog cannot be opened.
    """
    from pyiceberg.catalog import load_catalog
    from pyiceberg.utils.config import Config

    properties: dict[str, Any] = {"warehouse": warehouse}
    if warehouse.startswith(S3):
        properties |= aws.file_io()
    if uri == GLUE:
        properties |= {"type": "glue", "client.region": aws.region}
    elif uri.startswith("http"):
        # A catalog that calls its warehouse by a name is told it in PyIceberg's own variable.
        own = Config().get_catalog_config(CATALOG) or {}
        properties |= {"type": "rest", "uri": uri, **_signed(uri, aws), **own}
    else:
        # Which driver SQLAlchemy takes for a plain postgresql:// depends on its version.
        properties |= {"type": "sql", "uri": uri.replace("postgresql://", "postgresql+psycopg2://", 1)}
    if uri.startswith(SQLITE):
        Path(uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    with catalog_errors(uri), aws_settings():
        return load_catalog(CATALOG, **properties)


def check_catalog(catalog: "Catalog", uri: str) -> None:
    """Makes sure that the catalog answers.

    Raises:
        SettingError: It does not.
    """
    with catalog_errors(uri), aws_settings():
        catalog.list_namespaces()


@contextmanager
def catalog_errors(uri: str) -> Iterator[None]:
    """Says in a sentence that a catalog cannot be used.

    Raises:
        SettingError: It cannot.
    """
    from botocore.exceptions import ClientError
    from pyiceberg.exceptions import NotInstalledError, OAuthError, RESTError
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "no code")
        raise SettingError(
            f"STEDI_CATALOG: {uri} refuses access ({code}): check AWS_PROFILE and its permissions."
        ) from None
    except (RESTError, OAuthError, RequestException, SQLAlchemyError) as error:
        raise SettingError(
            f"STEDI_CATALOG: {uri} cannot be used ({type(error).__name__}): check that it is up and "
            "lets you in."
        ) from None
    except NotInstalledError:
        if not uri.startswith("postgresql"):
            raise
        raise SettingError(
            f"STEDI_CATALOG: {uri} needs a driver: install it with `pip install stedi_assets[postgres]`."
        ) from None


def _signed(uri: str, aws: Aws) -> dict[str, str]:
    """What makes PyIceberg sign its requests, for REST catalogs of AWS (Glue's and that of S3 Tables)."""
    host = urlsplit(uri).hostname or ""
    if not host.endswith(AWS_HOSTS):
        return {}
    return {
        "rest.sigv4-enabled": "true",
        "rest.signing-region": aws.region,
        "rest.signing-name": host.split(".")[0],
    }


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
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform

    schema = iceberg_schema(spec)
    columns = (DAY,) if spec.partitioned else spec.partition
    partitioning = PartitionSpec(
        *(
            PartitionField(schema.find_field(name).field_id, number, IdentityTransform(), name)
            for number, name in enumerate(columns, start=1000)
        )
    )
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
    from pyiceberg.types import BinaryType, DateType, DoubleType, LongType, NestedField, StringType

    types = {
        "bigint": LongType(),
        "binary": BinaryType(),
        "date": DateType(),
        "double": DoubleType(),
        "string": StringType(),
    }
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
        # Athena shows the first, the Glue console the second.
        "comment": spec.description,
        "Description": spec.description,
        "stedi.zone": spec.zone,
        "stedi.owner": spec.owner,
        "stedi.personal-data": spec.personal_data,
        "stedi.personal-columns": ",".join(spec.personal_columns),
        # Engines write Parquet without field ids; readers find columns by name.
        "schema.name-mapping.default": schema.name_mapping.model_dump_json(),
        # Bounds in manifests would outlive an erased person.
        **{f"write.metadata.metrics.column.{name}": "none" for name in spec.personal_columns},
    }


def split_salt(table: "Table") -> bytes:
    """The salt that assigns people to splits; it stays when the pseudonym key changes."""
    return bytes.fromhex(table.properties[SPLIT_SALT])
