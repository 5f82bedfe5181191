"""`stedi ddl`: the DDL of a table for Athena, made from its spec; no lake is opened."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from stedi_assets.cli.options import no_such_table, sentences, setting_options, settings_of
from stedi_assets.errors import SettingError
from stedi_assets.locations import S3, place

if TYPE_CHECKING:
    from pandera.pyspark import DataFrameModel

    from stedi_assets.tables import TableSpec

# The tables of raw files have the names of the landing tables, so they need a database of their own.
RAW_DATABASE = "stedi_raw"
YOUR_BUCKET = "s3://your-bucket"
ICEBERG = {"table_type": "ICEBERG", "format": "parquet", "write_compression": "zstd"}
JSON_SERDE = "org.openx.data.jsonserde.JsonSerDe"
# Keys match in any case because older exports spell some in another case. A line that is not JSON
# reads as a row of nulls and does not fail the query.
JSON_READING = {"case.insensitive": "TRUE", "ignore.malformed.json": "TRUE"}


@click.command("ddl")
@click.argument("table")
@click.option("--external", is_flag=True, help="Print the table of the raw JSON files only.")
@click.option("--location", metavar="URI", help="s3://… of the table or the raw files, if not by settings.")
@setting_options("landing", "lake", "catalog", "policy")
def command(table: str, external: bool, location: str | None, **flags: str | None) -> None:
    """Prints the DDL of a table for Athena. For a landing table, also that of its raw JSON files."""
    with sentences():
        settings = settings_of(flags, reads_only=True)

        from stedi_assets.assets import TABLES

        if table not in TABLES:
            raise SettingError(no_such_table(table, TABLES))
        spec = TABLES[table]
        if external and spec.source is None:
            landing = ", ".join(other.name for other in TABLES.landing)
            raise SettingError(f"{table} has no landing files: --external is for {landing}.")
        if not external:
            click.echo(iceberg_ddl(spec, settings.database, settings.lake, location))
        if external or (spec.source and location is None):
            click.echo(external_ddl(spec, settings.landing, location))


def iceberg_ddl(spec: "TableSpec", database: str, lake: str, location: str | None) -> str:
    """The statement that creates an empty Iceberg table of the same shape.

    Args:
        spec: The table.
        database: Its database.
        lake: URI of the lake; YOUR_BUCKET stands for a lake that is not in S3.
        location: The table's folder, if it is not the one in the lake.

    Raises:
        SettingError: The given folder is not in S3.
    """
    from stedi_assets.tables import DAY, table_location

    # Athena takes no comment of an Iceberg table: runs write it to Glue.
    partition = [f"PARTITIONED BY (`{DAY}`)"] if spec.partitioned else []
    return _statement(
        f"CREATE TABLE `{database}`.`{spec.name}` (",
        *_columns(spec.model),
        *partition,
        _location(location, table_location(_in_s3(lake), database, spec)),
        f"TBLPROPERTIES ({_pairs(ICEBERG)})",
    )


def external_ddl(spec: "TableSpec", landing: str, location: str | None) -> str:
    """The statement that creates a table of the raw landing files; it does not touch them.

    Args:
        spec: A table of the landing zone.
        landing: URI of the landing root; YOUR_BUCKET stands for a folder that is not in S3.
        location: The folder of the files, if it is not the one below the landing root.

    Raises:
        SettingError: The given folder is not in S3.
    """
    source = spec.source
    assert source is not None
    return _statement(
        f"CREATE EXTERNAL TABLE `{RAW_DATABASE}`.`{spec.name}` (",
        *_columns(source.record),
        f"COMMENT {_quoted(f'Landing files of {spec.name}, unchanged.')}",
        f"ROW FORMAT SERDE {_quoted(JSON_SERDE)}",
        f"WITH SERDEPROPERTIES ({_pairs(JSON_READING)})",
        _location(location, f"{_in_s3(landing)}/{source.folder}"),
        f"TBLPROPERTIES ({_pairs({'classification': 'json'})})",
    )


def _columns(model: "type[DataFrameModel]") -> Sequence[str]:
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
