"""The outcome of landing files in any order of delivery; it is decided without an engine."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stedi_assets.lake.ingestion.batch import Examined, Limits, choose, plan_batch
from stedi_assets.lake.ingestion.files import LandingFile
from stedi_assets.lake.ingestion.ledger import Entry, Ledger
from stedi_assets.schemas.system import INGESTED

PATHS, CONTENTS = "abcd", "XYZ"


def file(path, version="1", size=1):
    return LandingFile(path, f"file:///{path}", size, version)


class Zone:
    """A landing zone of files with one letter of content, and the rows of a table that keeps up with it."""

    def __init__(self):
        self.files: dict[str, tuple[str, str]] = {}
        self.ever: dict[str, str] = {}
        self.ledger = Ledger("accelerometer_landing")
        self.rows: Counter[tuple[str, str]] = Counter()
        self.clock = 0

    def put(self, path, content):
        self.clock += 1
        self.files[path] = (content, str(self.clock))
        self.ever[path] = content

    def drop(self, path):
        if self.files.pop(path, None) and path not in self.ledger.current:
            del self.ever[path]  # no one ever saw it
        elif path in self.ever and path in self.ledger.current:
            self.ever[path] = self.ledger.current[path].content

    def ingest(self, most=10, again=lambda entry: False):
        """One batch; gives the counts of its files by what they are."""
        listed = [file(path, version) for path, (_, version) in sorted(self.files.items())]
        waiting = [
            one
            for one in listed
            if not self.ledger.knows(one)
            or (one.path in self.ledger.current and again(self.ledger.current[one.path]))
        ]
        chosen = choose(waiting, Limits(most, 1_000)) if waiting else []
        looks = [Examined(one, self.files[one.path][0]) for one in chosen]
        batch = plan_batch(
            self.ledger, looks, self.ledger.gone(listed), run="run", seen=0, code_version="1", again=again
        )
        moved: Counter[tuple[str, str]] = Counter()
        for (owner, content), number in self.rows.items():
            now = batch.owners.get(owner, owner)
            if now is not None:
                moved[now, content] += number
        for one in batch.files:
            moved[one.path, self.files[one.path][0]] += 1
        self.rows = moved
        self.ledger = Ledger(self.ledger.table, batch.entries)
        return {name: number for name, number in batch.counts.items() if number}


@pytest.fixture
def zone():
    return Zone()


def outcomes(zone):
    return {entry.path: entry.outcome for entry in zone.ledger.current.values()}


def test_a_new_file_is_ingested_once(zone):
    zone.put("a", "X")
    assert zone.ingest() == {"new": 1}
    assert zone.ingest() == {}
    assert zone.rows == {("a", "X"): 1}


def test_the_same_bytes_under_another_name_are_a_duplicate(zone):
    zone.put("a", "X")
    zone.put("b", "X")
    assert zone.ingest() == {"new": 1, "duplicate": 1}
    assert outcomes(zone) == {"a": "ingested", "b": "duplicate"}
    assert zone.rows == {("a", "X"): 1}


def test_new_bytes_under_the_same_name_replace_the_former_rows(zone):
    zone.put("a", "X")
    zone.ingest()
    zone.put("a", "Y")
    assert zone.ingest() == {"changed": 1}
    assert zone.rows == {("a", "Y"): 1}
    assert [entry.outcome for entry in zone.ledger.entries] == ["superseded", "ingested"]


def test_rows_stay_while_another_file_carries_them(zone):
    zone.put("a", "X")
    zone.put("b", "X")
    zone.ingest()
    zone.put("a", "Y")
    zone.ingest()
    assert zone.rows == {("b", "X"): 1, ("a", "Y"): 1}
    zone.put("b", "Z")
    zone.ingest()
    assert zone.rows == {("b", "Z"): 1, ("a", "Y"): 1}


def test_two_files_that_swap_their_content_keep_both(zone):
    zone.put("a", "X")
    zone.put("b", "Y")
    zone.ingest()
    zone.put("a", "Y")
    zone.put("b", "X")
    assert zone.ingest() == {"changed": 2}
    assert zone.rows == {("a", "Y"): 1, ("b", "X"): 1}


def test_a_deleted_file_keeps_its_rows_and_says_so(zone):
    zone.put("a", "X")
    zone.ingest()
    zone.drop("a")
    assert zone.ingest() == {"deleted": 1}
    assert zone.ingest() == {}
    assert zone.rows == {("a", "X"): 1}
    assert [entry.deleted for entry in zone.ledger.entries] == [0]


def test_a_file_that_was_moved_is_a_duplicate(zone):
    zone.put("a", "X")
    zone.ingest()
    zone.drop("a")
    zone.put("b", "X")
    assert zone.ingest() == {"duplicate": 1, "deleted": 1}
    assert zone.rows == {("a", "X"): 1}


def test_a_deleted_file_that_is_back_is_not_ingested_twice(zone):
    zone.put("a", "X")
    zone.ingest()
    zone.drop("a")
    zone.ingest()
    zone.put("a", "X")
    assert zone.ingest() == {"unchanged": 1}
    assert zone.rows == {("a", "X"): 1}
    assert [entry.deleted for entry in zone.ledger.entries] == [None]


def test_a_file_that_is_read_again_replaces_its_own_rows(zone):
    zone.put("a", "X")
    zone.put("b", "X")
    zone.ingest()
    assert zone.ingest(again=lambda entry: True) == {"read again": 2}
    assert zone.rows == {("a", "X"): 1}
    assert outcomes(zone) == {"a": "ingested", "b": "duplicate"}


def test_a_file_that_cannot_be_read_is_refused_by_name_and_keeps_what_it_had():
    known = Entry("a", "1", "X", 1, 0, INGESTED, "0" * 32, "run", 0, "1", rows=3)
    look = Examined(file("a", "2"), None, "It cannot be read (EACCES): check its owner and mode.")
    told = {"run": "run", "seen": 0, "code_version": "1"}
    batch = plan_batch(Ledger("t", (known,)), [look], [], **told)
    ledger = Ledger("t", batch.entries)
    assert (batch.files, batch.owners, batch.counts["refused"]) == ((), {}, 1)
    assert ledger.current["a"].rows == 3
    assert ledger.refused["a"].reason == look.fault
    assert ledger.knows(file("a", "2"))
    assert plan_batch(ledger, [look], [], **told).empty
    fixed = plan_batch(ledger, [replace(look, content="Y", fault=None)], [], **told)
    assert not Ledger("t", fixed.entries).refused
    assert fixed.owners == {"a": None}


@pytest.mark.parametrize(
    ("sizes", "most", "expected"),
    [([1, 1, 1], Limits(2, 100), 2), ([60, 60], Limits(10, 100), 1), ([500, 1], Limits(10, 100), 1)],
)
def test_a_batch_has_bounds_and_always_a_file(sizes, most, expected):
    waiting = [file(str(number), size=size) for number, size in enumerate(sizes)]
    assert len(choose(waiting, most)) == expected


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(PATHS), st.sampled_from(CONTENTS)),
        st.tuples(st.just("drop"), st.sampled_from(PATHS)),
        st.tuples(st.just("ingest"), st.integers(1, 4)),
    ),
    max_size=30,
)


@given(steps=STEPS)
def test_every_content_that_a_file_carries_is_in_the_table_once_whatever_happened(steps):
    zone = Zone()
    for name, *arguments in steps:
        getattr(zone, name)(*arguments)
    while zone.ingest():
        pass
    assert Counter(content for _, content in zone.rows.elements()) == Counter(set(zone.ever.values()))
    owners = {
        entry.path: entry.content for entry in zone.ledger.current.values() if entry.outcome == INGESTED
    }
    assert dict(zone.rows.keys()) == owners
    assert {path: entry.content for path, entry in zone.ledger.current.items()} == zone.ever
