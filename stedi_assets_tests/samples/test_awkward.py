"""The sample zone and the awkward one: what their pages say, and lines judged by a reader of its own."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from stedi_assets.samples import CASES, accounting, as_markdown, generate
from stedi_assets_tests.support.lakes import REPOSITORY
from stedi_assets_tests.support.zones import DATA, SOURCES, awkward_zone, bytes_of

PAGE = REPOSITORY / "docs" / "awkward.md"
PAGES = pytest.mark.parametrize("page", [DATA / "README.md", PAGE], ids=["sample", "awkward"])


@PAGES
def test_the_command_of_a_page_makes_its_zone(tmp_path: Path, page: Path) -> None:
    command = re.search(
        r"stedi generate --customers (\d+) --days (\d+) --seed (\d+)( --awkward)?", page.read_text()
    )
    assert command
    customers, days, seed = map(int, command.groups()[:3])
    generate(tmp_path, customers, days, seed, awkward=command[4] is not None)
    assert bytes_of(tmp_path) == bytes_of(awkward_zone() if page == PAGE else DATA)


def test_the_committed_zone_is_small() -> None:
    sizes = [len(text) for text in bytes_of(DATA).values()]
    assert max(sizes) < 300_000
    assert sum(sizes) < 1_200_000


def test_the_page_has_the_table_of_all_cases() -> None:
    assert as_markdown() in PAGE.read_text(encoding="utf-8")
    assert len({case.name for case in CASES}) == len(CASES)


@PAGES
@pytest.mark.parametrize("source", SOURCES)
def test_a_page_counts_the_lines_of_its_zone(page: Path, source: str) -> None:
    total: Counter[str] = Counter()
    for path, text in bytes_of(awkward_zone() if page == PAGE else DATA).items():
        if path.startswith(f"{source}/"):
            total += outcomes(source, path, text)
    row = f"| {source} | {total.total():,} | {total['row']:,} | {total['quarantined']} | {total['empty']} |"
    assert row in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(accounting()))
def test_awkward_lines_end_as_their_case_says(path: str) -> None:
    """A second reader, written here, must agree on which lines can become rows."""
    assert outcomes(path.split("/")[0], path, (awkward_zone() / path).read_bytes()) == accounting()[path]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_awkward_case_is_in_its_files(case: Any) -> None:
    for source in SOURCES:
        lines = case.lines(source)
        if lines is not None:
            text = plain(case.file, (awkward_zone() / source / "landing" / case.file).read_bytes()).decode(
                "utf-8"
            )
            assert all(line.text in text for line in lines)


@pytest.mark.parametrize(
    ("file", "raw"),
    [
        ("awkward-crlf.json", rb"\r\n$"),
        ("awkward-bom.json", b"\\A\xef\xbb\xbf{"),
        ("awkward-no-final-newline.json", rb"}\Z"),
        ("awkward-empty-lines.json", rb"^\n  \n\n"),
        ("awkward-zero-bytes.json", rb"\A\Z"),
        ("awkward-gzip.json.gz", b"\\A\x1f\x8b"),
    ],
)
def test_files_of_another_form_have_it(file: str, raw: bytes) -> None:
    for source in ("accelerometer", "step_trainer"):
        assert re.search(raw, (awkward_zone() / source / "landing" / file).read_bytes(), re.MULTILINE)


def test_the_greek_address_in_capitals_is_the_one_in_lower_case() -> None:
    assert "ΦΎΛΛΟΣ@example.org".lower() == "φύλλος@example.org"


def plain(path: str, text: bytes) -> bytes:
    return gzip.decompress(text) if path.endswith(".gz") else text


def outcomes(source: str, path: str, text: bytes) -> Counter[str]:
    lines = plain(path, text).decode("utf-8-sig").split("\n")
    if lines[-1] == "":
        lines.pop()
    return Counter(outcome(source, line.strip()) for line in lines)


def outcome(source: str, line: str) -> str:
    if not line:
        return "empty"
    try:
        record = json.loads(line.removesuffix(","), parse_constant=lambda name: name)
    except json.JSONDecodeError:
        return "quarantined"
    if not isinstance(record, dict):
        return "quarantined"
    fields = {key.lower(): value for key, value in record.items()}
    rules = {
        "customer": {
            "email": is_email,
            "lastupdatedate": is_instant,
            "sharewithresearchasofdate": is_consent,
        },
        "accelerometer": {"user": is_email, "timestamp": is_instant, **dict.fromkeys("xyz", is_acceleration)},
        "step_trainer": {
            "serialnumber": is_name,
            "sensorreadingtime": is_instant,
            "distancefromobject": is_distance,
        },
    }[source]
    return "row" if all(rule(fields.get(key)) for key, rule in rules.items()) else "quarantined"


def is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def is_email(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[^@\s]+@[^@\s]+", value.strip()) is not None


def is_int(value: object) -> bool:
    return type(value) is int


def is_distance(value: Any) -> bool:
    return is_int(value) and 0 <= value <= 4_000


def is_acceleration(value: Any) -> bool:
    return type(value) in (int, float) and -16 <= value <= 16


def is_consent(value: Any) -> bool:
    return value is None or (is_int(value) and (value <= 0 or is_instant(value)))


def is_instant(value: Any) -> bool:
    if not is_int(value):
        return False
    try:
        return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=value)).year >= 2000
    except OverflowError:
        return False
