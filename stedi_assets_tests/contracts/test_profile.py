"""The profile on the page of a table: of several people only, and always on the page."""

import json

import dagster as dg
import pytest

from stedi_assets.contracts import Contract
from stedi_assets_tests.support.charts import drawn
from stedi_assets_tests.support.lakes import EPOCH, TestLake, customer, write_landing

pytestmark = pytest.mark.slow

READINGS = (
    "accelerometer_landing", "accelerometer_trusted", "step_trainer_landing", "step_trainer_trusted",
    "machine_learning_curated",
)  # fmt: skip


def zone(root, people, alone=None):
    """A landing zone in which everybody has a reading of 1.05 g and of 205 mm, in an instant of their own.

    Args:
        root: Where it is.
        people: Emails, as the readings spell them, and devices.
        alone: Email of a person with a reading of 3.05 g besides.
    """
    customers = [customer(name.lower(), 500, serial=device) for name, device in people]
    accelerations = [(name, 1_000 + number, 1.05) for number, (name, _) in enumerate(people)]
    if alone:
        accelerations.append((alone, 5_000, 3.05))
    return write_landing(
        root,
        {
            "customer/landing/a.json": "\n".join(customers),
            "accelerometer/landing/a.json": "\n".join(
                json.dumps({"user": name, "timestamp": EPOCH + at, "x": 0.0, "y": 0.0, "z": z})
                for name, at, z in accelerations
            ),
            "step_trainer/landing/a.json": "\n".join(
                json.dumps(
                    {
                        "sensorReadingTime": EPOCH + 1_000 + number,
                        "serialNumber": device,
                        "distanceFromObject": 205,
                    }
                )
                for number, (_, device) in enumerate(people)
            ),
        },
    )


def profiles(home):
    """The profile and the charts on the pages of the tables of readings, as one text."""
    found = {}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for name in READINGS:
            event = instance.get_latest_materialization_event(dg.AssetKey(name))
            metadata = event.asset_materialization.metadata
            shown = [metadata[part].value for part in ("profile", "charts") if part in metadata]
            found[name] = "\n\n".join(shown)
    return found


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    return tmp_path / "dagster"


@pytest.fixture
def five(tmp_path, home):
    people = [(f"{name}@example.com", f"device-{name}") for name in ("ada", "bo", "cy", "di", "ed")]
    lake = TestLake(tmp_path, zone(tmp_path / "in", people, alone="ada@example.com"))
    lake.built()
    return lake


def test_five_people_make_a_chart_and_who_is_alone_is_not_in_it(five, home):
    shown = profiles(home)
    trusted = shown["accelerometer_trusted"].split("\n\n")
    assert trusted[0] == "6 rows"
    assert "| user | 0 | 5 |" in trusted[1]
    assert "| timestamp | 0 | 6 |" in trusted[1]
    assert "| z | 0 | 2 |" in trusted[1]
    assert trusted[2] == "acceleration from 1 to 1.1 g, without values that fewer than 5 people share."
    assert "3.05" not in shown["accelerometer_trusted"]  # one person's
    days, accelerations, note = trusted[-3:]
    assert drawn(days)[0] == 1
    assert note == "Values that fewer than 5 people share are in no chart."
    bars, words = drawn(accelerations)
    assert (bars, words[:2]) == (1, ["Readings by acceleration, g", "1"])
    assert shown["machine_learning_curated"].count("data:image/svg+xml;base64,") == 3
    assert "Readings by distance, mm" in shown["step_trainer_landing"]
    assert "| distancefromobject | 0 | 1 |" in shown["step_trainer_trusted"]
    assert "distance from 200 to 210 mm, without" in shown["step_trainer_trusted"]


def test_four_people_make_none_with_two_spellings_and_two_devices(tmp_path, home):
    people = [(f"{name}@example.com", f"device-{name}") for name in ("ada", "bo", "cy", "di")]
    lake = TestLake(tmp_path, zone(tmp_path / "in", [*people, ("Ada@Example.com", "device-5")]))
    lake.built()
    for name, shown in profiles(home).items():
        assert "No ranges and no charts" in shown, name
        assert "data:image" not in shown, name
        assert not {"1.05", "205", "2020-09-13"} & set(shown.split()), name


def test_the_profile_stays_while_a_table_is_up_to_date(five, home, monkeypatch):
    before = profiles(home)
    with monkeypatch.context() as patch:
        patch.setattr(Contract, "profile", None)
        again = five.built()
    assert not any(table.changed for table in again.tables.values())
    assert profiles(home) == before


def test_a_new_dagster_home_gets_the_profile_too(five, home, tmp_path, monkeypatch):
    before = profiles(home)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "another"))
    again = five.built()
    assert not any(table.changed for table in again.tables.values())
    assert profiles(tmp_path / "another") == before
