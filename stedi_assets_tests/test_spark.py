"""Apache Spark makes the very tables that Sail makes: in one process, on a cluster, behind Spark Connect."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark import cloudpickle

from scripts.spark_cluster import spark_cluster
from stedi_assets.lake.ingest import line_parser
from stedi_assets.tables import TABLES
from stedi_assets.transforms.landing import line_form
from stedi_assets_tests.lakes import PUBLIC, REPOSITORY, SAMPLE, customer
from stedi_assets_tests.test_public_data import COUNTS

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
public = pytest.mark.skipif(
    not PUBLIC.is_dir(),
    reason="The public STEDI data is not in ../shared/stedi-public beside the repository.",
)
zones = pytest.mark.parametrize(
    ("zone", "policy"),
    [
        pytest.param(PUBLIC, "strict", marks=public),
        pytest.param(PUBLIC, "reference", marks=public),
        (SAMPLE, "strict"),
    ],
    ids=["public-strict", "public-reference", "sample-strict"],
)


@dataclass(frozen=True)
class Engine:
    """An engine, and where the nodes of its cluster log."""

    address: str
    logs: Path


@dataclass(frozen=True)
class Refreshed:
    """A lake after one run on it."""

    lake: Path
    report: dict[str, Any]
    stderr: str


@pytest.fixture(scope="module", params=["local", "cluster", "connect"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "local":
        yield Engine("local[2]", folder)
        return
    with ExitStack() as stack:
        # Nodes on which our package cannot be imported, as on any cluster that is not ours.
        absent = folder / "absent/stedi_assets"
        absent.mkdir(parents=True)
        (absent / "__init__.py").write_text("raise ImportError('not on the nodes')")
        environment = {"PYTHONPATH": str(absent.parent)}
        connect = request.param == "connect"
        yield Engine(
            stack.enter_context(spark_cluster(folder, connect=connect, environment=environment)), folder
        )


@pytest.fixture(scope="module")
def by_sail(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Path]:
    """Lakes made by Sail, each of them once."""

    @cache
    def made(zone: Path, policy: str) -> Path:
        return refresh(tmp_path_factory.mktemp("sail"), "sail", zone, policy).lake

    return made


@pytest.fixture(scope="module")
def by_spark(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Refreshed]:
    """Lakes made by Spark, each of them once."""

    @cache
    def made(zone: Path, policy: str) -> Refreshed:
        return refresh(tmp_path_factory.mktemp("spark"), engine.address, zone, policy)

    return made


@public
@pytest.mark.parametrize("policy", COUNTS)
def test_the_public_data_has_the_published_counts(
    by_spark: Callable[[Path, str], Refreshed], policy: str
) -> None:
    report = by_spark(PUBLIC, policy).report
    assert {name: table["rows"] for name, table in report["tables"].items()} == COUNTS[policy]


@zones
def test_every_row_is_the_one_that_sail_makes(
    by_sail: Callable[[Path, str], Path],
    by_spark: Callable[[Path, str], Refreshed],
    zone: Path,
    policy: str,
) -> None:
    expected, made = by_sail(zone, policy), by_spark(zone, policy).lake
    different = [name for name in TABLES if rows(made, policy, name) != rows(expected, policy, name)]
    assert different == []


def test_a_second_run_finds_the_tables_up_to_date(
    engine: Engine, by_spark: Callable[[Path, str], Refreshed]
) -> None:
    lake = by_spark(SAMPLE, "strict").lake
    again = refresh(lake.parent, engine.address, SAMPLE, "strict")
    assert [name for name, table in again.report["tables"].items() if table["changed"]] == []


def test_sail_takes_up_what_spark_published(
    engine: Engine, by_spark: Callable[[Path, str], Refreshed], tmp_path: Path
) -> None:
    lake = by_spark(SAMPLE, "strict").lake
    query = "SELECT count(*) AS n, count(DISTINCT subject_id) AS people FROM machine_learning_curated"
    answers = [
        json.loads(
            stedi(tmp_path, "sql", query, "--format", "json", "--lake", str(lake), "--engine", name).stdout
        )
        for name in ("sail", engine.address)
    ]
    assert answers[0] == answers[1]


def test_no_table_with_rows_has_files_without_rows(by_spark: Callable[[Path, str], Refreshed]) -> None:
    lake = by_spark(SAMPLE, "strict").lake
    empty = [name for name in TABLES for file in files(lake, "strict", name) if not file.record_count]
    assert empty == []


def test_nothing_that_a_person_sent_is_logged(
    engine: Engine, by_spark: Callable[[Path, str], Refreshed], tmp_path: Path
) -> None:
    refreshed = by_spark(SAMPLE, "strict")
    # The error of this cast quotes an email.
    query = "SELECT sum(CAST(email AS BIGINT)) FROM customer_landing"
    refused = stedi(
        tmp_path, "sql", query, "--lake", str(refreshed.lake), "--engine", engine.address, check=False
    )
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
    (tmp_path / "lines.json").write_text(f"{{}}\n\n[]\n{line}\n")
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


def refresh(folder: Path, address: str, zone: Path, policy: str) -> Refreshed:
    """One run, in a process of its own: two engines in one process disturb each other."""
    lake = folder / "lake"
    where = ("--landing", str(zone), "--lake", str(lake), "--engine", address)
    done = stedi(folder, "run", *where, "--policy", policy, "--as-of", str(AS_OF), "--json")
    return Refreshed(lake, json.loads(done.stdout), done.stderr)


def stedi(
    folder: Path, *arguments: str, check: bool = True, **variables: str
) -> subprocess.CompletedProcess[str]:
    left_out = ("STEDI_", "PYSPARK_", "SPARK_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    environment |= {
        "DAGSTER_HOME": str(folder / "dagster"),
        "PYTHONPATH": str(REPOSITORY),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "STEDI_PSEUDONYM_KEY": "a key for tests that keeps no secret",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-c", "from stedi_assets.cli import main; main()", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


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
