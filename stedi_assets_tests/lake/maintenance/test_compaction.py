"""Compaction changes files and nothing else."""

from datetime import date
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stedi_assets.assets import TABLES
from stedi_assets.lake.iceberg.commit import describe_files
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.maintenance.compaction import small_groups
from stedi_assets_tests.support import steps
from stedi_assets_tests.support.lakes import TestLake, write_landing
from stedi_assets_tests.support.maintenance import (
    files_of,
    maintained,
    paths_below,
    published_again,
    scatter,
)

LANDING = ("customer_landing", "accelerometer_landing")


@pytest.mark.parametrize("tables", [LANDING, pytest.param(tuple(TABLES), marks=pytest.mark.slow)], ids=len)
def test_compaction_changes_files_and_nothing_else(tmp_path, town, tables):
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", town))
    lake.built(select=",".join(tables))
    for name in tables:
        scatter(lake, name)
    rows = {name: lake.rows(name) for name in tables}
    assert sum(rows["customer_landing"].values()) == 3
    assert sum(rows["accelerometer_landing"].values()) == 24
    records = {name: Record.of(lake.table(name).current_snapshot()) for name in tables}
    reports = {name: maintained(lake, name) for name in tables}
    assert {name: lake.rows(name) for name in tables} == rows
    for name in tables:
        assert not reports[name].failures
        assert reports[name].files_before == sum(rows[name].values())
        days = 2 if TABLES[name].partitioned else 1
        assert reports[name].files_after == len(files_of(lake, name)) == days
        snapshot = lake.table(name).current_snapshot()
        record = Record.of(snapshot)
        assert record.days == []
        assert "stedi.maintenance" in snapshot.summary.additional_properties
        for kept in ("version", "inputs", "snapshots", "checks", "counts", "as_of", "run", "key"):
            assert getattr(record, kept) == getattr(records[name], kept)
    first = (date(2020, 9, 13) - date(1970, 1, 1)).days
    partitions = {file.partition[0] for file in files_of(lake, "accelerometer_landing")}
    assert partitions == {first, first + 1}

    snapshots = {name: lake.table(name).current_snapshot() for name in tables}
    assert not any(table.changed for table in lake.built(select=",".join(tables)).tables.values())
    for name in tables:
        again = maintained(lake, name)
        assert again.files_before == again.files_after
        assert (again.snapshots_expired, again.files_deleted) == (0, 0)
    assert {name: lake.table(name).current_snapshot() for name in tables} == snapshots


def test_a_publish_in_between_wins(people, monkeypatch):
    scatter(people, "customer_landing")

    def meanwhile(*arguments):
        published_again(
            people, "customer_landing", [file.file_path for file in files_of(people, "customer_landing")]
        )
        return describe_files(*arguments)

    steps.DESCRIBE_COMPACTED.replace(monkeypatch, meanwhile)
    before = paths_below(people, "customer_landing")
    done = maintained(people)
    assert (done.files_before, done.files_after) == (3, 3)
    assert done.left == "another run published it meanwhile"
    assert not done.failures
    assert len(people.rows("customer_landing")) == 3
    new = paths_below(people, "customer_landing") - before
    assert not [path for path in new if path.suffix == ".parquet"]


def test_rows_that_are_lost_while_compacting_change_nothing(people, monkeypatch):
    scatter(people, "customer_landing")
    before, snapshots = paths_below(people, "customer_landing"), people.table("customer_landing").snapshots()
    steps.READ_ROWS_TO_COMPACT.replace(monkeypatch, lambda *_: iter(()))
    done = maintained(people)
    assert done.failures == (
        "customer_landing: rows were lost while compacting, so nothing was changed: try again.",
    )
    assert people.table("customer_landing").snapshots() == snapshots
    assert paths_below(people, "customer_landing") == before


sized = st.builds(
    lambda partition, size, path: SimpleNamespace(
        partition=partition, file_size_in_bytes=size, file_path=path
    ),
    st.integers(1, 3),
    st.integers(1, 40),
    st.uuids().map(str),
)


@given(st.lists(sized, max_size=30, unique_by=lambda file: file.file_path))
def test_groups_are_small_files_of_one_partition_and_leave_one_small_file_at_most(files):
    groups = small_groups(files, small=16, full=64)
    grouped = [file for group in groups for file in group]
    assert len({file.file_path for file in grouped}) == len(grouped)
    for group in groups:
        assert len(group) > 1
        assert len({file.partition for file in group}) == 1
        assert all(file.file_size_in_bytes < 16 for file in group)
        assert sum(file.file_size_in_bytes for file in group) <= 64
    merged = [
        SimpleNamespace(
            partition=group[0].partition,
            file_size_in_bytes=sum(file.file_size_in_bytes for file in group),
            file_path=f"merged-{number}",
        )
        for number, group in enumerate(groups)
    ]
    assert not small_groups([*(file for file in files if file not in grouped), *merged], small=16, full=64)
