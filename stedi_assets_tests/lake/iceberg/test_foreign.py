"""Tables that another program wrote to: rewrites are adopted, nothing else is published on as ours."""

import re
import shutil
from itertools import product

import pytest
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.table.snapshots import Operation, Summary

from stedi_assets.lake.iceberg.commit import describe_files
from stedi_assets_tests.support.copies import Kept, sampled
from stedi_assets_tests.support.lakes import customer, new_lake, one_person, write_landing

pytestmark = pytest.mark.usefixtures("key")

BO = customer("bo@example.com", 500, serial="device-2")
BO_WITHDRAWS = customer("bo@example.com", None, updated=2_000, serial="device-2")
READINGS = ("accelerometer_trusted", "step_trainer_trusted", "machine_learning_curated")
LANDING = ("customer_landing", "accelerometer_landing", "step_trainer_landing")
SYSTEM = ("quarantine", "activity")


def append(table):
    table.append(table.scan().to_arrow())


def empty(table):
    table.delete(AlwaysTrue())


def rewrite(table):
    """What the optimizers of Glue, Athena and Spark do: other files, the same rows."""
    files = [task.file for task in table.scan().plan_files()]
    with table.transaction() as change:
        producer = change.update_snapshot().overwrite()
        summary = producer._summary
        producer._summary = lambda given: Summary(Operation.REPLACE, **summary(given).additional_properties)
        for file in files:
            uri = file.file_path.replace(".parquet", "-optimized.parquet")
            shutil.copy(file.file_path.removeprefix("file://"), uri.removeprefix("file://"))
            producer.delete_data_file(file)
            [made] = describe_files(table, [uri])
            producer.append_data_file(made)
        producer.commit()


@pytest.fixture(scope="module")
def built(tmp_path_factory, key):
    """Ada and Bo consent, Ada has a pair of readings, and a line is in the quarantine."""
    folder = tmp_path_factory.mktemp("lakes") / "built"
    lake = new_lake(folder)
    more = {"step_trainer/landing/2.json": "no line", "customer/landing/2.json": BO}
    write_landing(lake.landing, one_person() | more)
    lake.built()
    return lake, Kept.of(folder)


@pytest.fixture
def lake(built):
    lake, kept = built
    yield lake
    kept.restore()


def people(lake):
    return sorted(row[1] for row in lake.rows("customer_trusted"))


@pytest.mark.parametrize(
    "name", sampled([*LANDING, *READINGS, *SYSTEM, "ledger"], "customer_landing", rest="slow")
)
def test_a_rewrite_is_adopted(lake, name):
    before = lake.contents()
    rewrite(lake.table(name))
    rewrite(lake.table(name))
    assert not any(table.changed for table in lake.built().tables.values())
    write_landing(lake.landing, {"customer/landing/3.json": BO_WITHDRAWS})
    done = lake.built()
    assert people(lake) == ["ada@example.com"]
    assert not done.tables["accelerometer_landing"].changed
    assert {name: lake.contents()[name] for name in READINGS} == {name: before[name] for name in READINGS}


@pytest.mark.parametrize(
    ("name", "change"), sampled([*product(READINGS, (append, empty))], (READINGS[2], append), rest="slow")
)
def test_a_derived_table_is_made_again(lake, name, change):
    before = lake.contents()
    change(lake.table(name))
    done = lake.built()
    assert done.tables[name].what_changed == "another program changed it"
    assert {name: lake.contents()[name] for name in READINGS} == {name: before[name] for name in READINGS}
    assert not any(table.changed for table in lake.built().tables.values())


@pytest.mark.parametrize(
    ("name", "change"),
    sampled(
        [*product((*LANDING, *SYSTEM), (append, empty))],
        ("customer_landing", append),
        rest="slow",
    ),
)
def test_any_other_table_is_named_with_the_fix_and_removals_go_out(lake, name, change):
    change(lake.table(name))
    write_landing(lake.landing, {"customer/landing/3.json": BO_WITHDRAWS})
    for _ in range(2):  # the fix is not what was just done
        failed = lake.run().failures
        assert failed
        for sentence in failed:
            found = re.fullmatch(
                rf"{name}: another program changed its rows \(snapshot \d+, (append|delete)\): roll it back "
                r"to (\d+), the last snapshot of this project, as docs/operations.md says\.",
                sentence,
            )
            assert found, sentence
    assert people(lake) == ["ada@example.com"]

    lake.table(name).manage_snapshots().rollback_to_snapshot(int(found[2])).commit()
    lake.built()
    assert people(lake) == ["ada@example.com"]
    assert sum(lake.rows("customer_landing").values()) == 3
