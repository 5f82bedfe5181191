"""Clocks that were wrong: nothing but removals is published into the past, and times never go back."""

import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.table import snapshots as iceberg

from stedi_assets.lake.iceberg.commit import replace_files
from stedi_assets.lake.maintenance.steps import superseded
from stedi_assets_tests.support.copies import Kept
from stedi_assets_tests.support.lakes import customer, new_lake, one_person, write_landing

pytestmark = pytest.mark.usefixtures("key")

HOUR = 3_600
ADA = "ada@example.com"
FUTURE = "if it is right, go on with `stedi run --trust-clock`."


def at(patch, hours):
    """Iceberg's clock, some hours from now."""
    patch.setattr(iceberg, "time", SimpleNamespace(time=lambda: time.time() + hours * HOUR))


@pytest.fixture(scope="module")
def ahead(tmp_path_factory, key):
    lake = new_lake(tmp_path_factory.mktemp("lakes") / "ahead")
    write_landing(lake.landing, one_person(ADA))
    with pytest.MonkeyPatch.context() as patch:
        at(patch, 2)
        lake.built(as_of=None)
    return lake, Kept.of(lake.folder)


@pytest.fixture
def lake(ahead):
    """A lake that was published by a machine whose clock was two hours ahead."""
    lake, kept = ahead
    yield lake
    kept.restore()


def times(lake, name):
    return [snapshot.timestamp_ms for snapshot in lake.table(name).snapshots()]


def test_only_removals_are_published_while_the_lake_lies_in_the_future(lake):
    before = times(lake, "customer_landing")
    files = {
        "customer/landing/2.json": customer(ADA, None, updated=2_000, serial="device-1"),
        "customer/landing/3.json": customer("bo@example.com", 500, serial="device-2"),
    }
    write_landing(lake.landing, files)

    failed = lake.run(as_of=None).failures

    assert failed
    assert all(sentence.endswith(FUTURE) for sentence in failed), failed
    for name in ("customer_trusted", "accelerometer_trusted", "machine_learning_curated"):
        assert not lake.rows(name)
        removed, first = sorted(times(lake, name), reverse=True)
        assert removed == first + 1
    assert times(lake, "customer_landing") == before

    done = lake.built(as_of=None, trust_clock=True)
    assert done.tables["customer_landing"].changed
    assert [row[1] for row in lake.rows("customer_trusted")] == ["bo@example.com"]


def test_a_lake_in_the_future_that_is_up_to_date_stays_as_it_is(lake):
    before = lake.snapshots()
    lake.built(as_of=None)
    assert lake.snapshots() == before


def test_times_never_go_back_whatever_the_clock_does(lake, monkeypatch):
    table = lake.table("customer_landing")
    for number, hours in enumerate((5, -3, 0, 5, -100)):
        at(monkeypatch, hours)
        replace_files(table, [], [], snapshot_id=1_000 + number, properties={})
        table.refresh()
    made = times(lake, "customer_landing")
    assert made == sorted(set(made))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(0, 25))
def test_no_snapshot_expires_by_a_time_from_before_its_parent(made, before):
    """A chain of snapshots, each of which replaced the one before it at the latest time so far."""
    chain = [
        SimpleNamespace(snapshot_id=number + 1, parent_snapshot_id=number or None, timestamp_ms=at)
        for number, at in enumerate(made)
    ]
    replaced = [max(made[: number + 2]) for number in range(len(made))]
    assert superseded(chain, before) == [number + 1 for number, when in enumerate(replaced) if when <= before]
