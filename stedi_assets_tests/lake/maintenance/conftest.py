"""A lake to maintain."""

import pytest

from stedi_assets_tests.support.lakes import EPOCH, TestLake, customer, reading, step, write_landing

DAY = 86_400_000


OWNER = "ada@example.com"


@pytest.fixture
def town():
    """Two consenting people and one who is not, with two days of readings of both kinds."""
    people = [customer(OWNER, 500, serial="device-1"), customer("bö@example.com", 500, serial="device-2")]
    people.append(customer("cy@example.com", None, serial="device-3"))
    instants = [EPOCH + day * DAY + second * 1_000 for day in (0, 1) for second in range(1, 5)]
    return {
        "customer/landing/1.json": "\n".join(people) + "\nno customer\n",
        "accelerometer/landing/1.json": "".join(
            reading(email, instant, x=-0.0, y=0.1, z=1 / 3) + "\n"
            for instant in instants
            for email in (OWNER, "bö@example.com", "cy@example.com")
        ),
        "step_trainer/landing/1.json": "".join(
            step(instant, f"device-{number}") + "\n" for instant in instants for number in (1, 2, 3)
        ),
    }


@pytest.fixture
def people(tmp_path, town):
    """A lake with the three customers alone; one line names no one."""
    lines = {name: text for name, text in town.items() if name.startswith("customer")}
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", lines))
    lake.built(select="customer_landing")
    return lake
