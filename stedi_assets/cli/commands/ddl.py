"""The tables as Athena's DDL: text that is made of their specs, without a look at any lake."""

from collections.abc import Mapping, Sequence

from pandera.pyspark import DataFrameModel

from stedi_assets.assets import TABLES
from stedi_assets.errors import SettingError
from stedi_assets.locations import S3, place
from stedi_assets.tables import DAY, LandingSource, TableSpec, table_location

# The raw files go by the names of the tables of the landing zone, so they need a database of their own.
RAW_DATABASE = "stedi_raw"
YOUR_BUCKET = "s3://your-bucket"
ICEBERG = {"table_type": "ICEBERG", "format": "parquet", "write_compression": "zstd"}
JSON_SERDE = "org.openx.data.jsonserde.JsonSerDe"
# Keys match in any case, as older exports spell some otherwise, so none is mapped by name. A line that is no
# JSON reads as a row of nulls and does not fail the query.
JSON_READING = {"case.insensitive": "TRUE", "ignore.malformed.json": "TRUE"}


def table_spec(name: str) -> TableSpec:
    """The table of a name.

    Raises:
        SettingError: There is no such table.
    """
    if name not in TABLES:
        raise SettingError(f"There is no table {name}: the tables are {', '.join(TABLES)}.")
    return TABLES[name]


def landing_source(spec: TableSpec) -> LandingSource:
    """The landing files of a table.

    Raises:
        SettingError: It has none.
    """
    if spec.source is None:
        landing = ", ".join(name for name, other in TABLES.specs.items() if other.source)
        raise SettingError(f"{spec.name} has no landing files: --external is for {landing}.")
    return spec.source


def iceberg_ddl(spec: TableSpec, database: str, lake: str, location: str | None) -> str:
    """The statement that makes an empty Iceberg table of the same shape.

    Args:
        spec: The table.
        database: Its database.
        lake: URI of the lake; one that is not in S3 stands for a bucket that is yet to be named.
        location: The table's folder, where it is not that of the lake.

    Raises:
        SettingError: The folder that is given is not in S3.
    """
    # Athena knows no comment of an Iceberg table: Glue has it from the runs.
    partition = [f"PARTITIONED BY (`{DAY}`)"] if spec.partitioned else []
    return _statement(
        f"CREATE TABLE `{database}`.`{spec.name}` (",
        *_columns(spec.model),
        *partition,
        _location(location, table_location(_in_s3(lake), database, spec)),
        f"TBLPROPERTIES ({_pairs(ICEBERG)})",
    )


def external_ddl(spec: TableSpec, landing: str, location: str | None) -> str:
    """The statement that makes a table of the raw landing files, which stay as they are.

    Args:
        spec: A table of the landing zone.
        landing: URI of the landing root; see `lake` above.
        location: The folder of the files, where it is not that of the landing root.

    Raises:
        SettingError: The table has no landing files, or the folder that is given is not in S3.
    """
    source = landing_source(spec)
    return _statement(
        f"CREATE EXTERNAL TABLE `{RAW_DATABASE}`.`{spec.name}` (",
        *_columns(source.record),
        f"COMMENT {_quoted(f'Landing files of {spec.name}, as delivered.')}",
        f"ROW FORMAT SERDE {_quoted(JSON_SERDE)}",
        f"WITH SERDEPROPERTIES ({_pairs(JSON_READING)})",
        _location(location, f"{_in_s3(landing)}/{source.folder}"),
        f"TBLPROPERTIES ({_pairs({'classification': 'json'})})",
    )


def _columns(model: type[DataFrameModel]) -> Sequence[str]:
    described = model.to_schema().columns
    lines = [
        f"  `{column.name}` {column.dataType.simpleString()} COMMENT "
        f"{_quoted(described[column.name].description or '')}"
        for column in model.to_structtype()
    ]
    return [",\n".join(lines), ")"]


def _location(given: str | None, uri: str) -> str:
    chosen = uri if given is None else place("--location", given)
    if given is not None and not chosen.startswith(S3):
        raise SettingError(f"--location is {given}, but Athena reads from S3 only: give s3://bucket/prefix.")
    return f"LOCATION {_quoted(f'{chosen}/')}"


def _in_s3(uri: str) -> str:
    return uri if uri.startswith(S3) else YOUR_BUCKET


def _pairs(properties: Mapping[str, str]) -> str:
    return ", ".join(f"{_quoted(name)}={_quoted(value)}" for name, value in properties.items())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _statement(*lines: str) -> str:
    return "\n".join(lines) + ";"
