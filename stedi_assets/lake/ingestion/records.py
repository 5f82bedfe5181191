"""Landing lines: the form that a line must have to become a row, as a pattern and as a parser.

The *pattern* recognises, in the engine and without Python, the lines that every JSON reader reads
alike: the source fields once each, in order, with plain values. The *parser* decides on every other
line (keys in another case or order, a trailing comma, escapes, faults). A line that fits the pattern
gives the same row either way, unless it breaks a value rule: then the parser decides on the whole file.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pandera.pyspark import DataFrameModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, LongType

from stedi_assets.lake.ingestion.faults import canonical, other_form
from stedi_assets.schemas.checks import RowRule, value_rules
from stedi_assets.schemas.columns import FIRST_INSTANT, LAST_INSTANT, READING_INSTANTS, WHITESPACE

Kind = Literal["string", "integer", "number"]
Value = str | int | float | None

INT64 = range(-(2**63), 2**63)
EXACT_INTEGERS = 2**53  # beyond it a number written with a fraction no longer names one integer

UNITS = {"seconds": 1, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}
"""Units of a time that is not in milliseconds, in a second."""

# Plain values only. Strings start with visible ASCII, so that no string of the pattern is blank.
PLAIN_STRING = r'"[!#-\[\]-~][^"\\\x00-\x1f\x7f]*"'
PLAIN_EMAIL = r'"[!#-\[\]-~][ !#-\[\]-~]*"'  # other letters may need another form
PLAIN_INTEGER = r"(?:0|-?[1-9][0-9]{0,12})"
PLAIN_NUMBER = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,2})?"


@dataclass(frozen=True)
class Field:
    """A source field.

    Attributes:
        name: Its column.
        key: Its JSON key.
        kind: The type of its values.
        required: Whether a record without it cannot become a row.
        expected: Whether a plain line has it: it stands before or at the last required one.
        harmless: Whether nothing depends on it: a value of another type lands as its text, or as null.
        instant: Whether it is a time in epoch milliseconds.
        email: Whether it names a person.
    """

    name: str
    key: str
    kind: Kind
    required: bool
    expected: bool = True
    harmless: bool = False
    instant: bool = False
    email: bool = False


@dataclass(frozen=True)
class LineForm:
    """The form of the landing lines of a table.

    Attributes:
        fields: The source fields.
        rules: Value rules that a row must pass.
        instant: Name of the field that must lie within the calendar, if any.
        person: JSON key of the email of the person whom a record describes, if it describes one.
    """

    fields: tuple[Field, ...]
    rules: tuple[RowRule, ...] = ()
    instant: str | None = None
    person: str | None = None


class ParsedRecord(NamedTuple):
    """The row of a record.

    Attributes:
        values: The values in the order of the fields.
        unknown_keys: Keys that no field has.
        coerced: Values of harmless fields that did not come as they should: they landed as text or null.
    """

    values: list[Value]
    unknown_keys: int
    coerced: int


class FaultyLineError(ValueError):
    """A line that cannot become a row.

    Attributes:
        reason: A reason code; never a piece of the line, which may hold a person's data.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def record_fields(record: type[DataFrameModel]) -> tuple[Field, ...]:
    """The source fields of a record model, in the order in which the sources write them."""
    schema = record.to_schema()
    types = {column.name: column.dataType for column in record.to_structtype()}

    def kind(name: str) -> Kind:
        if isinstance(types[name], LongType):
            return "integer"
        return "number" if isinstance(types[name], DoubleType) else "string"

    required = [name for name, column in schema.columns.items() if not column.nullable]
    expected = [*schema.columns][: [*schema.columns].index(required[-1]) + 1] if required else []
    described = {name: column.metadata or {} for name, column in schema.columns.items()}
    return tuple(
        Field(
            name=name,
            key=metadata.get("key", name),
            kind=kind(name),
            required=name in required,
            expected=name in expected,
            **{flag: metadata.get(flag, False) for flag in ("harmless", "instant", "email")},
        )
        for name, metadata in described.items()
    )


def line_form(
    record: type[DataFrameModel], instant: str | None = None, person: str | None = None
) -> LineForm:
    """Returns the form of the lines of a record model; a line that breaks an `error` rule is faulty."""
    rules = tuple(rule.for_rows for rule in value_rules(record) if rule.severity == "error")
    return LineForm(fields=record_fields(record), rules=rules, instant=instant, person=person)


def plain_line_pattern(fields: tuple[Field, ...]) -> str:
    """Returns a regular expression for the lines that need no parser.

    Args:
        fields: The source fields.
    """
    values = {"string": PLAIN_STRING, "integer": PLAIN_INTEGER, "number": PLAIN_NUMBER}
    members = ""
    for field in fields:
        separator = "" if not members else ", ?"
        member = rf'{separator}"{re.escape(field.key)}": ?'
        value = PLAIN_EMAIL if field.email else values[field.kind]
        members += f"{member}{value}" if field.expected else f"(?:{member}(?:null|{value}))?"
    return rf"^\{{{members}\}}$"


def parse_line(line: str, form: LineForm) -> ParsedRecord:
    """Reads one landing line.

    Args:
        line: The text of the line; bytes that are not UTF-8 appear as lone surrogates.
        form: The form of the lines of the table.

    Raises:
        FaultyLineError: The line cannot become a row.
    """
    record = _decode(line)
    if not isinstance(record, _Members):
        raise FaultyLineError("not_an_object")
    known = {field.name: field for field in form.fields}
    values: dict[str, Any] = {}
    unknown = 0
    for key, value in record:
        name = key.lower()
        if name not in known:
            unknown += 1
        elif name in values and not known[name].harmless:
            raise FaultyLineError("ambiguous_field")
        elif name in values:
            values[name] = _AMBIGUOUS
        else:
            values[name] = value
    row = {field.name: _value(values.get(field.name), field) for field in form.fields}
    coerced = sum(
        _is_coerced(values.get(field.name), row[field.name], field) for field in form.fields if field.harmless
    )
    if form.instant is not None and not FIRST_INSTANT <= values[form.instant] <= LAST_INSTANT:
        raise FaultyLineError("impossible_instant")
    for rule in form.rules:
        if rule.broken_by(row):
            raise FaultyLineError(rule.name)
    return ParsedRecord(list(row.values()), unknown, coerced)


def with_event_date(frame: DataFrame, instant: str) -> DataFrame:
    """Adds the UTC day of the reading as event_date; needs a session in UTC."""
    return frame.withColumn("event_date", F.to_date(F.timestamp_millis(F.col(instant))))


_AMBIGUOUS = object()
"""The value of a field that occurs more than once."""


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object in order, keys repeated as written."""


def _decode(line: str) -> Any:
    text = line.strip(" \t\r\n").removesuffix(",")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise FaultyLineError("invalid_utf8") from None
    if "\x00" in text:
        raise FaultyLineError("null_byte")
    try:
        return json.loads(text, object_pairs_hook=_Members, parse_constant=float)
    except FaultyLineError:
        raise
    except RecursionError:
        raise FaultyLineError("nesting_too_deep") from None
    except json.JSONDecodeError:
        truncated = text.startswith("{") and not text.endswith("}")
        raise FaultyLineError("truncated" if truncated else "not_json") from None
    except ValueError:  # an integer of thousands of digits
        raise FaultyLineError("out_of_range") from None


def _value(value: Any, field: Field) -> Value:
    if value is None:
        if field.required:
            raise FaultyLineError("missing_field")
        return None
    return _harmless(value, field) if field.harmless else _typed(value, field)


def _typed(value: Any, field: Field) -> Value:
    """A value that is not null as the type of its field has it."""
    if field.kind == "string":
        return _string(value, field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FaultyLineError(_text_fault(value) if field.instant else "wrong_type")
    if field.instant and math.isfinite(value) and (unit := unit_of(int(value))):
        raise FaultyLineError(f"instant_in_{unit}")
    return _integer(value) if field.kind == "integer" else _number(value)


def _harmless(value: Any, field: Field) -> Value:
    """The value of a field on which nothing depends: a number as text where text belongs, else null."""
    if field.kind == "string" and type(value) in (int, float):
        return json.dumps(value) if math.isfinite(value) else None
    try:
        return _typed(value, field)
    except FaultyLineError:
        return None


def _is_coerced(given: Any, value: Value, field: Field) -> bool:
    """Whether a harmless field did not come as it should; one that may be left out may be null."""
    if given is None:
        return field.expected
    return value is None or (field.kind == "string" and not isinstance(given, str))


def unit_of(instant: int) -> str | None:
    """The unit of a time that is not in milliseconds, if it names one of the years 2000 to 2099."""
    first, last = READING_INSTANTS.values()
    return next(
        (unit for unit, in_second in UNITS.items() if first <= instant * 1000 // in_second <= last), None
    )


def _text_fault(value: Any) -> str:
    """The reason for a time that is no number."""
    if not isinstance(value, str):
        return "wrong_type"
    if re.fullmatch(r"\s*[+-]?[0-9.]+([eE][+-]?[0-9]+)?\s*", value, re.ASCII):
        return "instant_as_text"
    is_date = re.match(r"\s*[0-9]{1,4}[-/.][0-9]{1,2}[-/.]?", value, re.ASCII)
    return "instant_as_date" if is_date else "wrong_type"


def _string(value: Any, field: Field) -> str:
    if not isinstance(value, str):
        raise FaultyLineError("wrong_type")
    if field.required and not value.strip(WHITESPACE):
        raise FaultyLineError("missing_field")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise FaultyLineError("invalid_utf8")
    if field.email:
        email = canonical(value)
        if not email:
            raise FaultyLineError("missing_field")
        if other_form(email) != email:
            raise FaultyLineError("email_in_another_form")
    return value


def _integer(value: int | float) -> int:
    """An integer, also if written as 1.0: JSON has one kind of number."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise FaultyLineError("out_of_range")
        if not value.is_integer():
            raise FaultyLineError("wrong_type")
        if abs(value) > EXACT_INTEGERS:
            raise FaultyLineError("out_of_range")
    if int(value) not in INT64:
        raise FaultyLineError("out_of_range")
    return int(value)


def _number(value: int | float) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise FaultyLineError("out_of_range") from None
    if not math.isfinite(number):
        raise FaultyLineError("out_of_range")
    return number + 0.0  # minus zero is zero, or equal rows would not be equal to every engine
