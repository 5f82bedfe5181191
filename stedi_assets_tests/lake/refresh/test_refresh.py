"""Plan, stage, publish: what a run changes, and that an interrupted one changes nothing by halves."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import cycle, product

import pytest
from pyiceberg.expressions import visitors

from stedi_assets.assets import TABLES
from stedi_assets.lake import resource
from stedi_assets.lake.iceberg import staging
from stedi_assets.lake.iceberg.commit import describe_files, replace_files
from stedi_assets.lake.iceberg.staging import day_chunks
from stedi_assets.lake.iceberg.table import PinnedTable, file_day
from stedi_assets.lake.refresh import audit_input
from stedi_assets.tables import SYSTEM_TABLES
from stedi_assets_tests.support import steps
from stedi_assets_tests.support.copies import sampled
from stedi_assets_tests.support.lakes import AS_OF, EPOCH, TestLake, customer, write_landing

CUSTOMERS = "customer_landing,customer_trusted"  # enough for tests of people without readings


def test_a_second_run_publishes_nothing_and_says_so(sample_lake):
    before = sample_lake.snapshots()
    again = sample_lake.built()
    assert sample_lake.snapshots() == before
    assert {table.changed for table in again.tables.values()} == {False}
    assert {table.what_changed for table in again.tables.values()} == {"nothing"}


def test_every_publish_is_one_snapshot_that_says_what_it_was_computed_from(sample_lake):
    for name, spec in TABLES.specs.items():
        table = sample_lake.table(name)
        assert len(table.snapshots()) == 1
        properties = table.current_snapshot().summary.additional_properties
        inputs = json.loads(properties["stedi.inputs"])
        quarantine = {"quarantine"} if spec.source or name == "customer_trusted" else set()
        assert set(inputs) == (set(spec.inputs) or {"landing files"}) | quarantine
        for upstream in spec.inputs:
            assert inputs[upstream] == str(sample_lake.snapshots()[upstream])
        assert json.loads(properties["stedi.policy"]) == "strict"
        assert json.loads(properties["stedi.as-of"]) == AS_OF
        assert json.loads(properties["stedi.run"])


@pytest.mark.slow
def test_a_full_run_makes_every_table_anew_with_the_same_rows(tmp_path):
    lake = TestLake(tmp_path)
    lake.built()
    before = lake.contents()
    again = lake.built(full=True)
    assert {table.changed for table in again.tables.values()} == {True}
    assert lake.contents() == before
    assert all(len(lake.table(name).snapshots()) == 2 for name in TABLES)


def test_a_new_customer_file_changes_what_depends_on_it(tmp_path):
    landing = write_landing(tmp_path / "in", {"customer/landing/1.json": customer("ada@example.com", 500)})
    lake = TestLake(tmp_path, landing)
    lake.built()
    assert len(lake.rows("customer_trusted")) == 1
    write_landing(landing, {"customer/landing/2.json": customer("ada@example.com", None, updated=2_000)})
    again = lake.built()
    assert not lake.rows("customer_trusted")
    assert not again.tables["accelerometer_landing"].changed
    assert again.removed == {"customer_trusted": 1}
    assert again.tables["customer_trusted"].what_changed == "rows of people who withdrew were removed"


def test_a_consent_in_the_future_comes_into_effect_by_the_passage_of_time(tmp_path):
    landing = write_landing(tmp_path / "in", {"customer/landing/1.json": customer("ada@example.com", 5_000)})
    lake = TestLake(tmp_path, landing)
    lake.built(select=CUSTOMERS, as_of=EPOCH + 4_000)
    assert not lake.rows("customer_trusted")
    assert not lake.built(select=CUSTOMERS, as_of=EPOCH + 4_999).tables["customer_trusted"].changed
    again = lake.built(select=CUSTOMERS, as_of=EPOCH + 5_000)
    assert again.tables["customer_trusted"].what_changed == "a consent or record came into effect"
    assert len(lake.rows("customer_trusted")) == 1


@pytest.mark.slow
def test_an_earlier_as_of_is_planned_too(tmp_path):
    landing = write_landing(tmp_path / "in", {"customer/landing/1.json": customer("ada@example.com", 5_000)})
    lake = TestLake(tmp_path, landing)
    lake.built(select=CUSTOMERS, as_of=EPOCH + 6_000)
    assert len(lake.rows("customer_trusted")) == 1
    lake.built(select=CUSTOMERS, as_of=EPOCH + 4_000)
    assert not lake.rows("customer_trusted")


@pytest.mark.slow
def test_a_table_without_rows_is_published_and_empties_again(tmp_path):
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", {}))
    result = lake.built()
    assert {table.rows for table in result.tables.values()} == {0}
    assert not lake.built().tables["machine_learning_curated"].changed


def test_a_table_whose_input_was_never_published_is_refused_by_name(tmp_path):
    [sentence] = TestLake(tmp_path).run(select="customer_trusted").failures
    assert sentence == "customer_landing is not published yet: materialize it first."


def test_another_pseudonym_key_is_refused_by_name(tmp_path, monkeypatch):
    landing = write_landing(tmp_path / "in", {"customer/landing/1.json": customer("ada@example.com", 500)})
    lake = TestLake(tmp_path, landing)
    lake.built()
    monkeypatch.setenv("STEDI_PSEUDONYM_KEY", "k" * 40)
    lake.settings = {"STEDI_PSEUDONYM_KEY": "k" * 40}
    [sentence] = lake.run().failures
    assert "pseudonym key" in sentence
    assert "STEDI_PSEUDONYM_KEY" in sentence
    assert "k" * 40 not in sentence


def test_landing_files_that_vanish_do_not_empty_a_table(tmp_path):
    write = {"customer/landing/1.json": customer("ada@example.com", 500)}
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", write))
    lake.built(select="customer_landing")
    (lake.landing / "customer/landing/1.json").unlink()
    again = lake.built(select="customer_landing")
    assert again.tables["customer_landing"].what_changed == "1 deleted file"
    assert len(lake.rows("customer_landing")) == 1


@pytest.mark.slow
def test_the_reference_policy_has_a_database_and_asset_keys_of_its_own(tmp_path):
    strict, reference = TestLake(tmp_path), TestLake(tmp_path, settings={"STEDI_POLICY": "reference"})
    strict.built()
    before = strict.snapshots()
    reference.built()
    assert strict.snapshots() == before
    location = reference.table("customer_trusted").location()
    assert location.endswith("/lake/stedi_reference_trusted/customer_trusted")
    assert sum(reference.rows("step_trainer_trusted").values()) > sum(
        strict.rows("step_trainer_trusted").values()
    )


def test_identifying_columns_leave_no_bounds_in_the_manifests(sample_lake):
    for name, spec in {**TABLES.specs, **SYSTEM_TABLES}.items():
        table = sample_lake.table(name)
        identifying = {table.schema().find_field(column).field_id for column in spec.personal_columns}
        for task in table.scan().plan_files():
            assert not identifying & (task.file.lower_bounds.keys() | task.file.upper_bounds.keys())


def test_a_missing_data_file_is_named_and_not_read_as_fewer_rows(tmp_path):
    lake = TestLake(tmp_path)
    lake.built(select=f"{CUSTOMERS},accelerometer_landing,accelerometer_trusted")
    [task, *_] = lake.table("accelerometer_landing").scan().plan_files()
    os.remove(task.file.file_path.removeprefix("file://"))
    [sentence] = lake.run(select="accelerometer_trusted", full=True).failures
    assert sentence.startswith("accelerometer_landing: the engine sees ")


@pytest.mark.slow
class TestInterrupted:
    """A step that fails at any point leaves its table at the old content, and the next run finishes."""

    @pytest.mark.parametrize(
        ("step", "when"),
        sampled(
            [*product(steps.OF_A_RUN, ("before", "after"))],
            *((step, ("before", "after")[number % 2]) for number, step in enumerate(steps.OF_A_RUN)),
        ),
        ids=str,
    )
    def test_after_a_failed_step_the_next_run_gives_the_content_of_a_clean_run(
        self, tmp_path, monkeypatch, sample_lake, step, when
    ):
        lake = TestLake(tmp_path)
        calls = Counter()
        original = step.function

        def failing(*args, **options):
            calls[step] += 1
            if calls[step] == 2 and when == "before":
                raise MemoryError
            outcome = original(*args, **options)
            if calls[step] == 2:
                raise MemoryError
            return outcome

        with monkeypatch.context() as patched:
            step.replace(patched, failing)
            assert lake.run().failures
        lake.built()
        assert without_key(lake.contents()) == without_key(sample_lake.contents())
        assert lake.rows("quarantine") == sample_lake.rows("quarantine")

    @pytest.mark.slow
    @pytest.mark.parametrize("moment", sampled([0.2, 0.5, 0.8, 1.1, 1.4, 1.7], 0.5, 1.4))
    def test_after_a_kill_the_next_run_gives_the_content_of_a_clean_run(self, tmp_path, sample_lake, moment):
        lake = TestLake(tmp_path)
        script = (
            "from pathlib import Path; from stedi_assets_tests.support.lakes import TestLake\n"
            f"lake = TestLake(Path({str(tmp_path)!r}))\nprint('go', flush=True); lake.run()"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        lake.built()
        assert without_key(lake.contents()) == without_key(sample_lake.contents())
        assert lake.rows("quarantine") == sample_lake.rows("quarantine")


def without_key(contents):
    """The rows of a lake as they would be under any key; lakes of tests make their own keys."""
    pseudonymised = contents["machine_learning_curated"]
    return contents | {
        "machine_learning_curated": Counter(
            {row[1:6] + row[7:]: count for row, count in pseudonymised.items()}
        )
    }


class TestPublish:
    """The one place that uses PyIceberg's private names."""

    def test_the_snapshot_has_the_id_that_was_chosen_and_files_out_are_gone(self, tmp_path):
        lake = TestLake(tmp_path)
        lake.built(select="accelerometer_landing")
        table = lake.table("accelerometer_landing")
        [first, *rest] = [task.file for task in table.scan().plan_files()]
        replace_files(table, [first], [], snapshot_id=4_242, properties={"note": "test"})
        table.refresh()
        assert table.current_snapshot().snapshot_id == 4_242
        assert len(table.snapshots()) == 2
        assert {task.file.file_path for task in table.scan().plan_files()} == {
            file.file_path for file in rest
        }

    def test_files_of_several_manifests_leave_although_these_are_read_at_the_same_time(
        self, tmp_path, monkeypatch
    ):
        lake = TestLake(tmp_path)
        lake.built(select="accelerometer_landing")
        table = lake.table("accelerometer_landing")
        files = sorted((task.file for task in table.scan().plan_files()), key=file_day)
        for number, file in enumerate(files):
            replace_files(table, [file], [], snapshot_id=1_000 + number, properties={})
            replace_files(table.refresh(), [], [file], snapshot_id=2_000 + number, properties={})
            table.refresh()
        *gone, stays = files
        read = visitors._from_byte_buffer

        pauses = cycle([0, 0.02, 0.005, 0.01, 0])

        def slowly(*args):
            time.sleep(next(pauses))
            return read(*args)

        monkeypatch.setattr(visitors, "_from_byte_buffer", slowly)
        for number in range(8):
            replace_files(table, gone, [], snapshot_id=3_000 + number, properties={})
            assert [task.file for task in table.refresh().scan().plan_files()] == [stays]
            replace_files(table, [], gone, snapshot_id=4_000 + number, properties={})
            table.refresh()

    def test_a_publish_without_files_still_makes_a_snapshot(self, tmp_path):
        lake = TestLake(tmp_path, write_landing(tmp_path / "in", {}))
        lake.built(select="customer_landing")
        table = lake.table("customer_landing")
        replace_files(table, [], [], snapshot_id=4_242, properties={"note": "nothing changed"})
        assert table.refresh().current_snapshot().summary["note"] == "nothing changed"

    def test_a_commit_after_another_one_is_refused(self, tmp_path):
        lake = TestLake(tmp_path)
        lake.built(select="customer_landing")
        mine, theirs = lake.table("customer_landing"), lake.table("customer_landing")
        replace_files(theirs, [], [], snapshot_id=1_001, properties={})
        with pytest.raises(resource.LakeError, match="published by another run"):
            replace_files(mine, [], [], snapshot_id=1_002, properties={})
        assert lake.table("customer_landing").current_snapshot().snapshot_id == 1_001

    def test_a_commit_whose_answer_was_lost_counts(self, tmp_path, monkeypatch):
        lake = TestLake(tmp_path)
        lake.built(select="customer_landing")
        table = lake.table("customer_landing")
        commit = table.catalog.commit_table

        def lossy(*args, **options):
            commit(*args, **options)
            raise ConnectionResetError

        monkeypatch.setattr(table.catalog, "commit_table", lossy)
        replace_files(table, [], [], snapshot_id=1_001, properties={})
        assert lake.table("customer_landing").current_snapshot().snapshot_id == 1_001

    def test_staged_files_know_their_day_and_rows(self, sample_lake):
        table = sample_lake.table("step_trainer_landing")
        paths = [task.file.file_path for task in table.scan().plan_files()]
        described = describe_files(table, paths)
        assert sum(file.record_count for file in described) == table.scan().count()
        assert all(file.partition[0] is not None for file in described)


def test_days_are_chunked_by_rows_and_a_large_day_stands_alone():
    class Handle(PinnedTable):
        rows_by_day = {1: 5, 2: 5, 3: 50, 4: 1, 5: 9}  # noqa: RUF012

    handle = Handle(TABLES["accelerometer_landing"], lambda: None)
    chunks = [sorted(chunk) for chunk in day_chunks([handle], chunk_rows=10)]
    assert chunks == [[1, 2], [3], [4, 5]]


@pytest.mark.slow
def test_chunks_of_days_give_the_rows_of_one_chunk(tmp_path, monkeypatch, sample_lake):
    monkeypatch.setattr(staging, "CHUNK_ROWS", 1)
    monkeypatch.setattr(audit_input, "CHUNK_ROWS", 1)
    monkeypatch.setattr(staging.day_chunks, "__defaults__", (1,))
    lake = TestLake(tmp_path)
    lake.built()
    assert without_key(lake.contents()) == without_key(sample_lake.contents())
