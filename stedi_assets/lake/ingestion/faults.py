"""Faulty lines: the reasons why a line cannot become a row, and the people whom it names."""

import json
import re
from collections.abc import Iterable, Mapping

from stedi_assets.schemas.checks import value_rules
from stedi_assets.schemas.columns import EMAIL, WHITESPACE
from stedi_assets.tables import LandingSource

FAULTS: Mapping[str, str] = {
    "not_json": "The line is not JSON.",
    "truncated": "The line is cut off.",
    "not_an_object": "The line is JSON, but not an object.",
    "missing_field": "A required field is missing, null or blank.",
    "ambiguous_field": "A field occurs more than once.",
    "wrong_type": "A value has another type than its field.",
    "out_of_range": "A number is too large to be stored, or is not a number (NaN, infinity).",
    "instant_as_text": "A time is a text, not a number.",
    "instant_as_date": "A time is a date in words, not a number of milliseconds since 1970.",
    "instant_in_seconds": "A time is in seconds, not in milliseconds.",
    "instant_in_microseconds": "A time is in microseconds, not in milliseconds.",
    "instant_in_nanoseconds": "A time is in nanoseconds, not in milliseconds.",
    "impossible_instant": "The time lies outside of the calendar, before year 1 or after year 9999.",
    "null_byte": "The line contains a null byte.",
    "invalid_utf8": "The line contains bytes that are not UTF-8.",
    "record_too_long": "The record is longer than STEDI_RECORD_BYTES allows.",
    "nesting_too_deep": "The line nests lists or objects too deeply.",
    "file_unreadable": "The rest of the file cannot be read, as in a truncated gzip file.",
}


def reasons(sources: Iterable[LandingSource]) -> Mapping[str, str]:
    """Returns the meaning of every reason code, in a sentence.

    Args:
        sources: The sources of the landing tables.
    """
    rules = [rule for source in sources for rule in value_rules(source.record)]
    return {**FAULTS, **{rule.name: f"Broken rule: {rule.description}" for rule in rules}}


def named_people(text: str, key: str) -> list[str]:
    """Finds the people that a text names, even if it is not JSON: the emails that are values of a key.

    Only whole values count, in the canonical form (see `consent.person`), each once, in order.

    Args:
        text: A landing line or the beginning of one; bytes that are not UTF-8 appear as lone surrogates.
        key: The JSON key, in any case.
    """
    letters = "".join(rf"(?:{letter}|\\u00{ord(letter.upper()):x}|\\u00{ord(letter):x})" for letter in key)
    found: dict[str, None] = {}
    for value in re.findall(rf'"{letters}"\s*:\s*"((?:[^"\\]|\\.)*)"', text, re.IGNORECASE | re.ASCII):
        try:
            email = json.loads(f'"{value}"', strict=False).strip(WHITESPACE).lower()
            email.encode()
        except ValueError:  # not JSON, or not text
            continue
        if re.fullmatch(EMAIL, email):
            found[email] = None
    return list(found)
