"""What is known about a line that could not become a row: why not, and whom it names.

A person whom a quarantined customer line names is held: treated as not consenting, because nobody can
tell what the line would have said.
"""

import json
import re
from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from stedi_assets.schemas.checks import value_rules
from stedi_assets.schemas.landing import (
    EMAIL,
    WHITESPACE,
    AccelerometerRecord,
    CustomerRecord,
    StepTrainerRecord,
)

FAULTS: Mapping[str, str] = {
    "not_json": "The line is not JSON.",
    "truncated": "The line is cut off.",
    "not_an_object": "The line is JSON, but no object.",
    "missing_field": "A field that every record has is missing, null or blank.",
    "ambiguous_field": "A field is there more than once.",
    "wrong_type": "A value is of another type than its field.",
    "out_of_range": "A number is too large to be kept, or none (NaN, infinity).",
    "impossible_instant": "The instant is on no calendar.",
    "null_byte": "The line holds a null byte.",
    "invalid_utf8": "The line holds bytes that are not UTF-8.",
    "line_too_long": "The line is longer than STEDI_LINE_BYTES allows.",
    "nesting_too_deep": "The line nests lists or objects too deeply.",
    "file_unreadable": "The file cannot be read further from here, such as a cut-short gzip file.",
}


def reasons() -> Mapping[str, str]:
    """What every reason code means, in a sentence."""
    models = (CustomerRecord, AccelerometerRecord, StepTrainerRecord)
    rules = {rule.name: f"Broken rule: {rule.description}" for model in models for rule in value_rules(model)}
    return {**FAULTS, **rules}


def named_people(text: str, key: str) -> list[str]:
    """The people that a text names, also where it is no JSON: the emails that are values of a key.

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
        except ValueError:  # no JSON, or no text
            continue
        if re.fullmatch(EMAIL, email):
            found[email] = None
    return list(found)


def held_people(quarantine: DataFrame) -> DataFrame:
    """The people that quarantined customer lines name.

    Args:
        quarantine: Lines of the table quarantine.

    Returns:
        One column `person`, one row per person.
    """
    people = quarantine.select(F.explode(F.split("people", " ")).alias("person"))
    return people.where(F.col("person") != "").distinct()
