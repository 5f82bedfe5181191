"""Records are found in text of any shape, and a faulty one costs itself only."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stedi_assets.lake.ingestion.parsing.finder import Finder

LONGEST = 1_000_000
RECORD = '{"user": "a@x", "x": 1}'
FIELDS = {"user", "x", "note"}


def found(text: str, longest: int = LONGEST) -> list[tuple[str, int, str | None]]:
    """The records of a text with their lines and faults; empty lines are left out."""
    finder, stream, records = Finder(longest, FIELDS), io.StringIO(text), []
    while piece := stream.readline(longest + 1):
        records += finder.feed(piece)
    records += finder.finish()
    return [(record.text, record.line, record.fault) for record in records if record.text]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (RECORD, [1]),
        (RECORD * 3, [1, 1, 1]),
        (f"{RECORD} {RECORD},{RECORD}", [1, 1, 1]),
        (f"{RECORD}\n\n{RECORD},\n{RECORD}", [1, 3, 4]),
        (f"[{RECORD},{RECORD}]", [1, 1]),
        (f"[\n{RECORD},\n{RECORD}\n]\n", [2, 3]),
        (f"[{RECORD}\n,\n{RECORD}]", [1, 3]),
        (f"\ufeff{RECORD}\n\ufeff{RECORD}", [1, 2]),
    ],
)
def test_a_record_is_found_in_any_shape(text: str, lines: list[int]) -> None:
    assert found(text) == [(RECORD, line, None) for line in lines]


@pytest.mark.parametrize("indent", [1, 4, "\t"])
def test_records_over_many_lines_are_found(indent: int | str) -> None:
    records = [{"user": "a@x", "deep": {"user": [1, {"x": 2}]}}, {"user": "b@x"}]
    for text in (
        json.dumps(records, indent=indent),
        "\n".join(json.dumps(record, indent=indent) for record in records),
    ):
        assert [json.loads(text) for text, _, _ in found(text)] == records


@pytest.mark.parametrize("cut", range(1, len(RECORD)))
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_record_that_is_cut_off_anywhere_costs_no_other(cut: int, end: str) -> None:
    whole = [text.strip() for text, _, _ in found(end.join((RECORD, RECORD[:cut], RECORD, RECORD)))]
    assert whole.count(RECORD) == 3


def test_a_record_that_is_too_long_is_not_kept_as_a_whole() -> None:
    long = '{"user": "' + "a" * 5_000 + '"}'
    records = found(f"{long}\n{RECORD}\n{long}", longest=1_000)
    assert [(line, fault) for _, line, fault in records] == [
        (1, "record_too_long"), (2, None), (3, "record_too_long"),
    ]  # fmt: skip
    assert all(len(text) < 2_100 for text, _, _ in records)


def test_a_line_may_be_longer_than_a_record() -> None:
    assert found(RECORD * 10_000, longest=1_000) == [(RECORD, 1, None)] * 10_000


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_deep_nesting_costs_its_line_only(opened: str) -> None:
    (_, _, fault), *others = found('{"other": ' + opened * 50_000 + f"\n{RECORD}")
    assert fault == "nesting_too_deep"
    assert others == [(RECORD, 2, None)]


def test_text_between_records_is_found_by_itself() -> None:
    assert found(f"xx {RECORD} yy\n<html>502</html>\n{RECORD}") == [
        ("xx ", 1, None), (RECORD, 1, None), ("yy", 1, None),
        ("<html>502</html>", 2, None), (RECORD, 3, None),
    ]  # fmt: skip


def test_an_object_inside_another_one_is_no_record() -> None:
    text = f'"customer": {RECORD}'
    assert found(text) == [(text, 1, None)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
)
RECORDS = st.lists(st.dictionaries(st.sampled_from(["user", "x", "other"]), VALUES), max_size=6)


@given(records=RECORDS, indent=st.none() | st.integers(0, 3), data=st.data())
def test_any_records_are_found_in_any_shape(records: list[dict], indent: int | None, data) -> None:
    texts = [json.dumps(record, indent=indent, ensure_ascii=False) for record in records]
    separators = st.sampled_from(["", "\n", ",\n", " ", "\n\n"])
    text = "".join(text + data.draw(separators) for text in texts)
    assert [json.loads(text) for text, _, fault in found(text) if fault is None] == records
    whole = json.dumps(records, indent=indent)
    assert [json.loads(text) for text, _, _ in found(whole)] == records
