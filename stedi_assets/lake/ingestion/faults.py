"""Faulty lines: the reasons why a line cannot become a row, and the people whom it names."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from encodings.idna import ToUnicode

from stedi_assets.schemas.checks import value_rules
from stedi_assets.schemas.columns import EMAIL, INVISIBLE, WHITESPACE
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
    "email_in_another_form": "An email has letters that stand for others, so one person may look like two.",
    "impossible_instant": "The time lies outside of the calendar, before year 1 or after year 9999.",
    "null_byte": "The line contains a null byte.",
    "invalid_utf8": "The line contains bytes that are not UTF-8.",
    "record_too_long": "The record is longer than STEDI_RECORD_BYTES allows.",
    "nesting_too_deep": "The line nests lists or objects too deeply.",
    "file_unreadable": "The rest of the file cannot be read, as in a truncated gzip file.",
}

DROPPED = dict.fromkeys(map(ord, INVISIBLE))


def reasons(sources: Iterable[LandingSource]) -> Mapping[str, str]:
    """Returns the meaning of every reason code, in a sentence.

    Args:
        sources: The sources of the landing tables.
    """
    rules = [rule for source in sources for rule in value_rules(source.record)]
    return {**FAULTS, **{rule.name: f"Broken rule: {rule.description}" for rule in rules}}


def named_people(text: str, key: str) -> list[str]:
    """Finds the people that a text names, even if it is not JSON: the emails that are values of a key.

    Only whole values count, in the canonical form (see `consent.person`) and in the form that they stand for,
    each once, in order.

    Args:
        text: A landing line or the beginning of one; bytes that are not UTF-8 appear as lone surrogates.
        key: The JSON key, in any case.
    """
    found: dict[str, None] = {}
    for value in texts_of(text, key):
        email = canonical(value)
        if re.fullmatch(EMAIL, email):
            found |= dict.fromkeys((email, other_form(email)))
    return list(found)


def texts_of(text: str, key: str) -> Iterator[str]:
    """The texts that are values of a JSON key in a text, even if it is not JSON.

    Args:
        text: See `named_people`.
        key: The JSON key, in any case.
    """
    letters = "".join(
        rf"(?:{letter}|\\u00{ord(letter.upper()):x}|\\u00{ord(letter.lower()):x})" for letter in key
    )
    for value in re.findall(rf'"{letters}"\s*:\s*"((?:[^"\\]|\\.)*)"', text, re.IGNORECASE | re.ASCII):
        try:
            found: str = json.loads(f'"{value}"', strict=False)
            found.encode()
        except ValueError:  # not JSON, or not text
            continue
        yield found


def canonical(email: str) -> str:
    """The canonical form of an email; see `consent.person`."""
    return email.translate(DROPPED).strip(WHITESPACE).lower()


def other_form(email: str) -> str:
    """The form that NFKC and the IDNA of the domain name give a canonical email; mostly itself."""
    if email.isascii() and "xn--" not in email:
        return email
    local, _, domain = unicodedata.normalize("NFKC", email).rpartition("@")
    return f"{local}@{'.'.join(map(_label, domain.split('.')))}".lower()


def _label(label: str) -> str:
    try:
        return ToUnicode(label)
    except UnicodeError:  # no label of a domain name
        return label
