"""A lake of the former version is taken over as it is. `scripts/freeze_lake.py` made it."""

import json
import shutil
import tarfile
import time
from pathlib import Path

import pytest

from scripts.freeze_lake import ADA, BO, DEVICES, EPOCH, PLACE, customer
from stedi_assets_tests.support.lakes import TestLake, write_landing

ARCHIVE = Path(__file__).parent / "frozen" / "lake.tar.gz"
STALE_SECONDS = 3_600
MINE = PLACE / "unpacked-by-a-test"


@pytest.fixture
def frozen():
    """The lake, unpacked where it was made, because Iceberg metadata holds absolute paths."""
    if MINE.exists() and time.time() - MINE.stat().st_mtime > STALE_SECONDS:
        shutil.rmtree(PLACE)
    try:
        PLACE.mkdir()
    except FileExistsError:
        pytest.skip(f"{PLACE} is in use: remove it if no other test runs.")
    try:
        MINE.touch()
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(PLACE, filter="data")
        yield TestLake(PLACE, PLACE / "in")
    finally:
        shutil.rmtree(PLACE)


def people_in(lake):
    """The people in the tables that name them, and the devices in the others."""
    columns = {
        "customer_trusted": "email",
        "customer_curated": "email",
        "accelerometer_trusted": "user",
        "step_trainer_trusted": "serialnumber",
    }
    return {
        name: set(lake.table(name).scan().to_arrow()[column].to_pylist()) for name, column in columns.items()
    }


@pytest.mark.slow
def test_a_lake_of_the_former_version_is_up_to_date_and_a_withdrawal_goes_in(frozen):
    rows = frozen.rows("step_trainer_landing")
    reread = frozen.built()
    assert reread.tables["step_trainer_landing"].what_changed == "1 file read again → 2 days"  # it has faults
    assert frozen.rows("step_trainer_landing").total() == rows.total()
    former = frozen.snapshots()

    result = frozen.built()

    assert {name: table.what_changed for name, table in result.tables.items() if table.changed} == {}
    assert frozen.snapshots() == former

    withdrawal = json.dumps(customer(ADA, 0, updated=2_000_000))
    write_landing(frozen.landing, {"customer/landing/3.json": withdrawal})
    result = frozen.built()

    assert result.removed.keys() == {*result.tables} - {
        "customer_landing",
        "accelerometer_landing",
        "step_trainer_landing",
    }
    assert people_in(frozen) == {
        "customer_trusted": {BO},
        "customer_curated": {BO},
        "accelerometer_trusted": {BO},
        "step_trainer_trusted": {DEVICES[BO]},
    }
    times = frozen.table("machine_learning_curated").scan().to_arrow()["timestamp"].to_pylist()
    assert sorted(times) == [EPOCH + 1_000, EPOCH + 86_401_000]
