"""The Iceberg catalog: opening it, its errors as sentences, loading and creating tables."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stedi_assets.errors import LakeError, SettingError
from stedi_assets.lake.iceberg.schema import iceberg_schema, table_properties
from stedi_assets.lake.storage import Aws, aws_settings
from stedi_assets.locations import AWS_HOSTS, S3, SQLITE, normalised, within

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from stedi_assets.tables import TableSpec

CATALOG = "stedi"
GLUE = "glue"
SPLIT_SALT = "stedi.split-salt"


def open_catalog(uri: str, warehouse: str, aws: Aws) -> "Catalog":
    """Opens the catalog; creates an SQLite catalog that does not exist yet.

    Other settings of a REST catalog, such as a token, come from PyIceberg's own variables
    (PYICEBERG_CATALOG__STEDI__TOKEN).

    Args:
        uri: `glue`, `sqlite:///` and the path of the catalog, `postgresql://…`, or the URL of a REST catalog.
        warehouse: URI of the lake.
        aws: The settings of AWS.

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
        # A catalog that knows its warehouse by a name gets that name from PyIceberg's own variable.
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
    """Checks that the catalog answers.

    Raises:
        SettingError: It does not.
    """
    with catalog_errors(uri), aws_settings():
        catalog.list_namespaces()


@contextmanager
def catalog_errors(uri: str) -> Iterator[None]:
    """Re-raises the errors of a catalog that cannot be used as one sentence.

    Raises:
        SettingError: The catalog cannot be used.
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


def load_table(catalog: "Catalog", database: str, name: str, lake: str) -> "Table | None":
    """The table as it is now, or None if it was never created.

    Args:
        catalog: The catalog.
        database: Its database (namespace).
        name: Name of the table.
        lake: URI of the lake.

    Raises:
        LakeError: The table lies in another lake: this one is a copy, or was moved.
    """
    from pyiceberg.exceptions import NoSuchTableError

    try:
        table = catalog.load_table((database, name))
    except NoSuchTableError:
        return None
    except FileNotFoundError:
        raise LakeError(
            f"{name} is not where the catalog of STEDI_LAKE ({lake}) says: a lake stays where it was made, "
            "so move it back, or leave a link there, as docs/operations.md says."
        ) from None
    if not within(normalised(table.location()), normalised(lake)):
        raise LakeError(
            f"{name} lies in {table.location()}, which is not below STEDI_LAKE ({lake}): a lake stays where "
            "it was made, so set STEDI_LAKE to that place, or copy and move lakes as docs/operations.md says."
        )
    return table


def create_table(
    catalog: "Catalog", database: str, spec: "TableSpec", location: str, *, extra: Mapping[str, str]
) -> "Table":
    """Creates the table, or loads it if another run was faster.

    Args:
        catalog: The catalog.
        database: Its database (namespace).
        spec: The table.
        location: URI of the table's folder.
        extra: Properties of this table alone.
    """
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform

    schema = iceberg_schema(spec)
    partitioning = PartitionSpec(
        *(
            PartitionField(schema.find_field(name).field_id, number, IdentityTransform(), name)
            for number, name in enumerate(spec.partition_columns, start=1000)
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


def split_salt(table: "Table") -> bytes:
    """The salt that assigns people to splits; it stays when the pseudonym key changes."""
    return bytes.fromhex(table.properties[SPLIT_SALT])


def _signed(uri: str, aws: Aws) -> dict[str, str]:
    """Properties that make PyIceberg sign its requests to a REST catalog of AWS (Glue or S3 Tables)."""
    host = urlsplit(uri).hostname or ""
    if not host.endswith(AWS_HOSTS):
        return {}
    return {
        "rest.sigv4-enabled": "true",
        "rest.signing-region": aws.region,
        "rest.signing-name": host.split(".")[0],
    }
