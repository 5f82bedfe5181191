"""Broken erasers: each leaves one thing behind, and the scanner finds every one of them."""

import json
import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stedi_assets.assets import DECLARED
from stedi_assets.lake.ingestion.erasing import erased_batch, rewriting
from stedi_assets.lake.ingestion.erasing.tombstones import ErasedRecords, Tombstones
from stedi_assets.lake.maintenance import purging
from stedi_assets.lake.storage import LocalStorage
from stedi_assets.orchestration.erasing import erased
from stedi_assets_tests.support.copies import Kept
from stedi_assets_tests.support.erasure import AT, planned, zone
from stedi_assets_tests.support.lakes import AS_OF, new_lake, present_at, reading, write_landing

LANDING = "customer_landing,accelerometer_landing,step_trainer_landing"


@pytest.fixture(scope="module")
def kept(tmp_path_factory, key):
    """Landing tables with some snapshots; nothing is derived from them, so that an erasure is quick."""
    folder = tmp_path_factory.mktemp("leftovers") / "all"
    folder.mkdir()
    lake = new_lake(folder)
    write_landing(lake.landing, zone())
    lake.built(select=LANDING)
    write_landing(lake.landing, {"accelerometer/landing/9.json": reading("ada@example.com", AT + 9, x=7.5)})
    lake.built(select=LANDING)
    return lake, Kept.of(folder)


@pytest.fixture
def lake(kept):
    kept[1].restore()
    return kept[0]


def same(rows, *_):
    return rows


def looks_only_at(*sources):
    look = rewriting.Rewriter.look
    return lambda self, file: look(self, file) if file.path.startswith(sources) else None


def keeps_texts(self, raw, people):
    kept = FAULTY(self, raw, people)
    return kept if kept is None else (raw, kept[1])


def keeps_people(self, raw, people):
    kept = FAULTY(self, raw, people)
    return kept if kept is None else (kept[0], people)


FAULTY = ErasedRecords.faulty
MUTANTS = {
    "customer files stay": (rewriting.Rewriter, "look", looks_only_at("accelerometer", "step_trainer")),
    "accelerometer files stay": (rewriting.Rewriter, "look", looks_only_at("customer", "step_trainer")),
    "step-trainer files stay": (rewriting.Rewriter, "look", looks_only_at("customer", "accelerometer")),
    "rows stay": (erased_batch, "_without_rows", same),
    "quarantined lines stay": (erased_batch, "_without_lines", same),
    "activity stays": (erased_batch, "_without_activity", same),
    "texts of records of several people stay": (ErasedRecords, "faulty", keeps_texts),
    "people of records of several people stay": (ErasedRecords, "faulty", keeps_people),
    "names of files stay": (Tombstones, "anonymous", lambda self, path: path),
    "files that are wholly theirs stay": (
        LocalStorage,
        "remove_versions",
        lambda self, uri, *, all_of_them: None,
    ),
    "former snapshots and files stay": (purging, "purge", lambda lake, spec: (0, 0)),
    "files of former snapshots stay": (purging, "delete_orphans", lambda *arguments: []),
}


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
def test_what_a_broken_eraser_leaves_is_found(lake, monkeypatch, mutant):
    where, name, broken = MUTANTS[mutant]
    _, digest = planned(lake)
    monkeypatch.setattr(where, name, broken)
    if mutant == "former snapshots and files stay":
        monkeypatch.setattr("stedi_assets.erasure.eraser.purge", broken)
    with present_at(AS_OF):
        _, scanned = erased(lake.environment, DECLARED, digest, lambda policy: [])
    assert scanned.hits


def test_the_whole_eraser_leaves_nothing(lake):
    _, digest = planned(lake)
    with present_at(AS_OF):
        _, scanned = erased(lake.environment, DECLARED, digest, lambda policy: [])
    assert scanned.clean, scanned


def logged(lake):
    home = Path(lake.environment.dagster_home)
    home.mkdir(exist_ok=True)
    with sqlite3.connect(home / "left-by-a-test.db") as events:
        events.execute("create table if not exists events (body text)")
        events.execute("insert into events values (?)", (json.dumps({"user": "ada@example.com"}),))
    events.close()
    return home / "left-by-a-test.db"


def scratch(lake):
    return lake.folder / "lake/landing/customer_landing/left.tmp"


def draft(lake):
    return lake.landing / "customer/landing/.0123456789abcdef.draft"


def noted(lake):
    return lake.folder / "lake.erasure/tombstones/note.txt"


@pytest.mark.slow
def test_a_reading_without_a_name_is_found(lake):
    """As in a machine-learning table, or in an export that someone left in the lake."""
    rows = {"subject_id": ["?"], "timestamp": [AT + 9], "x": [7.5], "y": [0.2], "z": [0.3]}
    pq.write_table(pa.table(rows), lake.folder / "lake/left.parquet")
    _, digest = planned(lake, ["ada@example.com"])
    with present_at(AS_OF):
        _, scanned = erased(lake.environment, DECLARED, digest, lambda policy: [])
    assert scanned.hits == {("lake", "readings"): 1}


@pytest.mark.slow
@pytest.mark.parametrize("plant", [logged, scratch, draft, noted])
def test_what_lies_elsewhere_is_found(lake, plant):
    path = plant(lake)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Ada@example.com")
    _, digest = planned(lake)
    try:
        with present_at(AS_OF):
            _, scanned = erased(lake.environment, DECLARED, digest, lambda policy: [])
    finally:
        path.unlink()
    assert scanned.hits


@pytest.mark.slow
def test_snapshots_of_the_tables_are_the_only_ones(lake):
    _, digest = planned(lake)
    with present_at(AS_OF):
        erased(lake.environment, DECLARED, digest, lambda policy: [])
    assert len(lake.table("accelerometer_landing").metadata.snapshots) == 1
