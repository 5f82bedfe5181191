"""No table stops the removals of another: one table is broken in some way while Bo withdraws."""

import json
from itertools import product
from pathlib import Path

import pytest
from pyiceberg.expressions import AlwaysTrue

from stedi_assets_tests.support.copies import Kept, sampled
from stedi_assets_tests.support.lakes import EPOCH, TestLake, customer, write_landing

ADA, BO = "ada@example.com", "bo@example.com"
NOW = EPOCH + 5_000
PERSON = {
    "customer_trusted": "email",
    "accelerometer_trusted": "user",
    "customer_curated": "email",
    "step_trainer_trusted": "serialnumber",
}
"""The column that says whose a row is; in these tests the serial number of a device is the email."""


def another_program_overwrites(table) -> None:
    table.overwrite(table.scan().to_arrow())


def another_program_renames_a_column(table) -> None:
    name = table.schema().fields[0].name
    with table.update_schema() as change:
        change.rename_column(name, f"{name}_renamed")


def another_program_drops_a_column(table) -> None:
    with table.update_schema() as change:
        change.delete_column(table.schema().fields[0].name)


def another_program_empties_it(table) -> None:
    table.delete(AlwaysTrue())


def data_files_are_lost(table) -> None:
    for task in table.scan().plan_files():
        Path(task.file.file_path.removeprefix("file://")).unlink()


BREAKAGES = (
    another_program_overwrites,
    another_program_renames_a_column,
    another_program_drops_a_column,
    another_program_empties_it,
    data_files_are_lost,
)


BROKEN = ("step_trainer_trusted", "customer_curated")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Ada and Bo agree to share, and each has a pair of readings."""
    folder = tmp_path_factory.mktemp("lakes") / "built"
    at = EPOCH + 1_000
    lines = {"customer": [], "accelerometer": [], "step_trainer": []}
    for email in (ADA, BO):
        lines["customer"].append(customer(email, 500, serial=email))
        lines["accelerometer"].append(
            json.dumps({"user": email, "timestamp": at, "x": 0.1, "y": 0.2, "z": 0.3})
        )
        lines["step_trainer"].append(
            json.dumps({"sensorReadingTime": at, "serialNumber": email, "distanceFromObject": 500})
        )
    files = {f"{source}/landing/1.json": "\n".join(rows) for source, rows in lines.items()}
    lake = TestLake(folder, write_landing(folder / "in", files))
    lake.built(as_of=NOW)
    return lake, Kept.of(folder)


@pytest.fixture
def lake(built):
    lake, kept = built
    yield lake
    kept.restore()


def people_in(lake: TestLake, name: str) -> set[str]:
    return set(lake.table(name).scan().to_arrow()[PERSON[name]].to_pylist())


@pytest.mark.parametrize(
    ("broken", "breakage"),
    sampled(
        [*product(BROKEN, BREAKAGES)],
        ("step_trainer_trusted", another_program_renames_a_column),
        ("customer_curated", data_files_are_lost),
    ),
)
def test_people_who_withdrew_leave_every_table_that_can_be_written(lake, broken, breakage):
    breakage(lake.table(broken))
    withdrawal = customer(BO, None, updated=2_000, serial=BO)
    write_landing(lake.landing, {"customer/landing/2.json": withdrawal})

    result = lake.run(as_of=NOW)

    for name in PERSON.keys() - {broken}:
        assert people_in(lake, name) == {ADA}, name
    assert len(lake.table("machine_learning_curated").scan().to_arrow()) == 1
    assert len(lake.table("customer_landing").scan().to_arrow()) == 3
    if result.failures:
        assert all(sentence.startswith(f"{broken}: ") or broken in sentence for sentence in result.failures)
        assert not any("AssertionError" in sentence or "KeyError" in sentence for sentence in result.failures)
    else:
        assert people_in(lake, broken) == {ADA}
