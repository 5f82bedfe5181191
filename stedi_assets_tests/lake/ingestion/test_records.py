"""Which landing lines become rows, and which do not and why."""

import json
import math
import re
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from stedi_assets import assets, tables
from stedi_assets.lake.ingestion.records import (
    FaultyLineError,
)
from stedi_assets.tables import TableSpec
from stedi_assets_tests.support.lines import (
    ACCELERATION,
    CUSTOMER,
    FAULTS,
    FIELDS,
    LINES,
    PATTERNS,
    SPECS,
    STEP,
    acceleration,
    parsed,
)
from stedi_assets_tests.support.lines import coerced as coerced_values
from stedi_assets_tests.support.oracle import Acceleration, Customer, Step


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
        ('"battery": NaN, "nested": [Infinity]', 2),
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


@pytest.mark.parametrize("key", ["email", "serialNumber"])
def test_a_customer_must_have_the_texts_on_which_something_depends(key: str) -> None:
    for value in (None, "", "\u00a0"):
        line = json.dumps(json.loads(CUSTOMER) | {key: value})
        assert fault(tables.CUSTOMER_LANDING, line) == "missing_field"


HARMLESS = {
    "customerName": "customername",
    "phone": "phone",
    "birthDay": "birthday",
    "registrationDate": "registrationdate",
    "shareWithPublicAsOfDate": "sharewithpublicasofdate",
    "shareWithFriendsAsOfDate": "sharewithfriendsasofdate",
}
TEXTS = ("customerName", "phone", "birthDay")


@pytest.mark.parametrize("key", HARMLESS)
@pytest.mark.parametrize("value", [None, True, [], {"a": 1}, "\ud800", float("nan"), float("-inf")])
def test_what_fails_in_a_field_on_which_nothing_depends_lands_as_null(key: str, value: object) -> None:
    values, coerced = coerced_values(tables.CUSTOMER_LANDING, json.dumps(json.loads(CUSTOMER) | {key: value}))
    assert values[HARMLESS[key]] is None
    assert coerced == (0 if value is None and key.startswith("share") else 1)


@pytest.mark.parametrize("key", HARMLESS)
def test_a_field_on_which_nothing_depends_may_be_missing(key: str) -> None:
    record = json.loads(CUSTOMER)
    del record[key]
    values, coerced = coerced_values(tables.CUSTOMER_LANDING, json.dumps(record))
    assert values[HARMLESS[key]] is None
    assert coerced == (0 if key.startswith("share") else 1)


@pytest.mark.parametrize("key", HARMLESS)
def test_a_field_on_which_nothing_depends_lands_as_null_if_it_occurs_twice(key: str) -> None:
    line = CUSTOMER[:-1] + f', "{key.upper()}": 7' + "}"
    values, coerced = coerced_values(tables.CUSTOMER_LANDING, line)
    assert (values[HARMLESS[key]], coerced) == (None, 1)


@pytest.mark.parametrize("key", TEXTS)
@pytest.mark.parametrize(
    ("number", "text"), [("8015551212", "8015551212"), ("-63072000000", "-63072000000"), ("1.5", "1.5")]
)
def test_a_number_lands_as_its_text_where_nothing_depends_on_it(key: str, number: str, text: str) -> None:
    line = re.sub(rf'"{key}": "[^"]*"', f'"{key}": {number}', CUSTOMER)
    values, coerced = coerced_values(tables.CUSTOMER_LANDING, line)
    assert (values[HARMLESS[key]], coerced) == (text, 1)


@pytest.mark.parametrize("key", ["registrationDate", "shareWithPublicAsOfDate", "shareWithFriendsAsOfDate"])
@pytest.mark.parametrize("value", ["2023-11-14", "1700000000000", 1.5, 2**70])
def test_a_date_that_is_none_lands_as_null_where_nothing_depends_on_it(key: str, value: object) -> None:
    values, coerced = coerced_values(tables.CUSTOMER_LANDING, json.dumps(json.loads(CUSTOMER) | {key: value}))
    assert (values[HARMLESS[key]], coerced) == (None, 1)


def test_a_record_as_it_should_be_has_nothing_coerced() -> None:
    assert coerced_values(tables.CUSTOMER_LANDING, CUSTOMER)[1] == 0


def test_the_registration_of_a_customer_need_not_be_in_the_calendar() -> None:
    line = json.dumps(json.loads(CUSTOMER) | {"registrationDate": 2**62})
    assert parsed(tables.CUSTOMER_LANDING, line)[0][5] == 2**62


SECONDS, MICROSECONDS = 1_700_000_000, 1_700_000_000_000_000
BROKEN_RULES = [
    ("email_format", "customer_landing", {"email": "ada at example.com"}),
    ("email_format", "customer_landing", {"email": "ada@example.com, bo@example.com"}),
    ("instant_in_seconds", "customer_landing", {"lastUpdateDate": SECONDS}),
    ("instant_in_microseconds", "customer_landing", {"lastUpdateDate": MICROSECONDS}),
    ("lastupdatedate_in_range", "customer_landing", {"lastUpdateDate": 2**62}),
    ("sharewithresearchasofdate_plausible", "customer_landing", {"shareWithResearchAsOfDate": 1}),
    ("instant_in_seconds", "customer_landing", {"shareWithResearchAsOfDate": SECONDS}),
    ("instant_in_microseconds", "customer_landing", {"shareWithResearchAsOfDate": MICROSECONDS}),
    ("instant_as_date", "customer_landing", {"shareWithResearchAsOfDate": "2023-11-14"}),
    ("user_format", "accelerometer_landing", {"user": "ada"}),
    ("timestamp_in_range", "accelerometer_landing", {"timestamp": 0}),
    ("instant_in_seconds", "accelerometer_landing", {"timestamp": SECONDS}),
    ("timestamp_in_range", "accelerometer_landing", {"timestamp": 946_684_799_999}),
    ("timestamp_in_range", "accelerometer_landing", {"timestamp": 4_102_444_800_000}),
    ("x_in_range", "accelerometer_landing", {"x": 17}),
    ("y_in_range", "accelerometer_landing", {"y": -16.000001}),
    ("z_in_range", "accelerometer_landing", {"z": 1e300}),
    ("instant_in_seconds", "step_trainer_landing", {"sensorReadingTime": SECONDS}),
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
