"""docs/extending.md: its worked examples, applied to a copy of the package, do what the page says."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stedi_assets_tests.support.commands import KEY, Commands, commands, environment
from stedi_assets_tests.support.lakes import EPOCH, REPOSITORY, TestLake, customer, write_landing

pytestmark = pytest.mark.slow

PAGE = REPOSITORY / "docs" / "extending.md"
DAY_MS = 86_400_000
ADA, BO = "ada@example.com", "bo@example.com"
USE_ENGINE = """
from pysail.spark import SparkConnectServer
from stedi_assets.engines.shared_sail import SharedSailResource

server = SparkConnectServer(ip="127.0.0.1", port=0)
server.start(background=True)
session = SharedSailResource(port=server.listening_address[1]).spark_session
print(session.range(3).count())
session.stop()  # a session whose server is gone retries for minutes
server.stop()
"""
UPSTREAM = (
    *("customer_landing", "accelerometer_landing"),
    *("customer_trusted", "accelerometer_trusted", "active_days_trusted"),
)
DEVICE = "6b1a4f7e-0c5d-4f7e-9a51-1f0d2c3b4a59"


def applied(package_root: Path, diff: str) -> None:
    """Applies a diff of the page: every hunk must match one place; one of new lines alone is appended."""
    head, *hunks = re.split(r"^@@.*\n|(?<=\.py)\n", diff, flags=re.MULTILINE)
    file = package_root / head.removeprefix("--- ")
    text = file.read_text() if file.exists() else ""
    for hunk in filter(None, hunks):
        lines = hunk.splitlines()
        assert all(line[:1] in {" ", "+", "-"} for line in lines), hunk
        before = "".join(f"{line[1:]}\n" for line in lines if line[0] != "+")
        after = "".join(f"{line[1:]}\n" for line in lines if line[0] != "-")
        assert not before or text.count(before) == 1, f"{file.name}: not one place for\n{before}"
        text = text.replace(before, after) if before else text + after
    file.write_text(text)


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A folder with the extended package, which the commands that run there import, and a landing zone."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(
        REPOSITORY / "stedi_assets", folder / "stedi_assets", ignore=shutil.ignore_patterns("__pycache__")
    )
    for diff in re.findall(r"^```diff\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        applied(folder, diff)
    write_landing(
        folder / "landing",
        {
            "customer/landing/1.json": lines(customer(ADA, 1, serial=DEVICE), customer(BO, None, serial="2")),
            "accelerometer/landing/1.json": lines(
                reading("Ada@Example.com ", 10),
                reading(ADA, 20),
                reading(ADA, DAY_MS),
                reading(ADA, -DAY_MS),  # before the consent
                reading(BO, 10),
            ),
            "step_trainer/landing/1.json": lines(
                step(10), step(20, batteryLevel=80), step(30, batteryLevel=140)
            ),
        },
    )
    return folder


@pytest.fixture(scope="module")
def shell(extended) -> Iterator[Commands]:
    """A process that runs the commands of the extended package."""
    with commands(extended, STEDI_PSEUDONYM_KEY=KEY) as started:
        yield started


@pytest.fixture(scope="module")
def report(shell) -> dict[str, Any]:
    """The report of the first run."""
    return run(shell)


def lines(*records: str) -> str:
    return "\n".join(records)


def reading(user: str, at: int) -> str:
    return json.dumps({"user": user, "timestamp": EPOCH + at, "x": 0.5, "y": 0.5, "z": 0.5})


def step(at: int, **more: int) -> str:
    return json.dumps(
        {"sensorReadingTime": EPOCH + at, "serialNumber": DEVICE, "distanceFromObject": 7, **more}
    )


def run(shell: Commands, *options: str) -> dict[str, Any]:
    return json.loads(
        shell.stedi("run", "--format", "json", "--landing", "landing", "--lake", "lake", *options).stdout
    )


def column(folder: Path, table: str, name: str) -> Counter[Any]:
    return Counter(TestLake(folder).table(table).scan().to_arrow()[name].to_pylist())


@pytest.mark.usefixtures("report")
def test_the_column_is_in_the_landing_and_the_trusted_table(extended):
    assert column(extended, "step_trainer_landing", "batterylevel") == {None: 1, 80: 1}
    assert column(extended, "step_trainer_trusted", "batterylevel") == {None: 1, 80: 1}
    assert column(extended, "quarantine", "reason") == {"batterylevel_in_range": 1}


def test_the_table_has_its_rows_and_every_rule(extended, report):
    assert TestLake(extended).rows("active_days_trusted") == {
        (ADA, date(2020, 9, 13), 2): 1,
        (ADA, date(2020, 9, 14), 1): 1,
    }
    rules = {name.partition(".")[2] for name in report["checks"] if name.startswith("active_days_trusted.")}
    assert rules == {
        *("not_held", "only_consenting_people", "active_since_consent", "reconciles", "as_delivered"),
        *("columns", "no_missing_values", "email_format", "readings_in_range"),
    }


def test_the_rule_passes_and_warns_where_it_is_broken(shell, report):
    found = report["checks"]["active_days_trusted.active_since_consent"]
    check = "privacy_active_since_consent"
    assert found == {"check": check, "result": "passed", "checked": 2, "broken": 0}
    relaxed = run(shell, "--policy", "reference", "--select", ",".join(UPSTREAM))
    found = relaxed["checks"]["active_days_trusted.active_since_consent"]
    assert found == {"check": check, "result": "warned", "checked": 3, "broken": 1}


@pytest.mark.usefixtures("report")
def test_rows_of_people_who_withdraw_leave_the_table_first(extended, shell):
    withdrawal = customer(ADA, None, updated=2_000, serial=DEVICE)
    write_landing(extended / "landing", {"customer/landing/2.json": withdrawal})
    assert run(shell, "--select", "customer_landing")["removed"]["active_days_trusted"] == 2
    assert not TestLake(extended).rows("active_days_trusted")


def test_the_engine_gives_a_session(extended):
    done = subprocess.run(
        [sys.executable, "-c", USE_ENGINE],
        cwd=extended,
        env=environment(extended),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "3\n", done.stderr
