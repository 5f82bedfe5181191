"""Tables that follow their inputs: once after a change by hand, never after a run that refreshed them."""

import json
from dataclasses import replace

import dagster as dg
import pytest

from stedi_assets.assets import DECLARED, TABLES
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.home import prepare_home
from stedi_assets_tests.support.copies import Kept
from stedi_assets_tests.support.lakes import EPOCH, TestLake, customer, write_landing

DERIVED = {name for name, spec in TABLES.specs.items() if spec.inputs}
OF_READINGS = DERIVED - {"customer_trusted"}


def accelerometer(*instants):
    readings = ({"user": "ada@x.io", "timestamp": EPOCH + at, "x": 0, "y": 0, "z": 1} for at in instants)
    return "\n".join(map(json.dumps, readings))


class Automation:
    """The automation sensor of a lake, one tick after the other."""

    def __init__(self, lake, home):
        self.definitions = build_defs(lake.environment)
        self.home = home
        self.cursor = None
        self.requested = []

    def tick(self, _progress=None):
        """The tables that are requested."""
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            found = dg.evaluate_automation_conditions(self.definitions, instance, cursor=self.cursor)
        self.cursor = found.cursor
        tables = {it.key.path[-1] for it in found.results if found.get_num_requested(it.key)}
        self.requested += tables
        return tables


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A lake in which Ada consents and has a reading, and Bob consents and has none."""
    folder = tmp_path_factory.mktemp("lakes") / "built"
    files = {
        "customer/landing/a.json": customer("ada@x.io", 1_000),
        "customer/landing/b.json": customer("bob@x.io", 1_000, serial="device-2"),
        "accelerometer/landing/a.json": accelerometer(2_000),
        "step_trainer/landing/a.json": "",
    }
    lake = TestLake(folder, write_landing(folder / "in", files))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        lake.built()
        yield lake, Kept.of(folder)


@pytest.fixture
def lake(built):
    lake, kept = built
    yield lake
    kept.restore()


@pytest.fixture
def automation(lake):
    """Automation that has looked at the tables once."""
    automation = Automation(lake, prepare_home())
    assert automation.tick() == set()
    return automation


@pytest.mark.slow
def test_a_run_of_all_tables_is_followed_by_none(lake, automation):
    write_landing(lake.landing, {"accelerometer/landing/b.json": accelerometer(3_000)})
    lake.built()
    assert (automation.tick(), automation.tick()) == (set(), set())
    lake.built()
    assert (automation.tick(), automation.tick()) == (set(), set())


@pytest.mark.slow
def test_looks_while_a_run_of_all_tables_is_at_work_request_nothing(lake, automation):
    write_landing(lake.landing, {"customer/landing/c.json": customer("ada@x.io", None, 5_000)})
    lake.built(on_progress=automation.tick)
    assert (automation.tick(), automation.requested) == (set(), [])


@pytest.mark.slow
def test_a_run_of_all_tables_that_fails_half_way_is_left_to_the_landing_files_sensor(
    lake, automation, monkeypatch
):
    def broken(frames, run):
        raise RuntimeError

    table = DECLARED["customer_curated"]
    monkeypatch.setitem(DECLARED.by_name, "customer_curated", replace(table, transform=broken))
    write_landing(lake.landing, {"accelerometer/landing/b.json": accelerometer(3_000)})
    assert lake.run().failures
    assert (automation.tick(), automation.tick()) == (set(), set())


@pytest.mark.slow
def test_a_landing_table_by_hand_is_followed_once_by_all_that_depends_on_it(lake, automation):
    write_landing(lake.landing, {"accelerometer/landing/b.json": accelerometer(3_000)})
    lake.built(select="accelerometer_landing")
    assert automation.tick() == OF_READINGS  # the second hop, too, in the same run
    assert automation.tick() == set()
    lake.built(select=",".join(OF_READINGS))
    assert (automation.tick(), automation.tick()) == (set(), set())


@pytest.mark.slow
def test_a_landing_table_by_hand_that_stays_as_it_was_is_followed_by_nothing(lake, automation):
    lake.built(select="accelerometer_landing")
    assert (automation.tick(), automation.tick()) == (set(), set())


@pytest.mark.slow
def test_a_table_in_the_middle_by_hand_is_followed_by_those_after_it(lake, automation):
    write_landing(lake.landing, {"accelerometer/landing/b.json": accelerometer(3_000)})
    lake.built(select="accelerometer_landing,accelerometer_trusted")
    assert automation.tick() == OF_READINGS - {"accelerometer_trusted"}


@pytest.mark.slow
def test_rows_that_left_at_a_withdrawal_do_not_pass_for_a_refresh(lake, automation):
    """Landing customers by hand removes Ada's rows from all tables, which then have to be made up to date."""
    write_landing(lake.landing, {"customer/landing/c.json": customer("ada@x.io", None, 5_000)})
    removed = lake.built(select="customer_landing").removed
    assert removed == {"customer_curated": 1, "accelerometer_trusted": 1, "customer_trusted": 1}
    assert automation.tick() == DERIVED
    lake.built(select=",".join(DERIVED))
    assert (automation.tick(), automation.tick()) == (set(), set())
