"""Apache Spark makes the very tables that Sail makes: in one process, on a cluster, behind Spark Connect."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark import cloudpickle

from scripts.spark_cluster import spark_cluster
from stedi_assets.assets import TABLES
from stedi_assets.lake.ingestion.lines import line_parser
from stedi_assets.lake.ingestion.records import line_form
from stedi_assets_tests.support.commands import Commands, commands
from stedi_assets_tests.support.copies import sampled
from stedi_assets_tests.support.lakes import PUBLIC, customer
from stedi_assets_tests.support.public import COUNTS, public
from stedi_assets_tests.support.zones import awkward_zone

if TYPE_CHECKING:
    import pyarrow as pa

AS_OF = 1_750_000_000_000  # 2025-06-15 15:06:40 UTC
DATABASES = {"strict": "stedi", "reference": "stedi_reference"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        shutil.which("java") is None, reason="Spark needs Java 17, and there is no `java` here."
    ),
]
# Java code that is compiled with much care pays off after minutes only. Queries are compiled too, or they are
# interpreted, which is as good for few rows and much sooner done.
COMPILED = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1"}
INTERPRETED = {
    "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 "
    "-Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN"
}


@dataclass(frozen=True)
class Engine:
    """An engine, what gives it commands, and where the nodes of its cluster log."""

    address: str
    commands: Commands
    logs: Path


@dataclass(frozen=True)
class Refreshed:
    """A lake after one run on it."""

    lake: Path
    report: dict[str, Any]
    stderr: str


@pytest.fixture(scope="module", params=sampled(["local", "cluster", "connect"], "local", "cluster"))
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder, logs = tmp_path_factory.mktemp(request.param), tmp_path_factory.mktemp("logs")
    if request.param == "local":
        with commands(folder, as_of=AS_OF, DAGSTER_HOME="", **COMPILED) as running:
            yield Engine("local[2]", running, logs)
        return
    # Nodes on which our package cannot be imported, as on any cluster that is not ours.
    absent = folder / "absent/stedi_assets"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ImportError('not on the nodes')")
    nodes = {"PYTHONPATH": str(absent.parent)} | INTERPRETED
    with (
        spark_cluster(logs, connect=request.param == "connect", environment=nodes) as address,
        commands(folder, as_of=AS_OF, DAGSTER_HOME="", **INTERPRETED) as running,
    ):
        yield Engine(address, running, logs)


@pytest.fixture(scope="module")
def sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Sail in a process of its own: two engines in one process disturb each other."""
    folder = tmp_path_factory.mktemp("sail")
    with commands(folder, as_of=AS_OF, DAGSTER_HOME="") as running:
        yield Engine("sail", running, folder)


@pytest.fixture(scope="module")
def by_sail(sail: Engine) -> Callable[[Path, str], Path]:
    """Lakes made by Sail, each of them once."""
    return cache(lambda zone, policy: made_by(sail, zone, policy).lake)


@pytest.fixture(scope="module")
def by_spark(engine: Engine) -> Callable[[Path, str], Refreshed]:
    """Lakes made by Spark, each of them once."""
    return cache(partial(made_by, engine))


def made_by(engine: Engine, zone: Path, policy: str) -> Refreshed:
    lake = engine.commands.folder / f"{zone.name}-{policy}"
    return refresh(engine.commands, lake, engine.address, zone, policy)


@pytest.mark.parametrize("policy", sampled(COUNTS, "strict"))
def test_every_row_is_the_one_that_sail_makes(
    by_sail: Callable[[Path, str], Path], by_spark: Callable[[Path, str], Refreshed], policy: str
) -> None:
    assert different_tables(by_sail, by_spark, awkward_zone(), policy) == []


@public
@pytest.mark.parametrize("engine", ["local"], indirect=True)
@pytest.mark.parametrize("policy", sampled(COUNTS, "reference"))
def test_the_public_data_has_the_published_counts_and_the_rows_that_sail_makes(
    by_sail: Callable[[Path, str], Path], by_spark: Callable[[Path, str], Refreshed], policy: str
) -> None:
    report = by_spark(PUBLIC, policy).report
    assert {name: table["rows"] for name, table in report["tables"].items()} == COUNTS[policy]
    assert different_tables(by_sail, by_spark, PUBLIC, policy) == []


def test_a_second_run_finds_the_tables_up_to_date(
    engine: Engine, by_spark: Callable[[Path, str], Refreshed]
) -> None:
    lake = by_spark(awkward_zone(), "strict").lake
    again = refresh(engine.commands, lake, engine.address, awkward_zone(), "strict")
    assert [name for name, table in again.report["tables"].items() if table["changed"]] == []


def test_sail_takes_up_what_spark_published(
    engine: Engine, sail: Engine, by_spark: Callable[[Path, str], Refreshed]
) -> None:
    lake = by_spark(awkward_zone(), "strict").lake
    query = "SELECT count(*) AS n, count(DISTINCT subject_id) AS people FROM machine_learning_curated"
    where = ("--format", "json", "--lake", str(lake))
    answers = [
        json.loads(one.commands.stedi("sql", query, *where, "--engine", one.address).stdout)
        for one in (sail, engine)
    ]
    assert answers[0] == answers[1]


def test_no_table_with_rows_has_files_without_rows(by_spark: Callable[[Path, str], Refreshed]) -> None:
    lake = by_spark(awkward_zone(), "strict").lake
    empty = [name for name in TABLES for file in files(lake, "strict", name) if not file.record_count]
    assert empty == []


def test_nothing_that_a_person_sent_is_logged(
    engine: Engine, by_spark: Callable[[Path, str], Refreshed]
) -> None:
    refreshed = by_spark(awkward_zone(), "strict")
    # The error of this cast quotes an email.
    query = "SELECT sum(CAST(email AS BIGINT)) FROM customer_landing"
    where = ("--lake", str(refreshed.lake), "--engine", engine.address)
    refused = engine.commands.stedi("sql", query, *where, check=False)
    assert refused.returncode == 1
    assert "CAST_INVALID_INPUT" in refused.stderr
    logs = {
        str(path): path.read_text()
        for pattern in ("*.log", "worker-*/*/*/std*")
        for path in engine.logs.glob(pattern)
    }
    assert bool(logs) == (engine.address != "local[2]")
    told = {"run": refreshed.stderr, "query": refused.stdout + refused.stderr, **logs}
    assert [name for name, text in told.items() if "@example" in text] == []


@pytest.mark.parametrize(
    ("name", "broken", "line"),
    [
        (
            *("customer_landing", "sharewithresearchasofdate_plausible"),
            json.dumps(json.loads(customer("ada@example.com", None)) | {"shareWithResearchAsOfDate": 1}),
        ),
        (
            *("accelerometer_landing", "x_in_range"),
            '{"user": "ada@example.com", "timestamp": 1700000000000, "x": 17, "y": 0, "z": 1}',
        ),
        (
            *("step_trainer_landing", "distancefromobject_in_range"),
            '{"sensorReadingTime": 1700000000000, "serialNumber": "1", "distanceFromObject": 4001}',
        ),
    ],
    ids=["customer", "accelerometer", "step trainer"],
)
def test_the_parser_needs_nothing_of_ours_on_the_nodes(
    name: str, broken: str, line: str, tmp_path: Path
) -> None:
    spec = TABLES[name]
    assert spec.source
    (tmp_path / "lines.json").write_text(f"{{}}\n\n7\n{line}\n")
    (tmp_path / "parser").write_bytes(
        cloudpickle.dumps(line_parser(line_form(spec.source.record, spec.instant, spec.source.person)))
    )
    code = """
import pickle, sys
import pyarrow as pa
for package in ("stedi_assets", "dagster", "pandera", "pyiceberg"):
    sys.modules[package] = None
parse = pickle.load(open("parser", "rb"))
[rows] = parse(iter([pa.RecordBatch.from_pydict({"path": ["lines.json"], "location": ["lines.json"]})]))
print(rows.column("_reason").to_pylist())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == f"['missing_field', 'empty', 'not_an_object', '{broken}']"


def different_tables(
    by_sail: Callable[[Path, str], Path], by_spark: Callable[[Path, str], Refreshed], zone: Path, policy: str
) -> list[str]:
    expected, made = by_sail(zone, policy), by_spark(zone, policy).lake
    return [name for name in TABLES if rows(made, policy, name) != rows(expected, policy, name)]


def refresh(commands: Commands, lake: Path, engine: str, zone: Path, policy: str) -> Refreshed:
    where = ("--landing", str(zone), "--lake", str(lake), "--engine", engine)
    done = commands.stedi("run", *where, "--policy", policy, "--format", "json")
    return Refreshed(lake, json.loads(done.stdout), done.stderr)


def rows(lake: Path, policy: str, name: str) -> pa.Table:
    """The rows of a table in one order."""
    table = load(lake, policy, name).scan().to_arrow()
    return table.sort_by([(column, "ascending") for column in table.column_names]).combine_chunks()


def files(lake: Path, policy: str, name: str) -> list[Any]:
    return [task.file for task in load(lake, policy, name).scan().plan_files()]


def load(lake: Path, policy: str, name: str) -> Any:
    from pyiceberg.catalog import load_catalog

    catalog = load_catalog("stedi", type="sql", uri=f"sqlite:///{lake}/catalog.db")
    return catalog.load_table((DATABASES[policy], name))
