"""Landing lines as Hypothesis draws them: plain ones, and other ways to write their records."""

import json
import re
from functools import partial

from hypothesis import strategies as st

from stedi_assets.lake.ingestion.records import (
    PLAIN_EMAIL,
    PLAIN_INTEGER,
    PLAIN_NUMBER,
    Field,
)
from stedi_assets.tables import TableSpec
from stedi_assets_tests.support.lines import FIELDS, LINES, PATTERNS

# Plain values that keep the rules.
KEPT_EMAIL = r'"[!#-?A-\[\]-~]+@[!#-?A-\[\]-~]+"'


KEPT_INSTANT = "1[0-9]{12}"


KEPT_ACCELERATION = r"-?(?:0|[1-9])(?:\.[0-9]{1,17})?(?:[eE](?:[+-]?0|-[0-9]{1,2}))?"


KEPT_VALUES = {
    "email": (PLAIN_EMAIL, KEPT_EMAIL),
    "user": (PLAIN_EMAIL, KEPT_EMAIL),
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
        *("a@b", "a@b\u3000", "a@\u0085b", "a\u200b@b", "a\ufeff@😀"),
    ],
    "email": ["a@b", "a", "a@", "@b", "a@b@c", "a b@c", "a@b "],
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
        [
            st.sampled_from(EDGES["email" if field.email else field.kind]).map(partial(edge, field))
            for field in FIELDS[spec.name]
        ]
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
