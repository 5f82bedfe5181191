"""The engine reads plain files, the parser all others: rows, counts and quarantined lines are the same."""

import gzip
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from stedi_assets import tables
from stedi_assets.lake.iceberg.staging import StagingArea
from stedi_assets.lake.ingestion.files import list_landing_files
from stedi_assets.lake.ingestion.ledger import RecordCounts
from stedi_assets.lake.ingestion.reader import ingest
from stedi_assets.lake.ingestion.records import (
    FaultyLineError,
)
from stedi_assets.lake.storage import Aws, LocalStorage
from stedi_assets.tables import TableSpec
from stedi_assets_tests.support.line_strategies import any_plain_lines, odd_lines, plain_lines
from stedi_assets_tests.support.lines import (
    FIELDS,
    FORMS,
    LINES,
    SPECS,
    acceleration,
    parsed,
)
from stedi_assets_tests.support.oracle import event_date

# One example is two files read and staged, so that there are few here, and many in the slow tests.
READ = settings(max_examples=settings.default.max_examples // 12)
READ_MANY = settings(max_examples=settings.default.max_examples // 2)


def expected_rows(spec: TableSpec, lines: list[str]) -> Counter[str]:
    rows = (parsed(spec, line)[0] for line in lines)
    instants = [field.name for field in FIELDS[spec.name]].index(spec.instant) if spec.instant else None
    return Counter(repr([*row, *([] if instants is None else [event_date(row[instants])])]) for row in rows)


def judged(spec: TableSpec, lines: list[str]) -> tuple[list[str], dict[int, str]]:
    """The lines that become rows, and the reasons of the others by their numbers."""
    rows, reasons = [], {}
    for number, line in enumerate(lines, start=1):
        try:
            parsed(spec, line)
        except FaultyLineError as error:
            reasons[number] = error.reason
        else:
            rows.append(line)
    return rows, reasons


class Landing:
    """A landing zone and a staging area of one table, fresh for every example."""

    def __init__(self, spark: SparkSession, spec: TableSpec, folder: Path) -> None:
        self._spark, self._spec, self._folder = spark, spec, folder
        self.quarantined: list[tuple[int, str, bytes, str | None]] = []

    def read(self, **files: bytes) -> tuple[Counter[str], RecordCounts, bool]:
        """Ingests files, given as `name=bytes`: the staged rows, the counts, and if a line was parsed.

        What was quarantined is in `quarantined`: line number, reason, raw line, people.
        """
        spec, source = self._spec, self._spec.source
        assert source
        number = len(list(self._folder.iterdir())) if self._folder.exists() else 0
        root = self._folder / f"{number:03}"
        (root / source.folder).mkdir(parents=True)
        for name, content in files.items():
            path = root / source.folder / name.replace("_", ".")
            path.write_bytes(content)
        area = StagingArea.below(spec, f"file://{root}/lake", LocalStorage())
        found = list_landing_files(LocalStorage(), f"file://{root}", source)
        assert len(found) == len(files)
        lines = StagingArea.below(tables.QUARANTINE, f"file://{root}/quarantine", LocalStorage())
        by_file = ingest(self._spark, spec, found, batch_id="batch", rows=area, quarantine=lines, aws=Aws())
        counts = sum(by_file.values(), RecordCounts())
        self.quarantined = [
            tuple(row)
            for file in lines.staged_files()
            for row in self._spark.read.parquet(file.removeprefix("file://"))
            .select("line_number", "reason", F.col("raw").cast("binary"), "people")
            .collect()
        ]
        parsed_lines = Path(area.scratch.removeprefix("file://")).exists()
        staged = [file.removeprefix("file://") for file in area.staged_files()]
        columns = [*(field.name for field in FIELDS[spec.name]), *(["event_date"] if spec.instant else [])]
        rows = (
            self._spark.read.schema(spec.schema).parquet(*staged).select(columns).collect() if staged else []
        )
        return Counter(repr([*row]) for row in rows), counts, parsed_lines


@pytest.fixture(params=SPECS, ids=lambda spec: spec.name)
def spec(request: pytest.FixtureRequest) -> TableSpec:
    return request.param


@pytest.fixture
def landing(spark: SparkSession, spec: TableSpec, tmp_path: Path) -> Landing:
    return Landing(spark, spec, tmp_path / "landing")


@given(data=st.data())
def test_a_plain_line_has_no_fault_and_the_values_that_any_json_reader_finds(
    spec: TableSpec, data: st.DataObject
) -> None:
    line = data.draw(plain_lines(spec))
    values, unknown = parsed(spec, line)
    found = json.loads(line)
    assert values == [found.get(field.key) for field in FIELDS[spec.name]]
    assert unknown == 0


@given(data=st.data())
def test_a_plain_line_that_is_no_row_breaks_a_value_rule(spec: TableSpec, data: st.DataObject) -> None:
    _, reasons = judged(spec, [data.draw(any_plain_lines(spec))])
    # The parser has a better name for a time in seconds, which breaks a rule as well.
    assert set(reasons.values()) <= {rule.name for rule in FORMS[spec.name].rules} | {"instant_in_seconds"}


@READ
@given(data=st.data())
def test_the_engine_reads_plain_lines_as_the_parser_does(
    spec: TableSpec, landing: Landing, data: st.DataObject
) -> None:
    lines = data.draw(st.lists(any_plain_lines(spec), min_size=1, max_size=8))
    end = data.draw(st.sampled_from(["\n", "\n\n", "\n  \n", ""]))
    content = ("\n".join(lines) + end).encode()
    good, reasons = judged(spec, lines)
    expected = expected_rows(spec, good)

    rows, counts, parsed_lines = landing.read(plain_json=content)
    assert rows == expected
    assert parsed_lines == bool(reasons)
    quarantined = Counter(landing.quarantined)
    assert {line[0]: line[1] for line in quarantined} == reasons
    assert all(raw == lines[number - 1].encode() for number, _, raw, _ in quarantined)
    read = landing.read(packed_json_gz=gzip.compress(content))
    assert read == (expected, counts, True)
    assert Counter(landing.quarantined) == quarantined
    assert (counts.rows, counts.quarantined) == (len(good), len(reasons))
    assert counts.reasons == Counter(reasons.values())
    assert counts.lines == counts.rows + counts.empty + counts.quarantined


@READ
@given(data=st.data())
def test_another_way_to_write_records_gives_the_rows_of_the_plain_way(
    spec: TableSpec, landing: Landing, data: st.DataObject
) -> None:
    lines = data.draw(st.lists(plain_lines(spec), min_size=1, max_size=4))
    odd = [data.draw(odd_lines(spec, line)) for line in lines]
    plain, counts, _ = landing.read(plain_json="\n".join(lines).encode())
    again, counted, _ = landing.read(odd_json="\n".join(odd).encode())
    assert again == plain
    assert counted == counts


@pytest.mark.slow
@READ_MANY
@given(data=st.data())
def test_the_engine_reads_many_plain_lines_as_the_parser_does(
    spec: TableSpec, landing: Landing, data: st.DataObject
) -> None:
    test_the_engine_reads_plain_lines_as_the_parser_does.hypothesis.inner_test(spec, landing, data)


@pytest.mark.slow
@READ_MANY
@given(data=st.data())
def test_many_other_ways_to_write_records_give_the_rows_of_the_plain_way(
    spec: TableSpec, landing: Landing, data: st.DataObject
) -> None:
    test_another_way_to_write_records_gives_the_rows_of_the_plain_way.hypothesis.inner_test(
        spec, landing, data
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (b"a\xff", "invalid_utf8"),  # never part of UTF-8
        (b"a\xed\xa0\x80", "invalid_utf8"),  # a surrogate
        (b"a\xc0\x80", "invalid_utf8"),  # a null byte in two bytes, as Java writes it
        (b"a\x00", "null_byte"),
        (b"a\x1b", "not_json"),  # JSON has no control characters in a string
        (b'a"', "not_json"),
        (b"a\\", "not_json"),
        (b"", "missing_field"),
        (b" ", "missing_field"),
        (b" a", None),
        (b"a\x7f", None),
        (b"\\u0061", None),
        ("\u2028\u0085\ufffda\ufeffb".encode(), None),  # ends of lines by Unicode, but not of landing lines
        ("\U0001f600".encode(), None),
    ],
)
def test_bytes_of_any_kind_mean_the_same_to_both_readers(
    spec: TableSpec, landing: Landing, name: bytes, reason: str | None
) -> None:
    plain = LINES[spec.name].encode()
    if b"s1" in plain:
        odd = plain.replace(b"s1", name)
    else:
        odd = plain.replace(b"ada@example.com", name + b"@example.com" if name.strip() else name)
    content = plain + b"\n" + odd + b"\n"
    rows, counts, _ = landing.read(file_json=content)
    quarantined = landing.quarantined
    assert (counts.lines, counts.rows) == (2, 1 if reason else 2)
    assert [(number, why, raw) for number, why, raw, _ in quarantined] == (
        [(2, reason, odd)] if reason else []
    )
    assert landing.read(file_json_gz=gzip.compress(content)) == (rows, counts, True)
    assert landing.quarantined == quarantined


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\r\n", "\n\n"])
def test_lines_end_as_any_system_ends_them(spec: TableSpec, landing: Landing, end: str) -> None:
    content = (LINES[spec.name] + end) * 3
    rows, counts, _ = landing.read(file_json=content.encode())
    assert rows == expected_rows(spec, [LINES[spec.name]] * 3)
    assert (counts.rows, counts.quarantined) == (3, 0)


def test_one_odd_line_changes_nothing_for_the_plain_ones_around_it(spec: TableSpec, landing: Landing) -> None:
    line = LINES[spec.name]
    plain, counts, parsed_lines = landing.read(plain_json=f"{line}\n{line}\n".encode())
    assert not parsed_lines
    nameless = int(spec is tables.CUSTOMER_LANDING)
    for reason, odd in (
        ("not_json", b"-- end of export --\n"),
        ("invalid_utf8", b"\xff\n"),
        ("truncated", b'{"user": "ad'),
        ("null_byte", b"\x00\n"),
    ):
        rows, counted, parsed_lines = landing.read(odd_json=f"{line}\n{line}\n".encode() + odd)
        assert rows == plain
        assert parsed_lines
        assert counted == replace(
            counts, lines=3, quarantined=1, nameless=nameless, reasons=Counter([reason])
        )


def test_minus_zero_is_zero_whoever_reads_it(spark: SparkSession, tmp_path: Path) -> None:
    landing = Landing(spark, tables.ACCELEROMETER_LANDING, tmp_path / "landing")
    line = acceleration(x="-0.0", y="-0", z="-0e-5")
    plain, _, parsed_lines = landing.read(plain_json=line.encode())
    assert not parsed_lines
    odd, _, parsed_lines = landing.read(odd_json=f"{line},".encode())
    assert parsed_lines
    assert (
        plain
        == odd
        == {repr(["ada@example.com", 1_700_000_000_000, 0.0, 0.0, 0.0, event_date(1_700_000_000_000)]): 1}
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"\n \n\t\r\n", b"\xef\xbb\xbf"])
def test_a_file_without_a_record_gives_no_row(landing: Landing, content: bytes) -> None:
    for name in ("file_json", "file_json_gz"):
        packed = gzip.compress(content) if name.endswith("gz") else content
        rows, counts, _ = landing.read(**{name: packed})
        assert rows == {}
        assert counts == RecordCounts(files=1, lines=counts.lines, empty=counts.lines)
