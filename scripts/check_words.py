"""Finds words that must not come back into the texts of the repository; plain English has better ones.

From the root of the repository; `make check` runs it on every tracked text:

    python -m scripts.check_words [FILE ...]

A word counts only if no letter, digit, underscore, hyphen or @ touches it, so stored names are safe: the rule
`as_delivered`, the sample case `names-nobody`. A phrase counts across the end of a line, too.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

WORDS = {
    "anew": "again, rebuild",
    "mend|mends|mended|mending": "fix",
    "(?:hold|holds|held|holding) (?:up|against)": "block; check against, compare with",
    "(?:is|are|was|were) told": "reports, logs, returns",
    "(?:become|becomes|became) of": "outcome of",
    "(?<!there\\s)(?:is|are) no (?:row|rows|table|tables|reading|readings)": "is not a",
    "somebody|somebody's": "a person, someone",
    "nobody|nobody's": "no one, no person",
    "whoever": "anyone who, the person who",
    "as delivered": "unchanged, as received",
    "(?:go|goes|went|gone|going) (?:well|wrong)": "succeeds, fails",
    "amber": "warned, as Dagster says",
    "foresee|foresees|foreseen|foresight": "preview",
    "(?-i:Examination|Finding|Verdict|Evidence)": "RuleGroup, RuleCounts, RuleResult, AuditInput",
}
"""The words, each with what to write instead."""

GAP = r"[\s#]+"
PATTERNS = {
    re.compile(rf"(?<![\w@-])(?:{words.replace(' ', GAP)})(?![\w@-])", re.IGNORECASE): better
    for words, better in WORDS.items()
}
TEXTS = ("*.py", "*.md", "*.toml", "*.yaml", "*.yml", "Makefile")
QUOTING = {"scripts/check_words.py", "stedi_assets_tests/scripts/test_check_words.py"}
"""Files that must quote the words."""


def found(files: Iterable[Path]) -> Iterator[str]:
    """One line per word: file, line, the word, and what to write instead."""
    for file in files:
        text = file.read_text()
        for pattern, better in PATTERNS.items():
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                word = re.sub(GAP, " ", match[0])
                yield f'{file}:{line}: "{word}": write {better}'


def tracked() -> list[Path]:
    """The tracked texts below the current folder."""
    listed = subprocess.run(["git", "ls-files", *TEXTS], capture_output=True, text=True, check=True)
    return [Path(name) for name in listed.stdout.splitlines() if name not in QUOTING]


if __name__ == "__main__":
    places = list(found([Path(name) for name in sys.argv[1:]] or tracked()))
    print(*places, sep="\n")
    sys.exit(1 if places else 0)
