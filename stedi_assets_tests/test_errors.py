"""What is shown is inert: escape, control and bidirectional characters are visible and without effect."""

import json

import pytest

from stedi_assets.errors import LakeError, inert, inert_json

CHARACTERS = [
    ("\x1b[2J", r"\x1b[2J"),  # ESC: clears a terminal
    ("\x9b2J", r"\x9b2J"),  # C1: the same in one character
    ("a\u202eb", r"a\u202eb"),  # turns the rest of the line around
    ("a\u2066b\u2069", r"a\u2066b\u2069"),
    ("a\u200bb", r"a\u200bb"),  # invisible
    ("a\r\nb\tc", r"a\r\nb\tc"),
    ("a\u2028b", r"a\u2028b"),  # a line end too
    ("a\x00\x07\x08\x7f", r"a\x00\x07\x08\x7f"),
    ("a\udcff", r"a\udcff"),  # a byte of a file name that is not UTF-8
    ("\U000e0041", r"\U000e0041"),  # an invisible tag
    ("Grüße, 世界 🙂 e\u0301", "Grüße, 世界 🙂 e\u0301"),
    ("C:\\x1b", "C:\\x1b"),
]


@pytest.mark.parametrize(("text", "shown"), CHARACTERS)
def test_characters_that_do_something_are_shown_escaped(text, shown):
    assert inert(text) == shown
    assert inert(text).isprintable()


@pytest.mark.parametrize(("text", "_shown"), CHARACTERS)
def test_json_stays_json_and_keeps_the_text(text, _shown):
    shown = inert_json(json.dumps({text: [text]}, ensure_ascii=False))
    assert shown.isprintable()
    assert json.loads(shown) == {text: [text]}


def test_the_sentence_of_an_error_is_inert():
    assert str(LakeError("a\x1b[2J\nb\u202e")) == r"a\x1b[2J\nb\u202e"
