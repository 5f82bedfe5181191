"""Which landing lines become rows, which do not and why, and that it does not matter who reads them."""

import gzip
import json
import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from stedi_assets import tables
from stedi_assets.lake.aws import Aws
from stedi_assets.lake.ingest import LineCounts, ingest
from stedi_assets.lake.landing_files import list_landing_files
from stedi_assets.lake.staging import StagingArea
from stedi_assets.lake.storage import LocalStorage
from stedi_assets.tables import TableSpec
from stedi_assets.transforms.landing import (
    FaultyLineError,
    parse_line,
    plain_line_pattern,
    record_fields,
)
from stedi_assets_tests.oracle import Acceleration, Customer, Step, event_date

SPECS = [tables.CUSTOMER_LANDING, tables.ACCELEROMETER_LANDING, tables.STEP_TRAINER_LANDING]
FIELDS = {spec.name: record_fields(spec.source.record) for spec in SPECS if spec.source}
PATTERNS = {name: plain_line_pattern(fields) for name, fields in FIELDS.items()}

CUSTOMER = (
    '{"customerName": "Ada Tealeaf", "email": "ada@example.com", "phone": "555", "birthDay": "967-01-01", '
    '"serialNumber": "s1", "registrationDate": 1, "lastUpdateDate": 2, "shareWithResearchAsOfDate": 3, '
    '"shareWithPublicAsOfDate": 4, "shareWithFriendsAsOfDate": 5}'
)
ACCELERATION = '{"user": "ada@example.com", "timestamp": 1700000000000, "x": 1.5, "y": 0.0, "z": -1.0}'
STEP = '{"sensorReadingTime": 1700000000000, "serialNumber": "s1", "distanceFromObject": 200}'
LINES = dict(zip(PATTERNS, (CUSTOMER, ACCELERATION, STEP), strict=True))


def parsed(spec: TableSpec, line: str) -> tuple[list[Any], int]:
    return parse_line(line, FIELDS[spec.name], spec.instant)


def fault(spec: TableSpec, line: str) -> str:
    with pytest.raises(FaultyLineError) as raised:
        parsed(spec, line)
    return raised.value.reason


def acceleration(**values: str) -> str:
    """An accelerometer line with some values, as JSON, in place of the usual ones."""
    usual = {"user": '"ada@example.com"', "timestamp": "1700000000000", "x": "1.5", "y": "0.0", "z": "-1.0"}
    return "{" + ", ".join(f'"{key}": {value}' for key, value in (usual | values).items()) + "}"


# What becomes a row. -----------------------------------------------------------------------------------


def test_a_line_of_each_source_becomes_a_row() -> None:
    customer = Customer("Ada Tealeaf", "ada@example.com", "555", "967-01-01", "s1", 1, 2, 3, 4, 5)
    assert parsed(tables.CUSTOMER_LANDING, CUSTOMER) == ([*customer], 0)
    reading = Acceleration("ada@example.com", 1_700_000_000_000, 1.5, 0.0, -1.0)
    assert parsed(tables.ACCELEROMETER_LANDING, ACCELERATION) == ([*reading], 0)
    assert parsed(tables.STEP_TRAINER_LANDING, STEP) == ([*Step(1_700_000_000_000, "s1", 200)], 0)


@pytest.mark.parametrize(
    "line",
    [
        ACCELERATION + ",",
        ACCELERATION + "\n",
        ACCELERATION + ",\r\n",
        f" \t{ACCELERATION} ",
        f"{ACCELERATION} ,",
        ACCELERATION.replace("timestamp", "timeStamp"),
        ACCELERATION.replace('"user"', '"USER"').replace('"x"', '"X"'),
        '{"z":-1,"y":0,"x":15e-1,"timestamp":1700000000000,"user":"ada@example.com"}',
        ACCELERATION.replace(": ", " :\t").replace(", ", " ,\r"),
        ACCELERATION.replace("ada", "\\u0061\\u0064a"),
        ACCELERATION.replace("user", "\\u0075ser"),
        ACCELERATION.replace("1700000000000", "1700000000000.0"),
        ACCELERATION.replace("1700000000000", "1.7e12"),
    ],
    ids=repr,
)
def test_another_way_to_write_a_record_gives_the_same_row(line: str) -> None:
    assert parsed(tables.ACCELEROMETER_LANDING, line) == parsed(tables.ACCELEROMETER_LANDING, ACCELERATION)


@pytest.mark.parametrize(
    ("added", "unknown"),
    [
        ('"battery": 1', 1),
        ('"battery": 1, "battery": 2', 2),
        ('"nested": {"user": "else@example.com"}, "": null', 2),
        ('"note": "\\ud800"', 1),
    ],
)
def test_unknown_keys_are_counted_and_ignored(added: str, unknown: int) -> None:
    line = ACCELERATION.replace("{", "{" + added + ", ")
    values, _ = parsed(tables.ACCELEROMETER_LANDING, ACCELERATION)
    assert parsed(tables.ACCELEROMETER_LANDING, line) == (values, unknown)


@pytest.mark.parametrize("missing", ["Research", "Public", "Friends"])
def test_a_consent_may_be_missing_or_null(missing: str) -> None:
    key = f"shareWith{missing}AsOfDate"
    without = json.loads(CUSTOMER)
    del without[key]
    null = json.loads(CUSTOMER) | {key: None}
    names = [field.name for field in FIELDS["customer_landing"]]
    for record in (without, null):
        values, _ = parsed(tables.CUSTOMER_LANDING, json.dumps(record))
        assert dict(zip(names, values, strict=True))[key.lower()] is None
        assert values.count(None) == 1


@pytest.mark.parametrize("consent", [0, -1, 2**63 - 1])
def test_a_consent_that_makes_no_sense_is_landed_as_delivered(consent: int) -> None:
    line = json.dumps(json.loads(CUSTOMER) | {"shareWithResearchAsOfDate": consent})
    assert parsed(tables.CUSTOMER_LANDING, line)[0][7] == consent


def test_strings_are_landed_as_delivered() -> None:
    for email in (" ADA@example.com\u00a0", "ΦΎΛΛΟΣ@example.org", "\u200b", '"\\', "😀@example.org"):
        for line in (
            acceleration(user=json.dumps(email)),
            acceleration(user=json.dumps(email, ensure_ascii=False)),
        ):
            assert parsed(tables.ACCELEROMETER_LANDING, line)[0][0] == email


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1.0", 1),
        ("-0", 0),
        ("-0.0", 0),
        ("1e3", 1000),
        ("1", 1),
        ("-1.0", -1),
        ("9007199254740992.0", 2**53),
    ],
)
def test_an_integer_may_be_written_with_a_fraction_of_zero(written: str, value: int) -> None:
    [_, distance] = parsed(tables.STEP_TRAINER_LANDING, STEP.replace("200", written))[0][1:]
    assert distance == value
    assert type(distance) is int


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63)])
def test_the_largest_integers_of_64_bits_are_integers(value: int) -> None:
    assert parsed(tables.STEP_TRAINER_LANDING, STEP.replace("200", str(value)))[0][2] == value


@pytest.mark.parametrize("written", ["-0.0", "-0", "0", "0e5", "-0.0e-3", "1e-400", "-1e-400"])
def test_there_is_one_zero(written: str) -> None:
    x = parsed(tables.ACCELEROMETER_LANDING, acceleration(x=written))[0][2]
    assert x == 0
    assert math.copysign(1, x) == 1


@pytest.mark.parametrize(
    "instant", ["-62135596800000", "253402300799999", "0", "-1"], ids=["first", "last", "1970", "before 1970"]
)
def test_every_instant_of_the_calendar_is_possible(instant: str) -> None:
    assert parsed(tables.ACCELEROMETER_LANDING, acceleration(timestamp=instant))[0][1] == int(instant)


# What does not, and why. -------------------------------------------------------------------------------

FAULTS = [
    ("not_json", "-- end of export --"),
    ("not_json", ","),
    ("not_json", "{}{}"),
    ("not_json", ACCELERATION + ACCELERATION),
    ("not_json", ACCELERATION.replace('"', "'")),
    ("not_json", "\ufeff" + ACCELERATION),
    ("not_json", "\u00a0" + ACCELERATION),
    ("not_json", acceleration(x="01")),
    ("not_json", acceleration(x=".5")),
    ("not_json", acceleration(x="5.")),
    ("not_json", acceleration(x="+5")),
    ("not_json", acceleration(x="0x10")),
    ("not_json", acceleration(x="nan")),
    ("not_json", acceleration(user='"a\tb"')),
    ("not_json", acceleration(x="1,")),
    ("truncated", ACCELERATION[:-1]),
    ("truncated", '{"user": "ada@exa'),
    ("truncated", "{"),
    ("not_an_object", "[" + ACCELERATION + "]"),
    ("not_an_object", "[]"),
    ("not_an_object", '"ada@example.com"'),
    ("not_an_object", "1"),
    ("not_an_object", "null"),
    ("missing_field", "{}"),
    ("missing_field", ACCELERATION.replace('"x": 1.5, ', "")),
    ("missing_field", acceleration(x="null")),
    ("missing_field", acceleration(timestamp="null")),
    ("missing_field", acceleration(user="null")),
    ("missing_field", acceleration(user='""')),
    ("missing_field", acceleration(user='" "')),
    ("missing_field", acceleration(user='"\\t\\n\u00a0\u3000"')),
    ("ambiguous_field", ACCELERATION.replace("}", ', "user": "else@example.com"}')),
    ("ambiguous_field", ACCELERATION.replace("}", ', "USER": "ada@example.com"}')),
    ("ambiguous_field", ACCELERATION.replace("}", ', "X": null}')),
    ("ambiguous_field", ACCELERATION.replace("{", '{"x": null, ')),
    ("wrong_type", acceleration(timestamp="1.5")),
    ("wrong_type", acceleration(timestamp='"1700000000000"')),
    ("wrong_type", acceleration(timestamp="true")),
    ("wrong_type", acceleration(timestamp="[]")),
    ("wrong_type", acceleration(x='"1.5"')),
    ("wrong_type", acceleration(x='"NaN"')),
    ("wrong_type", acceleration(x='""')),
    ("wrong_type", acceleration(x="false")),
    ("wrong_type", acceleration(x="{}")),
    ("wrong_type", acceleration(user="1")),
    ("wrong_type", acceleration(user="true")),
    ("wrong_type", acceleration(user='["ada@example.com"]')),
    ("out_of_range", acceleration(x="NaN")),
    ("out_of_range", acceleration(x="Infinity")),
    ("out_of_range", acceleration(x="-Infinity")),
    ("out_of_range", acceleration(x="1e400")),
    ("out_of_range", acceleration(x="-1e400")),
    ("out_of_range", acceleration(x="1" * 400)),
    ("out_of_range", acceleration(x="1" * 5_000)),
    ("out_of_range", acceleration(timestamp=str(2**63))),
    ("out_of_range", acceleration(timestamp=str(-(2**63) - 1))),
    ("out_of_range", acceleration(timestamp="1" * 5_000)),
    ("out_of_range", acceleration(timestamp="9007199254740994.0")),
    ("out_of_range", acceleration(timestamp="1e300")),
    ("out_of_range", acceleration(timestamp="1e400")),
    ("out_of_range", ACCELERATION.replace("}", ', "battery": NaN}')),
    ("impossible_instant", acceleration(timestamp="-62135596800001")),
    ("impossible_instant", acceleration(timestamp="253402300800000")),
    ("impossible_instant", acceleration(timestamp=str(2**63 - 1))),
    ("impossible_instant", acceleration(timestamp="1.7e15")),
    ("nesting_too_deep", ACCELERATION.replace("}", ', "deep": ' + "[" * 100_000 + "]" * 100_000 + "}")),
    ("nesting_too_deep", '{"user": ' * 100_000),
    ("null_byte", acceleration(user='"a\x00b"')),
    ("null_byte", ACCELERATION + "\x00"),
    ("invalid_utf8", acceleration(user='"a\udcffb"')),
    ("invalid_utf8", "\udcff"),
    ("invalid_utf8", acceleration(user='"a\\ud800b"')),
]


@pytest.mark.parametrize(("reason", "line"), FAULTS, ids=[f"{why}: {line[:60]!r}" for why, line in FAULTS])
def test_a_line_that_cannot_become_a_row_says_why(reason: str, line: str) -> None:
    assert fault(tables.ACCELEROMETER_LANDING, line) == reason


@pytest.mark.parametrize(
    "line",
    [line for _, line in FAULTS if not re.search("[\ud800-\udfff]", line)],  # engines have no lone surrogates
    ids=lambda line: repr(line[:60]),
)
def test_a_faulty_line_never_fits_the_pattern(line: str) -> None:
    assert re.search(PATTERNS["accelerometer_landing"], line) is None


@pytest.mark.parametrize("after", [",,", "}", " x", ", {", "\u2028"])
def test_a_record_with_something_after_it_is_no_row(after: str) -> None:
    assert fault(tables.ACCELEROMETER_LANDING, ACCELERATION + after) in {"not_json", "truncated"}


def test_a_fault_does_not_quote_the_line() -> None:
    with pytest.raises(FaultyLineError) as raised:
        parsed(tables.ACCELEROMETER_LANDING, '{"user": "ada@example.com"')
    assert str(raised.value) == "truncated"
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("key", ["customerName", "email", "phone", "birthDay", "serialNumber"])
def test_a_customer_must_have_every_text(key: str) -> None:
    for value in (None, "", "\u00a0"):
        line = json.dumps(json.loads(CUSTOMER) | {key: value})
        assert fault(tables.CUSTOMER_LANDING, line) == "missing_field"


def test_an_instant_of_a_customer_need_not_be_in_the_calendar() -> None:
    line = json.dumps(json.loads(CUSTOMER) | {"lastUpdateDate": 2**62})
    assert parsed(tables.CUSTOMER_LANDING, line)[0][6] == 2**62


# The pattern. ------------------------------------------------------------------------------------------

NOT_PLAIN = [
    ACCELERATION + ",",
    ACCELERATION + " ",
    " " + ACCELERATION,
    ACCELERATION + "\u2028",
    ACCELERATION.replace("timestamp", "timeStamp"),
    '{"timestamp": 1, "user": "a", "x": 1, "y": 1, "z": 1}',
    ACCELERATION.replace("}", ', "battery": 1}'),
    ACCELERATION.replace("}", ', "x": 1.5}'),
    acceleration(user='"\\u0061"'),
    acceleration(user='" a"'),
    acceleration(user='"\u00e9"'),
    acceleration(user='"a\x7f"'),
    acceleration(timestamp="1.0"),
    acceleration(timestamp="-0"),
    acceleration(timestamp="1" * 14),
    acceleration(x="1e400"),
    acceleration(x="1" * 16),
    acceleration(x="0.123456789012345678"),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_lines_as_the_sources_write_them_fit_the_pattern(spec: TableSpec) -> None:
    line = LINES[spec.name]
    for written in (line, line.replace(": ", ":").replace(", ", ",")):
        assert re.search(PATTERNS[spec.name], written)


def test_customers_without_some_consents_fit_the_pattern() -> None:
    record = json.loads(CUSTOMER)
    for left_out in (["Research"], ["Public"], ["Friends"], ["Research", "Public", "Friends"]):
        keys = {f"shareWith{whom}AsOfDate" for whom in left_out}
        without = {key: value for key, value in record.items() if key not in keys}
        null = record | dict.fromkeys(keys)
        for line in map(json.dumps, (without, null)):
            assert re.search(PATTERNS["customer_landing"], line)


@pytest.mark.parametrize("line", NOT_PLAIN, ids=repr)
def test_a_line_that_readers_may_read_differently_does_not_fit_the_pattern(line: str) -> None:
    assert re.search(PATTERNS["accelerometer_landing"], line) is None


def test_the_engine_judges_by_the_pattern_as_python_does(spark: SparkSession) -> None:
    lines = [
        ACCELERATION,
        *NOT_PLAIN,
        *(line for _, line in FAULTS if line.isprintable() and len(line) < 999),
    ]
    frame = spark.createDataFrame([(line,) for line in lines], "value string")
    found = frame.where(F.col("value").rlike(PATTERNS["accelerometer_landing"])).collect()
    assert [row["value"] for row in found] == [ACCELERATION]


# Two ways to read a file, one outcome. -----------------------------------------------------------------

ROW = LineCounts(files=1, lines=2, rows=2)
QUARANTINED = LineCounts(files=1, lines=2, rows=1, quarantined=1)

READ = settings(max_examples=settings.default.max_examples // 4)  # one example is two files read and staged


def plain_lines(spec: TableSpec) -> st.SearchStrategy[str]:
    # `$` of Python also matches before a line feed at the end, which no line has.
    return st.from_regex(PATTERNS[spec.name], fullmatch=True).filter(lambda line: not line.endswith("\n"))


def odd_lines(spec: TableSpec, line: str) -> st.SearchStrategy[str]:
    """Other ways to write the record of a plain line: keys, order, commas and escapes; never the values."""
    texts = {field.key for field in FIELDS[spec.name] if field.kind == "string"}

    def as_written(key: str, value: str | None) -> str:
        return "null" if value is None else f'"{value}"' if key in texts else value

    def rewritten(members: list[tuple[str, str]], comma: str, shout: bool, escape: bool) -> str:
        record = ", ".join(f'"{key.upper() if shout else key}": {value}' for key, value in members)
        if escape:
            record = re.sub("[\x80-\ud7ff]", lambda character: f"\\u{ord(character[0]):04x}", record)
        return "{" + record + "}" + comma

    record = json.loads(line, parse_float=str, parse_int=str)
    members = [(key, as_written(key, value)) for key, value in record.items()]
    commas = st.sampled_from(["", ",", " ,"])
    return st.builds(rewritten, st.permutations(members), commas, st.booleans(), st.booleans())


def expected_rows(spec: TableSpec, lines: list[str]) -> Counter[str]:
    rows = (parsed(spec, line)[0] for line in lines)
    instants = [field.name for field in FIELDS[spec.name]].index(spec.instant) if spec.instant else None
    return Counter(repr([*row, *([] if instants is None else [event_date(row[instants])])]) for row in rows)


class Landing:
    """A landing zone and a staging area of one table, fresh for every example."""

    def __init__(self, spark: SparkSession, spec: TableSpec, folder: Path) -> None:
        self._spark, self._spec, self._folder = spark, spec, folder

    def read(self, **files: bytes) -> tuple[Counter[str], LineCounts, bool]:
        """Ingests files, given as `name=bytes`: the staged rows, the counts, and if a line was parsed."""
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
        counts = ingest(self._spark, spec, found, "batch", area, Aws())
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


@READ
@given(data=st.data())
def test_the_engine_reads_plain_lines_as_the_parser_does(
    spec: TableSpec, landing: Landing, data: st.DataObject
) -> None:
    lines = data.draw(st.lists(plain_lines(spec), min_size=1, max_size=8))
    end = data.draw(st.sampled_from(["\n", "\n\n", "\n  \n", ""]))
    content = ("\n".join(lines) + end).encode()
    expected = expected_rows(spec, lines)

    rows, counts, parsed_lines = landing.read(plain_json=content)
    assert rows == expected
    assert not parsed_lines
    read = landing.read(packed_json_gz=gzip.compress(content))
    assert read == (expected, counts, True)
    assert counts.rows == len(lines)
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


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        (b"a\xff", QUARANTINED),  # never part of UTF-8
        (b"a\xed\xa0\x80", QUARANTINED),  # a surrogate
        (b"a\xc0\x80", QUARANTINED),  # a null byte in two bytes, as Java writes it
        (b"a\x00", QUARANTINED),
        (b"a\x1b", QUARANTINED),  # JSON has no control characters in a string
        (b'a"', QUARANTINED),
        (b"a\\", QUARANTINED),
        (b"", QUARANTINED),
        (b" ", QUARANTINED),
        (b" a", ROW),
        (b"a\x7f", ROW),
        (b"\\u0061", ROW),
        ("a\u2028\u0085\ufffd\ufeffb".encode(), ROW),  # ends of lines by Unicode, but not of landing lines
        ("\U0001f600".encode(), ROW),
    ],
)
def test_bytes_of_any_kind_mean_the_same_to_both_readers(
    spec: TableSpec, landing: Landing, name: bytes, becomes: LineCounts
) -> None:
    plain = LINES[spec.name].encode()
    content = plain + b"\n" + plain.replace(b"s1" if b"s1" in plain else b"ada@example.com", name) + b"\n"
    rows, counts, _ = landing.read(file_json=content)
    packed_rows, packed_counts, _ = landing.read(file_json_gz=gzip.compress(content))
    assert rows == packed_rows
    assert counts == packed_counts == becomes


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
    for odd in (b"-- end of export --\n", b"\xff\n", b'{"user": "ad', b"\x00\n"):
        rows, counted, parsed_lines = landing.read(odd_json=f"{line}\n{line}\n".encode() + odd)
        assert rows == plain
        assert parsed_lines
        assert counted == replace(counts, lines=3, quarantined=1)


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
        assert counts == LineCounts(files=1, lines=counts.lines, empty=counts.lines)
