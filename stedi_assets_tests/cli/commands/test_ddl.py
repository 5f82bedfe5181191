"""The DDL that `stedi ddl` prints: read back as Athena reads it, and the files of it that the docs hold."""

import pytest
import sqlglot
from sqlglot import exp

from stedi_assets.assets import TABLES
from stedi_assets.cli.commands.ddl import external_ddl, iceberg_ddl
from stedi_assets.lake.iceberg.schema import iceberg_schema
from stedi_assets_tests.support.commands import commands, stedi
from stedi_assets_tests.support.lakes import REPOSITORY

LANDING = {"customer": 10, "accelerometer": 5, "step_trainer": 3}  # fields of a record


def parsed(text):
    """A statement as Athena's parser sees it: the table, its columns with types and comments, the rest."""
    [statement] = sqlglot.parse(text, dialect="athena")
    assert isinstance(statement, exp.Create)
    columns = [
        (column.name, column.kind.sql("hive").lower(), column.find(exp.CommentColumnConstraint).this.name)
        for column in statement.find_all(exp.ColumnDef)
    ]
    properties = statement.args["properties"]
    return statement.find(exp.Table).sql("hive"), columns, properties


def properties_of(found):
    """The properties in TBLPROPERTIES and SERDEPROPERTIES."""
    pairs = (each for each in found.find_all(exp.Property) if "value" in each.args)
    return {each.this.name: each.args["value"].name for each in pairs}


@pytest.mark.parametrize("name", TABLES)
def test_the_iceberg_table_has_the_columns_comments_and_partition_that_the_catalog_gets(name):
    spec = TABLES[name]
    table, columns, properties = parsed(iceberg_ddl(spec, "stedi", "s3://bucket/lake", None))
    assert table == f"`stedi`.`{name}`"
    fields = iceberg_schema(spec).fields
    iceberg = {"long": "bigint"}
    assert columns == [
        (field.name, iceberg.get(str(field.field_type), str(field.field_type)), field.doc) for field in fields
    ]
    partition = properties.find(exp.PartitionedByProperty)
    dated = {"accelerometer_landing", "accelerometer_trusted", "step_trainer_landing",
             "step_trainer_trusted", "machine_learning_curated"}  # fmt: skip
    assert (partition.sql("hive") if partition else "") == (
        "PARTITIONED BY (`event_date`)" if name in dated else ""
    )
    assert properties.find(exp.LocationProperty).this.name == f"s3://bucket/lake/{spec.zone}/{name}/"
    assert properties_of(properties)["table_type"] == "ICEBERG"


@pytest.mark.parametrize("kind", LANDING)
def test_the_external_table_reads_the_fields_of_the_landing_files(kind):
    spec = TABLES[f"{kind}_landing"]
    table, columns, properties = parsed(external_ddl(spec, "s3://bucket/in", None))
    assert table == f"`stedi_raw`.`{kind}_landing`"
    assert [name for name, *_ in columns] == spec.columns[: LANDING[kind]]
    assert properties.find(exp.ExternalProperty)
    serde = properties.find(exp.RowFormatSerdeProperty)
    assert serde.this.name == "org.openx.data.jsonserde.JsonSerDe"
    assert properties_of(serde) == {"case.insensitive": "TRUE", "ignore.malformed.json": "TRUE"}
    assert properties.find(exp.LocationProperty).this.name == f"s3://bucket/in/{kind}/landing/"


@pytest.fixture(scope="module")
def ddl(tmp_path_factory):
    """Runs `stedi ddl`, each time in one process."""
    with commands(tmp_path_factory.mktemp("ddl")) as running:
        yield lambda *arguments: running.stedi("ddl", *arguments, check=False)


@pytest.mark.parametrize("kind", LANDING)
def test_the_files_in_the_docs_are_what_the_command_prints(ddl, kind):
    done = ddl(f"{kind}_landing", "--external")
    assert done.stdout == (REPOSITORY / "docs" / "ddl" / f"{kind}_landing.sql").read_text()


def test_a_landing_table_comes_with_the_table_of_its_raw_files(ddl):
    done = ddl("customer_landing")
    iceberg, external = done.stdout.split(";\n")[:2]
    assert iceberg.startswith("CREATE TABLE `stedi`.`customer_landing` (")
    assert "LOCATION 's3://your-bucket/landing/customer_landing/'" in iceberg  # the lake is not in S3 yet
    assert external.startswith("CREATE EXTERNAL TABLE `stedi_raw`.`customer_landing` (")
    assert (done.returncode, done.stderr) == (0, "")


def test_settings_say_where_a_table_is_and_nothing_is_looked_up(tmp_path):
    settings = {"STEDI_LAKE": "s3://bucket/lake", "STEDI_CATALOG": "glue", "STEDI_POLICY": "reference"}
    done = stedi(tmp_path, "ddl", "customer_trusted", **settings)
    assert done.stdout.startswith("CREATE TABLE `stedi_reference`.`customer_trusted` (")
    assert "LOCATION 's3://bucket/lake/stedi_reference_trusted/customer_trusted/'" in done.stdout
    assert (done.returncode, done.stderr, list(tmp_path.iterdir())) == (0, "", [])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["customers"], "There is no table customers: the tables are customer_landing,"),
        (["customer_trusted", "--external"], "customer_trusted has no landing files: --external is for"),
        (["customer_trusted", "--location", "/tmp/x"], "--location is /tmp/x, but Athena reads from S3"),
        (["customer_trusted", "--location", "s3a://bucket/x"], "--location is s3a://bucket/x: write s3://"),
    ],
)
def test_what_has_no_ddl_is_refused_in_a_sentence(ddl, arguments, sentence):
    done = ddl(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1
