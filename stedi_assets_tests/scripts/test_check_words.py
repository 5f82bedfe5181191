"""The word check finds what must not come back, with its place, and knows stored names from words."""

import subprocess
import sys

import pytest

from scripts.check_words import found
from stedi_assets_tests.support.lakes import REPOSITORY


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("one\nmake the table anew\n", 2, "anew"),
        ("Mend the file.", 1, "Mend"),
        ("rows are held\n    # against the rules", 1, "held against"),
        ("a line that names nobody.", 1, "nobody"),
        ("rows as delivered", 1, "as delivered"),
        ("class Verdict:", 1, "Verdict"),
    ],
)
def test_a_word_is_found_where_it_stands(tmp_path, text, line, word):
    file = tmp_path / "text.py"
    file.write_text(text)
    [place] = found([file])
    assert place.startswith(f'{file}:{line}: "{word}": write ')


@pytest.mark.parametrize(
    "text",
    [
        "nobody@example.com",
        "`names-nobody`",
        '"as_delivered"',
        "recommend",
        "held people",
        "a finding",
        "upheld",
    ],
)
def test_stored_names_and_other_words_are_left_alone(tmp_path, text):
    file = tmp_path / "text.md"
    file.write_text(text)
    assert not list(found([file]))


def test_the_command_fails_on_a_word(tmp_path):
    file = tmp_path / "text.md"
    for text, code in (("Run it anew.", 1), ("Run it again.", 0)):
        file.write_text(text)
        command = [sys.executable, "-m", "scripts.check_words", str(file)]
        assert subprocess.run(command, cwd=REPOSITORY, capture_output=True).returncode == code
