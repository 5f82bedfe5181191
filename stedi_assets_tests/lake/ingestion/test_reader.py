"""Landing files become rows, and every line is accounted for."""

import gzip

import pytest

from stedi_assets.samples.awkward import accounting
from stedi_assets.settings import LONGEST_LINE
from stedi_assets_tests.support.lakes import TestLake, counts, reading, write_landing
from stedi_assets_tests.support.town import LANDING
from stedi_assets_tests.support.zones import awkward_zone


def landed(tmp_path, files, table="accelerometer_landing"):
    """Ingests accelerometer files; gives the counts of their lines and the lake."""
    landing = write_landing(
        tmp_path / "in", {f"accelerometer/landing/{name}": c for name, c in files.items()}
    )
    lake = TestLake(tmp_path, landing)
    lake.built(select=table)
    return counts(lake, table), lake


@pytest.mark.parametrize("table", LANDING)
def test_every_line_of_the_sample_is_accounted_for(sample_lake, table):
    found = counts(sample_lake, table)
    source = table.removesuffix("_landing")
    files = [file for file in (awkward_zone() / source / "landing").rglob("*.json*") if file.is_file()]
    lines = sum(
        len((gzip.decompress(data) if file.suffix == ".gz" else data).splitlines())
        for file in files
        if (data := file.read_bytes()) is not None
    )
    assert found["files"] == len(files)
    assert found["lines"] == lines == found["rows"] + found["quarantined"] + found["empty"]
    awkward = {path: outcome for path, outcome in accounting().items() if path.startswith(f"{source}/")}
    assert found["quarantined"] == sum(outcome["quarantined"] for outcome in awkward.values())
    assert found["empty"] == sum(outcome["empty"] for outcome in awkward.values())


@pytest.mark.parametrize(
    ("content", "rows", "quarantined", "empty"),
    [
        pytest.param(b"", 0, 0, 0, id="zero bytes"),
        pytest.param(b"\n\n  \n", 0, 0, 3, id="empty lines only"),
        pytest.param(reading().encode(), 1, 0, 0, id="no final newline"),
        pytest.param(f"{reading()}\r\n{reading()}\r\n".encode(), 2, 0, 0, id="CRLF"),
        pytest.param(f"{reading()}\r{reading()}\r".encode(), 2, 0, 0, id="CR"),
        pytest.param(b"\xef\xbb\xbf" + reading().encode(), 1, 0, 0, id="BOM"),
        pytest.param(f"{reading()},\n{reading()},\n".encode(), 2, 0, 0, id="trailing commas"),
        pytest.param(reading().replace("timestamp", "timeStamp").encode(), 1, 0, 0, id="key in another case"),
        pytest.param(reading("\u03a9@example.com").encode(), 1, 0, 0, id="escaped unicode"),
        pytest.param(reading(timestamp="1700000000000").encode(), 0, 1, 0, id="quoted number"),
        pytest.param(reading(timestamp=1.5).encode(), 0, 1, 0, id="fractional instant"),
        pytest.param(reading(x="0.1").encode(), 0, 1, 0, id="quoted acceleration"),
        pytest.param(reading(x=True).encode(), 0, 1, 0, id="boolean acceleration"),
        pytest.param(reading(timestamp=2**63).encode(), 0, 1, 0, id="beyond int64"),
        pytest.param(reading(x=float("nan")).encode(), 0, 1, 0, id="NaN"),
        pytest.param(b'{"user": "a\xff", "timestamp": 1, "x": 1, "y": 1, "z": 1}\n', 0, 1, 0, id="not UTF-8"),
        pytest.param(f"{reading()}\nnull\n[]\n7\nxyz\n".encode(), 1, 3, 1, id="no objects"),
        pytest.param(f"{reading()}{reading()}\n".encode(), 2, 0, 0, id="two records on a line"),
        pytest.param(b'{"a":' + b"[" * 100_000 + b"\n" + reading().encode(), 1, 1, 0, id="deep nesting"),
        pytest.param(b"x" * (LONGEST_LINE * 3) + b"\n" + reading().encode(), 1, 1, 0, id="long line"),
    ],
)
def test_a_line_that_cannot_become_a_row_is_counted_and_stops_nothing(
    tmp_path, content, rows, quarantined, empty
):
    # A clean neighbour, so that both ways of reading take part in one run.
    found, lake = landed(tmp_path, {"odd.json": content, "clean.json": f"{reading()}\n{reading(x=1)}\n"})
    assert (found["rows"] - 2, found["quarantined"], found["empty"]) == (rows, quarantined, empty)
    assert sum(lake.rows("accelerometer_landing").values()) == rows + 2


NAMES = (
    "with space.json", "ünïcode.json", "per%20cent.json", "star*.json", "[a].json", "_hidden.json",
    "a/b/c/nested.json", "UPPER.JSON", "new\nline.json", "quote'.json", "hash#1.json",
    "question?.json",
)  # fmt: skip


def test_files_are_read_whatever_their_names(tmp_path):
    found, lake = landed(tmp_path, {name: f"{reading(x=n / 10)}\n" for n, name in enumerate(NAMES)})
    assert found["rows"] == len(NAMES)
    rows = lake.table("accelerometer_landing").scan().to_arrow().to_pylist()
    assert {row["source_file"]: row["x"] for row in rows} == {
        f"accelerometer/landing/{name}": n / 10 for n, name in enumerate(NAMES)
    }


def test_other_files_in_the_landing_zone_are_left_alone(tmp_path):
    found, _ = landed(
        tmp_path, {"a.json": f"{reading()}\n", "a.csv": "x,y\n", "README": "hello", "b.json.tmp": "{"}
    )
    assert (found["files"], found["rows"]) == (1, 1)


def test_compressed_files_are_read_and_a_cut_short_one_keeps_its_readable_lines(tmp_path):
    whole = gzip.compress("".join(f"{reading(x=n / 1_000)}\n" for n in range(2_000)).encode())
    found, _ = landed(tmp_path, {"whole.json.gz": whole, "cut.json.gz": whole[: len(whole) // 2]})
    assert found["rows"] > 2_000
    assert found["quarantined"] >= 1
    assert found["lines"] == found["rows"] + found["quarantined"]


def test_unknown_keys_are_ignored_but_counted(tmp_path):
    line = reading()[:-1] + ', "firmware": "1.2", "nested": {"user": "no one"}}'
    found, lake = landed(tmp_path, {"a.json": f"{line}\n{reading()}\n"})
    assert (found["rows"], found["unknown_keys"]) == (2, 2)
    assert {row[0] for row in lake.rows("accelerometer_landing")} == {"ada@example.com"}


def test_rows_say_which_file_and_batch_they_came_from(tmp_path):
    _, lake = landed(tmp_path, {"a.json": f"{reading()}\n", "b.json": f"{reading(x=0.5)}\n"})
    rows = lake.table("accelerometer_landing").scan().to_arrow().to_pylist()
    assert {row["source_file"] for row in rows} == {
        "accelerometer/landing/a.json",
        "accelerometer/landing/b.json",
    }
    assert len({row["batch_id"] for row in rows}) == 1


@pytest.mark.slow
def test_more_files_than_one_query_takes_are_all_read(tmp_path):
    found, _ = landed(
        tmp_path, {f"{number:04}.json": f"{reading(x=number / 100)}\n" for number in range(450)}
    )
    assert (found["files"], found["rows"]) == (450, 450)
