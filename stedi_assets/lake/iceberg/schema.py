"""The Iceberg schema of a table: derived from its model, checked against the stored one, and extended.

Field ids of a new table follow the order of its columns. A column that is added to a model later comes last
in an existing table, so code finds columns by name and takes field ids from the table's own schema.
"""

from typing import TYPE_CHECKING

from stedi_assets.errors import LakeError
from stedi_assets.lake.iceberg.commit import Conflict

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

    from stedi_assets.tables import TableSpec

TABLE_PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    # A conflicting commit must fail and be planned again: a retry would append the same rows twice.
    "commit.retry.num-retries": "0",
    "commit.manifest-merge.enabled": "true",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
}


def iceberg_schema(spec: "TableSpec") -> "Schema":
    """The Iceberg schema of a new table. Columns are optional, as engines write them."""
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


def table_properties(spec: "TableSpec", schema: "Schema") -> dict[str, str]:
    """Properties of a new table."""
    return {
        **TABLE_PROPERTIES,
        # Athena shows the first, the Glue console the second.
        "comment": spec.description,
        "Description": spec.description,
        "stedi.zone": spec.zone,
        "stedi.owner": spec.owner,
        "stedi.personal-data": spec.personal_data,
        # Engines write Parquet without field ids; readers find columns by name.
        "schema.name-mapping.default": schema.name_mapping.model_dump_json(),
        **_personal_properties(spec),
    }


def add_new_columns(spec: "TableSpec", table: "Table") -> "Table":
    """Adds the columns that the model has and the table does not have yet; old rows have null in them.

    Returns:
        The table, at the same snapshot.

    Raises:
        Conflict: Another run changed the table in between, and did not add the columns.
        LakeError: The table and its model contradict each other; see `check_schema`.
    """
    from pyiceberg.exceptions import CommitFailedException

    new = check_schema(spec, table)
    personal = {
        name: text for name, text in _personal_properties(spec).items() if table.properties.get(name) != text
    }
    if not new and not personal:
        return table
    try:
        with table.transaction() as change:
            if new:
                with change.update_schema() as update:
                    update.union_by_name(iceberg_schema(spec))
            if personal:
                change.set_properties(personal)
    except CommitFailedException:
        table.refresh()
        if check_schema(spec, table):
            raise Conflict(
                f"{spec.name} was changed by another run while this one worked: run again."
            ) from None
    return table


def check_schema(spec: "TableSpec", table: "Table") -> list[str]:
    """Checks that a table has the columns of its model, with their types, and no others.

    Returns:
        The columns of the model that the table does not have yet.

    Raises:
        LakeError: Another program renamed, dropped, added or changed a column, or the model has a new column
            that old rows cannot have.
    """
    stored = {field.name: field for field in table.schema().fields}
    wanted = {field.name: field for field in iceberg_schema(spec).fields}
    new = [name for name in wanted if name not in stored]
    for name in new:
        _check_not_lost(spec, table, name)
    for name, field in stored.items():
        if name not in wanted:
            raise LakeError(
                f"{spec.name}: the table has a column {name} that its model does not have: drop the column "
                "from the table, or add it to the model."
            )
        if field.field_type != wanted[name].field_type:
            raise LakeError(
                f"{spec.name}: the column {name} is {field.field_type} in the table but "
                f"{wanted[name].field_type} in its model: change it back where it was changed; for another "
                "type, add a column with another name."
            )
    required = [name for name in new if name not in spec.nullable_columns]
    if required and _has_rows(table):
        raise LakeError(
            f"{spec.name}: the model has a new column {required[0]} that must have a value, but the rows of "
            "the table have none: make the column nullable in the model."
        )
    return new


def _check_not_lost(spec: "TableSpec", table: "Table", name: str) -> None:
    """Checks that the table never had a column, which another program renamed or dropped then.

    Raises:
        LakeError: It had.
    """
    schemas = table.schemas().values()
    former = {field.field_id for schema in schemas for field in schema.fields if field.name == name}
    if not former:
        return
    for field in table.schema().fields:
        if field.field_id in former:
            raise LakeError(
                f"{spec.name}: another program renamed the column {name} to {field.name}: rename it back."
            )
    raise LakeError(
        f"{spec.name}: another program dropped the column {name}: add it to the table again with its former "
        "type."
    )


def _has_rows(table: "Table") -> bool:
    return table.current_snapshot() is not None and any(True for _ in table.scan().plan_files())


def _personal_properties(spec: "TableSpec") -> dict[str, str]:
    """Properties that say which columns are personal, and keep their bounds out of manifests."""
    return {
        "stedi.personal-columns": ",".join(spec.personal_columns),
        # Bounds in manifests would outlive an erased person.
        **{f"write.metadata.metrics.column.{name}": "none" for name in spec.personal_columns},
    }
