"""Schemas change: the model gets a column, or another program changes the table."""

import json
from dataclasses import replace

import pandera.pyspark as pa
import pyspark.sql.types as T
import pytest
from pyiceberg.schema import Schema
from pyiceberg.table.update import AddSchemaUpdate, SetCurrentSchemaUpdate
from pyiceberg.types import IntegerType, NestedField, StringType

from stedi_assets.errors import LakeError
from stedi_assets.lake.iceberg.catalog import create_table, open_catalog
from stedi_assets.lake.iceberg.schema import add_new_columns, check_schema
from stedi_assets.lake.storage import Aws
from stedi_assets.schemas.landing import column
from stedi_assets.tables import TableSpec


class Walk(pa.DataFrameModel):
    email: T.StringType = pa.Field(metadata=column(personal=True))
    steps: T.LongType = pa.Field()
    note: T.StringType = pa.Field(nullable=True)


class NamedWalk(pa.DataFrameModel):
    email: T.StringType = pa.Field(metadata=column(personal=True))
    nickname: T.StringType = pa.Field(nullable=True, metadata=column(personal=True))
    steps: T.LongType = pa.Field()
    note: T.StringType = pa.Field(nullable=True)


class DatedWalk(Walk):
    day: T.DateType = pa.Field()


WALKS = TableSpec(name="walks", zone="landing", model=Walk, description="Walks.")


@pytest.fixture
def table(tmp_path):
    """The table of walks, with one row."""
    catalog = open_catalog(f"sqlite:///{tmp_path}/catalog.db", f"file://{tmp_path}/lake", Aws(""))
    table = create_table(catalog, "stedi", WALKS, f"file://{tmp_path}/lake/walks", extra={})
    table.append(rows(email="ada@example.com", steps=12, note=None))
    return table


def rows(**values):
    import pyarrow

    types = {"steps": pyarrow.int64()}
    fields = [(name, types.get(name, pyarrow.string())) for name in values]
    return pyarrow.Table.from_pylist([values], schema=pyarrow.schema(fields))


def retyped(table, name, kind):
    """Another program gives a column another type, as some catalogs let it."""
    fields = [
        NestedField(field.field_id, field.name, kind if field.name == name else field.field_type)
        for field in table.schema().fields
    ]
    updates = (AddSchemaUpdate(schema=Schema(*fields, schema_id=1)), SetCurrentSchemaUpdate(schema_id=-1))
    table.catalog.commit_table(table, (), updates)
    table.refresh()


def test_a_new_column_joins_the_table_and_old_rows_have_null_in_it(table):
    snapshot = table.current_snapshot()
    spec = replace(WALKS, model=NamedWalk)
    assert check_schema(spec, table) == ["nickname"]

    add_new_columns(spec, table)

    table.refresh()
    assert table.current_snapshot() == snapshot, "no row changed"
    assert [(field.name, field.field_id) for field in table.schema().fields] == [
        ("email", 1), ("steps", 2), ("note", 3), ("nickname", 4),
    ]  # fmt: skip
    mapping = json.loads(table.properties["schema.name-mapping.default"])
    assert {"field-id": 4, "names": ["nickname"]} in mapping
    assert table.properties["write.metadata.metrics.column.nickname"] == "none"
    assert table.properties["stedi.personal-columns"] == "email,nickname"
    [row] = table.scan().to_arrow().to_pylist()
    assert row == {"email": "ada@example.com", "steps": 12, "note": None, "nickname": None}


def test_a_table_that_fits_its_model_is_left_alone(table):
    location = table.metadata_location
    add_new_columns(WALKS, table)
    table.refresh()
    assert table.metadata_location == location


def test_a_new_column_that_must_have_a_value_is_refused_unless_there_are_no_rows(table):
    spec = replace(WALKS, model=DatedWalk)
    with pytest.raises(LakeError, match=r"^walks: the model has a new column day .* make .* nullable"):
        add_new_columns(spec, table)
    table.delete()
    add_new_columns(spec, table)
    assert "day" in table.schema().column_names


def rename(table):
    with table.update_schema() as update:
        update.rename_column("steps", "paces")


def drop(table):
    with table.update_schema() as update:
        update.delete_column("note")


def add(table):
    with table.update_schema() as update:
        update.add_column("shoes", StringType())


def narrow(table):
    retyped(table, "steps", IntegerType())


def change(table):
    retyped(table, "note", IntegerType())


@pytest.mark.parametrize(
    ("done", "sentence"),
    [
        (rename, "walks: another program renamed the column steps to paces: rename it back."),
        (
            drop,
            "walks: another program dropped the column note: add it to the table again with its former type.",
        ),
        (
            add,
            "walks: the table has a column shoes that its model does not have: drop the column from the "
            "table, or add it to the model.",
        ),
        (
            narrow,
            "walks: the column steps is int in the table but long in its model: change it back where it was "
            "changed; for another type, add a column with another name.",
        ),
        (
            change,
            "walks: the column note is int in the table but string in its model: change it back where it was "
            "changed; for another type, add a column with another name.",
        ),
    ],
)
def test_a_change_by_another_program_is_one_sentence(table, done, sentence):
    done(table)
    with pytest.raises(LakeError) as raised:
        add_new_columns(WALKS, table)
    assert str(raised.value) == sentence


def test_two_runs_add_the_same_column_at_once(table):
    spec = replace(WALKS, model=NamedWalk)
    other = table.catalog.load_table(("stedi", "walks"))
    add_new_columns(spec, other)
    add_new_columns(spec, table)
    table.refresh()
    assert [field.name for field in table.schema().fields] == ["email", "steps", "note", "nickname"]
