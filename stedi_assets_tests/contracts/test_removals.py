"""The alarm for removals: it warns of many, of those of the last publish only, and holds nothing back."""

import pytest

from stedi_assets_tests.support.lakes import customer, new_lake, write_landing

TABLE, CHECK = "customer_trusted", "customer_trusted.removals"
PEOPLE = 10


def withdraw(lake, count, run):
    lines = (customer(f"{number}@example.com", None, updated=1_000 + run) for number in range(count))
    write_landing(
        lake.landing, {f"customer/landing/withdrawn-{run}.json": "".join(f"{it}\n" for it in lines)}
    )


@pytest.fixture
def lake(tmp_path, key):
    lake = new_lake(tmp_path / "lake")
    lines = (customer(f"{number}@example.com", 500, serial=f"d-{number}") for number in range(PEOPLE))
    write_landing(lake.landing, {"customer/landing/all.json": "".join(f"{it}\n" for it in lines)})
    assert lake.built().checks[CHECK]["result"] == "passed"
    return lake


@pytest.mark.parametrize(("gone", "result"), [(2, "passed"), (3, "warned")])
def test_a_run_that_removes_more_than_the_share_warns_and_removes_them(lake, gone, result):
    withdraw(lake, gone, 1)
    check = lake.built().checks[CHECK]
    assert check["result"] == result
    assert check["broken"] == (gone if result == "warned" else 0)
    assert sum(lake.rows(TABLE).values()) == PEOPLE - gone


def test_the_share_is_a_setting(lake):
    lake.settings["STEDI_REMOVAL_SHARE"] = "9"
    withdraw(lake, 1, 1)
    assert lake.built().checks[CHECK]["result"] == "warned"


def test_the_next_publish_without_removals_passes(lake):
    withdraw(lake, 3, 1)
    assert lake.built().checks[CHECK]["result"] == "warned"
    write_landing(
        lake.landing, {"customer/landing/new.json": customer("new@example.com", 500, serial="d-new")}
    )
    assert lake.built().checks[CHECK]["result"] == "passed"
