"""Law 6: nothing row-like leaves the lake. Canary people go through runs that go well and wrong."""

import json

import pytest

from stedi_assets.lake import staging
from stedi_assets.tables import TABLES
from stedi_assets_tests.lakes import TestLake, write_landing

CANARIES = ("Zyqqara", "zyqqara", "555-0199-7", "1987-06-05", "c0ffee00-dead-4bad-beef-00000000cafe")
NOON = 1_700_000_000_000


def canary_zone(root):
    """A consenting canary with readings, and lines of a second one that cannot become rows."""
    person = {
        "customerName": "Zyqqara Canary", "email": "Zyqqara@example.com", "phone": "555-0199-7",
        "birthDay": "1987-06-05", "serialNumber": "c0ffee00-dead-4bad-beef-00000000cafe",
        "registrationDate": NOON, "lastUpdateDate": NOON, "shareWithResearchAsOfDate": NOON,
    }  # fmt: skip
    reading = {"user": "Zyqqara@example.com", "timestamp": NOON, "x": 0.1, "y": 0.2, "z": 0.3}
    step = {"sensorReadingTime": NOON, "serialNumber": person["serialNumber"], "distanceFromObject": 200}
    held = json.dumps(person | {"email": "Zyqqara.Held@example.com"})
    customers = (held[:-9], held.replace(str(NOON), "3"), "Zyqqara 555-0199-7", held[: held.index(".Held")])
    readings = ({"timestamp": "Zyqqara"}, {"user": "Zyqqara"}, {"x": 17}, {"timestamp": 1})
    steps = (json.dumps(step)[:70], json.dumps(step | {"distanceFromObject": -1}))
    return write_landing(
        root,
        {
            "customer/landing/a.json": "\n".join((json.dumps(person), *customers)),
            "accelerometer/landing/a.json": "\n".join(json.dumps(reading | odd) for odd in ({}, *readings)),
            "step_trainer/landing/a.json": "\n".join((json.dumps(step), *steps)),
        },
    )


def engine_error(frame):
    """A frame on which the engine fails, quoting a value."""
    return frame.selectExpr("*", "cast(concat(user, '!') as bigint) as broken")


@pytest.mark.parametrize("mishap", ["none", "engine error", "crash"])
def test_no_canary_is_found_outside_of_the_lake(tmp_path, monkeypatch, capfd, mishap):
    home = tmp_path / "dagster"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    lake = TestLake(tmp_path, canary_zone(tmp_path / "in"))
    write = staging.StagingArea.write

    def failing(area, frame):
        if mishap == "crash" and area.spec.name == "customer_trusted":
            raise RuntimeError("crashed")
        if mishap == "engine error" and area.spec.name == "accelerometer_trusted":
            frame = engine_error(frame).drop("user").withColumnRenamed("broken", "user")
        write(area, frame)

    monkeypatch.setattr(staging.StagingArea, "write", failing)
    result = lake.run()
    assert bool(result.failures) == (mishap != "none")
    if mishap == "none":
        assert sum(lake.rows("machine_learning_curated").values()) == 1
        assert sum(lake.rows("quarantine").values()) == 10

    printed = capfd.readouterr()
    assert not found_in((printed.out + printed.err + "".join(result.failures)).encode())
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        assert not found_in(path.read_bytes()), path


def test_quarantined_lines_are_nowhere_but_in_the_quarantine(tmp_path):
    lake = TestLake(tmp_path, canary_zone(tmp_path / "in"))
    lake.built()
    for name in (*TABLES, "quarantine"):
        rows = [str(row) for row in lake.rows(name)]
        assert any("yqqara.Held" in row for row in rows) == (name == "quarantine"), name
    assert {row[4] for row in lake.rows("quarantine")} == {None, "", "zyqqara.held@example.com"}


def found_in(content):
    return [canary for canary in CANARIES if canary.encode() in content]


def test_the_canaries_are_where_they_belong(tmp_path):
    """The search would find them."""
    lake = TestLake(tmp_path, canary_zone(tmp_path / "in"))
    lake.built(select="customer_landing")
    files = [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]
    assert any(found_in(path.read_bytes()) for path in files)
