"""The asset graph as Dagster loads it."""

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from stedi_assets.assets import TABLES
from stedi_assets.orchestration.build import build_defs
from stedi_assets.settings import Settings
from stedi_assets_tests.support.lakes import REPOSITORY

GRAPH = {
    "customer_landing": ("landing", set()),
    "accelerometer_landing": ("landing", set()),
    "step_trainer_landing": ("landing", set()),
    "customer_trusted": ("trusted", {"customer_landing"}),
    "accelerometer_trusted": ("trusted", {"accelerometer_landing", "customer_trusted"}),
    "customer_curated": ("curated", {"customer_trusted", "accelerometer_trusted"}),
    "step_trainer_trusted": ("trusted", {"step_trainer_landing", "customer_curated", "customer_landing"}),
    "machine_learning_curated": (
        "curated",
        {"accelerometer_trusted", "step_trainer_trusted", "customer_curated"},
    ),
}

CUSTOMER_COLUMNS = [
    "customername", "email", "phone", "birthday", "serialnumber", "registrationdate", "lastupdatedate",
    "sharewithresearchasofdate", "sharewithpublicasofdate", "sharewithfriendsasofdate",
]  # fmt: skip
COLUMNS = {
    "customer_landing": [*CUSTOMER_COLUMNS, "source_file", "batch_id"],
    "accelerometer_landing": ["user", "timestamp", "x", "y", "z", "event_date", "source_file", "batch_id"],
    "step_trainer_landing": [
        "sensorreadingtime", "serialnumber", "distancefromobject", "event_date", "source_file", "batch_id",
    ],
    "customer_trusted": CUSTOMER_COLUMNS,
    "accelerometer_trusted": ["user", "timestamp", "x", "y", "z", "event_date"],
    "customer_curated": CUSTOMER_COLUMNS,
    "step_trainer_trusted": ["sensorreadingtime", "serialnumber", "distancefromobject", "event_date"],
    "machine_learning_curated": [
        "subject_id", "timestamp", "x", "y", "z", "distancefromobject", "split", "event_date",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def graph():
    return build_defs(Settings.from_settings({})).resolve_asset_graph()


def spec_of(graph, name):
    return graph.get(dg.AssetKey(name))


def test_the_graph_is_the_one_of_the_design(graph):
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == set(GRAPH)
    for name, (group, parents) in GRAPH.items():
        node = spec_of(graph, name)
        assert node.group_name == group
        assert {key.to_user_string() for key in node.parent_keys} == parents


@pytest.mark.parametrize("name", GRAPH)
def test_every_asset_says_what_it_is(graph, name):
    node = spec_of(graph, name)
    assert "For " in node.description
    assert node.owners == ["team:stedi-data"]
    assert node.kinds == {"pyspark", "iceberg"}
    assert node.code_version
    assert node.tags["personal_data"] == ("pseudonymous" if name == "machine_learning_curated" else "direct")
    assert not node.is_partitioned


@pytest.mark.parametrize("name", GRAPH)
def test_every_column_has_a_type_and_a_meaning_before_anything_is_materialized(graph, name):
    schema = spec_of(graph, name).metadata["dagster/column_schema"]
    assert [column.name for column in schema.columns] == COLUMNS[name]
    assert all(column.description for column in schema.columns)
    assert {column.type for column in schema.columns} <= {"string", "bigint", "double", "date"}


def test_personal_columns_are_marked(graph):
    def personal(name):
        schema = spec_of(graph, name).metadata["dagster/column_schema"]
        return {column.name for column in schema.columns if "personal" in column.tags}

    assert personal("customer_trusted") == set(CUSTOMER_COLUMNS)
    assert personal("accelerometer_trusted") == {"user"}
    assert personal("step_trainer_trusted") == {"serialnumber"}
    assert personal("machine_learning_curated") == set()


def test_columns_of_the_machine_learning_table_say_where_they_come_from(graph):
    lineage = spec_of(graph, "machine_learning_curated").metadata["dagster/column_lineage"]
    origins = {
        column: [f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in deps]
        for column, deps in lineage.deps_by_column.items()
    }
    assert origins == {
        "subject_id": ["customer_curated.email"],
        "split": ["customer_curated.email"],
        "timestamp": ["accelerometer_trusted.timestamp"],
        "x": ["accelerometer_trusted.x"],
        "y": ["accelerometer_trusted.y"],
        "z": ["accelerometer_trusted.z"],
        "event_date": ["accelerometer_trusted.event_date"],
        "distancefromobject": ["step_trainer_trusted.distancefromobject"],
    }


def test_the_description_of_a_column_says_what_it_is_made_from(graph):
    schema = spec_of(graph, "machine_learning_curated").metadata["dagster/column_schema"]
    described = {column.name: column.description for column in schema.columns}
    assert described["subject_id"].endswith(" Made from customer_curated.email.")
    assert described["x"].endswith(" Made from accelerometer_trusted.x.")
    landed = spec_of(graph, "customer_landing").metadata["dagster/column_schema"]
    assert not any("Made from" in column.description for column in landed.columns)


def test_the_reference_policy_has_asset_keys_of_its_own():
    definitions = build_defs(Settings.from_settings({"STEDI_POLICY": "reference"}))
    keys = definitions.resolve_asset_graph().get_all_asset_keys()
    assert {tuple(key.path) for key in keys} == {("stedi_reference", name) for name in TABLES}


LOAD = """
import json, socket, sys
opened = []
sys.addaudithook(lambda event, args: opened.append((event, str(args[0]))) if event in ("open", "socket.connect", "socket.bind") else None)
import stedi_assets.definitions
stedi_assets.definitions.defs.resolve_all_job_defs()
print(json.dumps({
    "modules": [m for m in ("pyiceberg", "pysail", "boto3", "sqlglot", "leather") if m in sys.modules],
    "sockets": [e for e in opened if e[0].startswith("socket")],
    "files": [e[1] for e in opened if "stedi-test" in e[1]],
}))
"""  # noqa: E501


def test_loading_the_code_location_does_no_io(tmp_path):
    """Law 9: no engine, connection, file or secret is touched at import."""
    settings = {
        "STEDI_LAKE": str(tmp_path / "stedi-test-lake"),
        "STEDI_LANDING": str(tmp_path / "stedi-test-landing"),
    }
    import os

    done = subprocess.run(
        [sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, env=os.environ | settings
    )
    assert json.loads(done.stdout) == {"modules": [], "sockets": [], "files": []}
    assert not list(tmp_path.iterdir())


def test_a_bad_setting_stops_the_load_with_its_sentence():
    import os

    done = subprocess.run(
        [sys.executable, "-c", "import stedi_assets.definitions"],
        capture_output=True, text=True, env=os.environ | {"STEDI_POLICY": "lenient"},
    )  # fmt: skip
    assert done.returncode
    assert "STEDI_POLICY is lenient, but must be strict or reference." in done.stderr


@pytest.mark.slow
def test_dg_lists_the_graph_without_a_warning_of_ours():
    listed = subprocess.run(
        [Path(sys.executable).with_name("dg"), "list", "defs", "--json"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    definitions = json.loads(listed.stdout)
    assert {asset["asset_key"] for asset in definitions["assets"]} >= set(GRAPH)
    assert {job["name"] for job in definitions["jobs"]} >= {"refresh", "maintain", "rekey"}
    assert "stedi_assets" not in listed.stderr
