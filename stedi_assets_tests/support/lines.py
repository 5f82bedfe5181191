"""Landing lines as the sources write them, and lines that cannot become rows."""

from typing import Any

from stedi_assets import tables
from stedi_assets.lake.ingestion.records import (
    line_form,
    parse_line,
    plain_line_pattern,
)
from stedi_assets.tables import TableSpec

CUSTOMER = (
    '{"customerName": "Ada Tealeaf", "email": "ada@example.com", "phone": "555", "birthDay": "967-01-01", '
    '"serialNumber": "s1", "registrationDate": 1700000000001, "lastUpdateDate": 1700000000002, '
    '"shareWithResearchAsOfDate": 1700000000003, "shareWithPublicAsOfDate": 4, "shareWithFriendsAsOfDate": 5}'
)
ACCELERATION = '{"user": "ada@example.com", "timestamp": 1700000000000, "x": 1.5, "y": 0.0, "z": -1.0}'
STEP = '{"sensorReadingTime": 1700000000000, "serialNumber": "s1", "distanceFromObject": 200}'


def acceleration(**values: str) -> str:
    """An accelerometer line with some values, as JSON, in place of the usual ones."""
    usual = {"user": '"ada@example.com"', "timestamp": "1700000000000", "x": "1.5", "y": "0.0", "z": "-1.0"}
    return "{" + ", ".join(f'"{key}": {value}' for key, value in (usual | values).items()) + "}"


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
    ("instant_as_text", acceleration(timestamp='"1700000000000"')),
    ("instant_as_text", acceleration(timestamp='" 1.7e12 "')),
    ("instant_as_date", acceleration(timestamp='"2023-11-14T22:13:20Z"')),
    ("instant_as_date", acceleration(timestamp='"2023-11-14 22:13"')),
    ("instant_as_date", acceleration(timestamp='"11/14/2023"')),
    ("wrong_type", acceleration(timestamp='"yesterday"')),
    ("instant_in_seconds", acceleration(timestamp="1700000000.123")),
    ("instant_in_microseconds", acceleration(timestamp="1700000000000000")),
    ("instant_in_nanoseconds", acceleration(timestamp="1700000000000000000")),
    ("instant_in_nanoseconds", acceleration(timestamp="1.7e18")),
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
    ("impossible_instant", acceleration(timestamp="-62135596800001")),
    ("impossible_instant", acceleration(timestamp="253402300800000")),
    ("impossible_instant", acceleration(timestamp=str(2**63 - 1))),
    ("instant_in_microseconds", acceleration(timestamp="1.7e15")),
    ("nesting_too_deep", ACCELERATION.replace("}", ', "deep": ' + "[" * 100_000 + "]" * 100_000 + "}")),
    ("nesting_too_deep", '{"user": ' * 100_000),
    ("null_byte", acceleration(user='"a\x00b"')),
    ("null_byte", ACCELERATION + "\x00"),
    ("email_in_another_form", acceleration(user='"ａda@example.com"')),
    ("email_in_another_form", acceleration(user='"ju\u0308rgen@example.com"')),
    ("missing_field", acceleration(user='"\u200b \ufeff"')),
    ("invalid_utf8", acceleration(user='"a\udcffb"')),
    ("invalid_utf8", "\udcff"),
    ("invalid_utf8", acceleration(user='"a\\ud800b"')),
]


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
    """The values of a row, and its number of unknown keys."""
    row = parse_line(line, FORMS[spec.name])
    return row.values, row.unknown_keys


def coerced(spec: TableSpec, line: str) -> tuple[dict[str, Any], int]:
    """The values of a row by column, and how many of them did not come as they should."""
    row = parse_line(line, FORMS[spec.name])
    names = [field.name for field in FIELDS[spec.name]]
    return dict(zip(names, row.values, strict=True)), row.coerced
