"""The people whom an unreadable line names, and the meaning of reasons."""

import time

import pytest

from stedi_assets import assets
from stedi_assets.lake.ingestion.faults import FAULTS, canonical, named_people, other_form, reasons
from stedi_assets.lake.ingestion.lines import EMPTY
from stedi_assets.lake.ingestion.records import line_form
from stedi_assets_tests.support import lines

ADA, BO = "ada@example.com", "bo@example.com"


@pytest.mark.parametrize(
    ("line", "people"),
    [
        (f'{{"email": "{ADA}", "phone"', [ADA]),
        (f'{{"customerName": "Ada", "email":"{ADA}"', [ADA]),
        (f'"email"\t:\r "{ADA}"', [ADA]),
        (f'{{"EMail": " {ADA.upper()}\u00a0"}}', [ADA]),
        ('{"\\u0065\\u004dail": "\\u0061da\\u0040example.com"}', [ADA]),
        ('{"email": "j\\u00fcrgen@example.com"', ["jürgen@example.com"]),
        ('{"email": "ΦΎΛΛΟΣ@example.org", ', ["φύλλος@example.org"]),
        (f'{{"email": "{ADA}"}}{{"email": "{BO}"}}', [ADA, BO]),
        (f'{{"email": "{ADA}", "Email": "{ADA.title()}"', [ADA]),
        (f'{{"contact": {{"email": "{BO}"}}, "note": "\udcff', [BO]),
        (f'-- {{"email": "{ADA}" --', [ADA]),
        (f'\x00{{"email": "{ADA}"}}', [ADA]),
        ("", []),
        ("-- end of export --", []),
        ('{"email": "ada@exam', []),
        ('{"email": "ada@example.com\\"', []),
        ('{"email": ""}', []),
        ('{"email": " \\t"}', []),
        ('{"email": null, "phone": "ada@example.com"}', []),
        ('{"email": 7}', []),
        ('{"email": "ada at example.com"}', []),  # no row can have such an email
        ('{"email": "\udcffada@example.com"}', []),
        ('{"email": "\\ud800ada@example.com"}', []),
        ('{"email": "\\xada@example.com"}', []),
        (f'{{"my_email": "{ADA}", "emails": "{ADA}", "e mail": "{ADA}"}}', []),
    ],
)
def test_a_line_names_the_people_whose_whole_email_is_in_it(line: str, people: list[str]) -> None:
    assert named_people(line, "email") == people


@pytest.mark.parametrize(
    "line", ['"email":"\\"' * 100_000, '"email"' * 100_000, '"email":' + " " * 1_000_000, '\\"' * 500_000]
)
def test_no_line_takes_long_to_be_searched(line: str) -> None:
    started = time.monotonic()
    assert named_people(line, "email") == []
    assert time.monotonic() - started < 5


def test_every_rule_that_quarantines_has_a_sentence() -> None:
    sources = [spec.source for spec in assets.TABLES.landing if spec.source]
    meanings = reasons(sources)
    assert len(sources) == 3
    for source in sources:
        assert {rule.name for rule in line_form(source.record).rules} <= meanings.keys()
    assert meanings["x_in_range"] == "Broken rule: x lies between -16.0 and 16.0."
    assert all(sentence.endswith(".") for sentence in meanings.values())
    assert EMPTY not in meanings


def test_every_fault_of_the_parser_has_a_sentence() -> None:
    assert {reason for reason, _ in lines.FAULTS} | {"record_too_long", "file_unreadable"} == set(FAULTS)


@pytest.mark.parametrize(
    "email",
    ["\u200bada@example.com", "ada\u200e@example.com", "a\u00adda@example.com", "ada@\u2060example.com\ufeff",
     " \u200b ADA@example.com"],
)  # fmt: skip
def test_what_no_one_sees_changes_no_email(email):
    assert canonical(email) == ADA
    assert other_form(canonical(email)) == ADA


@pytest.mark.parametrize(
    ("email", "stands_for"),
    [
        ("ａda@example.com", ADA),
        ("ada@ｅxample.com", ADA),
        ("ju\u0308rgen@example.com", "jürgen@example.com"),
        ("ada@xn--bcher-kva.de", "ada@bücher.de"),
        ("ada@straße.de", "ada@strasse.de"),
    ],
)
def test_an_email_in_another_form_is_refused_and_holds_the_person_of_that_form(email, stands_for):
    line = f'{{"email": "{email}", "phone": "1"}}'
    assert set(named_people(line, "email")) == {email, stands_for}


@pytest.mark.parametrize(
    "email", [ADA, "jürgen@example.com", "φύλλος@example.org", "ada@bücher.de", "o'hara+x@a-b.c"]
)
def test_an_email_in_its_own_form_stays(email):
    assert other_form(email) == email
    assert named_people(f'{{"email": "{email}"}}', "email") == [email]
