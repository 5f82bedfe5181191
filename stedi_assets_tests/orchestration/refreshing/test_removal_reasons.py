"""A removal says what the rows are that leave, and a record that cannot be read is no withdrawal."""

import pytest
from click.testing import CliRunner

from stedi_assets.cli.main import main
from stedi_assets_tests.support.lakes import customer, new_lake, one_person, reading, step, write_landing

ADA, BO = "ada@example.com", "bo@example.com"
FOLDER = "customer/landing"
NOON = 1_700_000_000_000


@pytest.fixture
def lake(tmp_path, key):
    lake = new_lake(tmp_path)
    bo = {
        f"{FOLDER}/bo.json": customer(BO, 500, serial="device-2"),
        "accelerometer/landing/bo.json": reading(BO),
        "step_trainer/landing/bo.json": step(NOON, "device-2"),
    }
    write_landing(lake.landing, one_person() | bo)
    lake.built()
    return lake


WITHDREW = customer(ADA, None, updated=2_000)
CUT_OFF = WITHDREW[:-10]
CORRECTED = customer(ADA, NOON, updated=2_000).replace(str(NOON + 1_600_000_000_000), str(NOON + 1))
SHARED = customer("cy@example.com", None, serial="device-1")


@pytest.mark.parametrize(
    ("record", "table", "reason"),
    [
        (WITHDREW, "customer_trusted", "1 of people without consent now"),
        (WITHDREW, "accelerometer_trusted", "1 of people without consent now"),
        (CUT_OFF, "customer_trusted", "1 of people held by an unreadable record"),
        (CORRECTED, "accelerometer_trusted", "1 from before a consent that begins later now"),
        (SHARED, "step_trainer_trusted", "1 of devices that are shared now"),
    ],
)
def test_each_reason_is_said_with_its_count(lake, record, table, reason):
    write_landing(lake.landing, {f"{FOLDER}/new.json": record})
    result = lake.built()
    assert result.removals[table] == f"1 row was removed first: {reason}."
    assert result.removed[table] == 1


def test_the_command_prints_the_sentences(lake):
    write_landing(lake.landing, {f"{FOLDER}/new.json": CUT_OFF})
    done = CliRunner().invoke(
        main, ["run", "--landing", str(lake.landing), "--lake", str(lake.folder / "lake")]
    )
    sentence = "customer_trusted: 1 row was removed first: 1 of people held by an unreadable record."
    assert sentence in done.stderr.splitlines()
