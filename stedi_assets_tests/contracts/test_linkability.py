"""The anonymity meter: its counts where it is known whose each reading is, and on the public data."""

import json
from itertools import starmap

from stedi_assets.lake.iceberg.record import Record
from stedi_assets_tests.support.lakes import PUBLIC, TestLake, customer, new_lake, reading, write_landing
from stedi_assets_tests.support.public import AS_OF, public

AT = 1_700_000_000_000
SHARES, ALSO_SHARES, REFUSES = (f"{name}@example.com" for name in ("ada", "bo", "cy"))
READINGS = [
    (SHARES, AT, 0.1),  # alone in its instant; its values are Bo's too
    (SHARES, AT + 10, 0.2),  # an instant of two people who share; its values are no one else's
    (ALSO_SHARES, AT + 10, 0.3),
    (SHARES, AT + 20, 0.4),  # an instant that it has with someone who shares nothing
    (REFUSES, AT + 20, 0.4),
    (ALSO_SHARES, AT + 30, 0.1),
    (f" {SHARES.upper()} ", AT, 0.1),  # the same person, spelled otherwise
]


def counts(lake):
    table = lake.table("machine_learning_curated")
    return Record.of(table.current_snapshot()).checks["linkability"]["breakdown"]


def steps(device):
    instants = (AT, AT + 10, AT + 20, AT + 30)
    lines = ({"sensorReadingTime": at, "serialNumber": device, "distanceFromObject": 200} for at in instants)
    return "\n".join(map(json.dumps, lines))


def test_rows_are_counted_that_single_out_one_person(tmp_path, key):
    people = [(SHARES, 500, 1_000, "d-1"), (ALSO_SHARES, 500, 1_000, "d-2"), (REFUSES, 0, 1_000, "d-3")]
    files = {
        "customer/landing/1.json": "".join(starmap(customer, people)),
        "accelerometer/landing/1.json": "\n".join(reading(who, at, x) for who, at, x in READINGS),
        "step_trainer/landing/1.json": f"{steps('d-1')}\n{steps('d-2')}",
    }
    lake = new_lake(tmp_path / "lake")
    write_landing(lake.landing, files)
    lake.built()
    assert counts(lake) == {
        "rows": 6,
        "singled out by instant in accelerometer_landing": 3,
        "singled out by instant in accelerometer_trusted": 4,
        "singled out by values in accelerometer_trusted": 3,
        "singled out by instant and values in accelerometer_trusted": 6,
    }


@public
def test_the_public_data_singles_out_most_people(tmp_path, key):
    lake = TestLake(tmp_path, PUBLIC)
    lake.built(as_of=AS_OF)
    found = counts(lake)
    assert (found["singled out by instant in accelerometer_landing"], found["rows"]) == (27_975, 32_025)
