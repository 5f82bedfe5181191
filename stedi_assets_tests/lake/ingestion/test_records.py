"""Which landing lines become rows, which do not and why, and that it does not matter who reads them."""

import gzip
import json
import math
import re
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from stedi_assets import assets, tables
from stedi_assets.lake.iceberg.staging import StagingArea
from stedi_assets.lake.ingestion.counts import RecordCounts
from stedi_assets.lake.ingestion.files import list_landing_files
from stedi_assets.lake.ingestion.reader import ingest
from stedi_assets.lake.ingestion.records import (
    PLAIN_INTEGER,
    PLAIN_NUMBER,
    PLAIN_STRING,
    FaultyLineError,
    Field,
    line_form,
    parse_line,
    plain_line_pattern,
)
from stedi_assets.lake.storage import Aws, LocalStorage
from stedi_assets.schemas.columns import SPACES
from stedi_assets.tables import TableSpec
from stedi_assets_tests.support.lines import ACCELERATION, CUSTOMER, FAULTS, STEP, acceleration
from stedi_assets_tests.support.oracle import Acceleration, Customer, Step, event_date

SPECS = [tables.CUSTOMER_LANDING, tables.ACCELEROMETER_LANDING, tables.STEP_TRAINER_LANDING]
FORMS = {
    spec.name: line_form(spec.source.record, spec.instant, spec.source.person)
    for spec in SPECS
    if spec.source
}
FIELDS = {name: form.fields for name, form in FORMS.items()}
PATTERNS = {name: plain_line_pattern(fields) for name, fields in FIELDS.items()}

LINES = dict(zip(PATTERNS, (CUSTOMER, ACCELERATION, STEP), strict=True))


def parsed(spec: TableSpec, line: str) -> tuple[list[Any], int]:
    return parse_line(line, FORMS[spec.name])


def fault(spec: TableSpec, line: str) -> str:
    with pytest.raises(FaultyLineError) as raised:
        parsed(spec, line)
    return raised.value.reason


# What becomes a row. -----------------------------------------------------------------------------------


def test_a_line_of_each_source_becomes_a_row() -> None:
    instants = (1_700_000_000_001, 1_700_000_000_002, 1_700_000_000_003)
    customer = Customer("Ada Tealeaf", "ada@example.com", "555", "967-01-01", "s1", *instants, 4, 5)
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
    for email in (" ADA@example.com\u00a0", "ΦΎΛΛΟΣ@example.org", "\u200b@b", '"\\@b', "😀@example.org"):
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
    found = parsed(tables.CUSTOMER_LANDING, CUSTOMER.replace(": 4,", f": {written},"))[0][8]
    assert found == value
    assert type(found) is int


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63)])
def test_the_largest_integers_of_64_bits_are_integers(value: int) -> None:
    assert parsed(tables.CUSTOMER_LANDING, CUSTOMER.replace(": 4,", f": {value},"))[0][8] == value


@pytest.mark.parametrize("written", ["-0.0", "-0", "0", "0e5", "-0.0e-3", "1e-400", "-1e-400"])
def test_there_is_one_zero(written: str) -> None:
    x = parsed(tables.ACCELEROMETER_LANDING, acceleration(x=written))[0][2]
    assert x == 0
    assert math.copysign(1, x) == 1


@pytest.mark.parametrize(
    "instant", ["946684800000", "4102444799999"], ids=["the first of 2000", "the last of 2099"]
)
def test_every_instant_of_this_century_is_possible(instant: str) -> None:
    assert parsed(tables.ACCELEROMETER_LANDING, acceleration(timestamp=instant))[0][1] == int(instant)


# What does not, and why. -------------------------------------------------------------------------------


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


def test_the_registration_of_a_customer_need_not_be_in_the_calendar() -> None:
    line = json.dumps(json.loads(CUSTOMER) | {"registrationDate": 2**62})
    assert parsed(tables.CUSTOMER_LANDING, line)[0][5] == 2**62


SECONDS, MICROSECONDS = 1_700_000_000, 1_700_000_000_000_000
BROKEN_RULES = [
    ("email_format", "customer_landing", {"email": "ada at example.com"}),
    ("email_format", "customer_landing", {"email": "ada@example.com, bo@example.com"}),
    ("lastupdatedate_in_range", "customer_landing", {"lastUpdateDate": SECONDS}),
    ("lastupdatedate_in_range", "customer_landing", {"lastUpdateDate": MICROSECONDS}),
    ("lastupdatedate_in_range", "customer_landing", {"lastUpdateDate": 2**62}),
    ("sharewithresearchasofdate_plausible", "customer_landing", {"shareWithResearchAsOfDate": 1}),
    ("sharewithresearchasofdate_plausible", "customer_landing", {"shareWithResearchAsOfDate": SECONDS}),
    ("user_format", "accelerometer_landing", {"user": "ada"}),
    ("timestamp_in_range", "accelerometer_landing", {"timestamp": 0}),
    ("timestamp_in_range", "accelerometer_landing", {"timestamp": SECONDS}),
    ("timestamp_in_range", "accelerometer_landing", {"timestamp": 946_684_799_999}),
    ("timestamp_in_range", "accelerometer_landing", {"timestamp": 4_102_444_800_000}),
    ("x_in_range", "accelerometer_landing", {"x": 17}),
    ("y_in_range", "accelerometer_landing", {"y": -16.000001}),
    ("z_in_range", "accelerometer_landing", {"z": 1e300}),
    ("sensorreadingtime_in_range", "step_trainer_landing", {"sensorReadingTime": SECONDS}),
    ("distancefromobject_in_range", "step_trainer_landing", {"distanceFromObject": 4_001}),
    ("distancefromobject_in_range", "step_trainer_landing", {"distanceFromObject": -1}),
    ("user_format", "accelerometer_landing", {"user": "ada", "timestamp": 0, "x": 17}),
    ("x_in_range", "accelerometer_landing", {"x": 17, "z": 17}),
]


@pytest.mark.parametrize(("rule", "table", "values"), BROKEN_RULES)
def test_a_line_that_breaks_value_rules_is_named_after_the_first(
    rule: str, table: str, values: dict[str, Any]
) -> None:
    line = json.dumps(json.loads(LINES[table]) | values)
    assert fault(assets.TABLES[table], line) == rule


def test_a_line_that_breaks_rules_which_only_warn_lands() -> None:
    odd = {
        "customerName": "A" * 201, "phone": "none", "birthDay": "967-01-01", "serialNumber": "7",
        "registrationDate": 1, "shareWithPublicAsOfDate": 1, "shareWithFriendsAsOfDate": 1,
    }  # fmt: skip
    values, _ = parsed(tables.CUSTOMER_LANDING, json.dumps(json.loads(CUSTOMER) | odd))
    assert values[2:6] == ["none", "967-01-01", "7", 1]
    assert parsed(tables.STEP_TRAINER_LANDING, STEP)[0][1] == "s1"


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

READ = settings(max_examples=settings.default.max_examples // 4)  # one example is two files read and staged


# Plain values that keep the rules.
INSIDE = f'[^@"\\\\\\x00-\\x1f\\x7f{SPACES}]'
KEPT_EMAIL = rf'"[!#-?A-\[\]-~]{INSIDE}*@{INSIDE}+"'
KEPT_INSTANT = "1[0-9]{12}"
KEPT_ACCELERATION = r"-?(?:0|[1-9])(?:\.[0-9]{1,17})?(?:[eE](?:[+-]?0|-[0-9]{1,2}))?"
KEPT_VALUES = {
    "email": (PLAIN_STRING, KEPT_EMAIL),
    "user": (PLAIN_STRING, KEPT_EMAIL),
    "lastUpdateDate": (PLAIN_INTEGER, KEPT_INSTANT),
    "shareWithResearchAsOfDate": (PLAIN_INTEGER, f"(?:0|-[1-9][0-9]{{0,12}}|{KEPT_INSTANT})"),
    "timestamp": (PLAIN_INTEGER, KEPT_INSTANT),
    "sensorReadingTime": (PLAIN_INTEGER, KEPT_INSTANT),
    "distanceFromObject": (PLAIN_INTEGER, "(?:0|[1-9][0-9]{0,2})"),
    **dict.fromkeys("xyz", (PLAIN_NUMBER, KEPT_ACCELERATION)),
}
# Plain values around the bounds of the rules.
EDGES = {
    "string": [
        *("a@b", "a", "a@", "@b", "a@b@c", "a b@c", "a@b ", "a@b\u3000", "a@\u0085b", "a\u200b@b"),
        "a\ufeff@😀",
    ],
    "integer": [
        *("0", "-1", "1", "4000", "4001", "946684799999", "946684800000", "4102444799999", "4102444800000"),
        *("1700000000", "9999999999999", "-9999999999999"),
    ],
    "number": ["16", "-16.0", "1.6e1", "16.000000000000001", "16.00000000000000001", "-16.1", "17", "9e99"],
}  # fmt: skip


def plain_lines(spec: TableSpec) -> st.SearchStrategy[str]:
    """Plain lines that become rows."""
    pattern = PATTERNS[spec.name]
    for key, (value, kept) in KEPT_VALUES.items():
        for written in (value, f"(?:null|{value})"):
            pattern = pattern.replace(f'"{key}": ?{written}', f'"{key}": ?{written.replace(value, kept)}')
    return _matching(pattern)


def any_plain_lines(spec: TableSpec) -> st.SearchStrategy[str]:
    """Plain lines, of which some break value rules."""

    def edge(field: Field, value: str) -> str:
        written = json.loads(LINES[spec.name], parse_float=str, parse_int=str)
        texts = {f.key for f in FIELDS[spec.name] if f.kind == "string"}
        members = written | {field.key: value}
        return (
            "{"
            + ", ".join(f'"{k}": "{v}"' if k in texts else f'"{k}": {v}' for k, v in members.items())
            + "}"
        )

    edges = st.one_of(
        [st.sampled_from(EDGES[field.kind]).map(partial(edge, field)) for field in FIELDS[spec.name]]
    )
    return st.one_of(plain_lines(spec), edges, _matching(PATTERNS[spec.name]))


def _matching(pattern: str) -> st.SearchStrategy[str]:
    # `$` of Python also matches before a line feed at the end, which no line has.
    return st.from_regex(pattern, fullmatch=True).filter(lambda line: not line.endswith("\n"))


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
    assert set(reasons.values()) <= {rule.name for rule in FORMS[spec.name].rules}


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
    nobody = int(spec is tables.CUSTOMER_LANDING)
    for reason, odd in (
        ("not_json", b"-- end of export --\n"),
        ("invalid_utf8", b"\xff\n"),
        ("truncated", b'{"user": "ad'),
        ("null_byte", b"\x00\n"),
    ):
        rows, counted, parsed_lines = landing.read(odd_json=f"{line}\n{line}\n".encode() + odd)
        assert rows == plain
        assert parsed_lines
        assert counted == replace(counts, lines=3, quarantined=1, nameless=nobody, reasons=Counter([reason]))


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
