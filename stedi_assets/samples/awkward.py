"""The awkward part of the sample zone: every case, written to files, counted and put into words.

A new case goes into `awkward_people` or `awkward_readings`; here is only what holds for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from stedi_assets.samples import awkward_people, awkward_readings
from stedi_assets.samples.case import Case, Outcome

SOURCES = ("customer", "accelerometer", "step_trainer")

CASES: tuple[Case, ...] = (
    *awkward_readings.FORMS,
    *awkward_people.IDENTITY,
    *awkward_people.CONSENT,
    *awkward_people.FAULTS,
    *awkward_readings.READINGS,
    *awkward_readings.FAULTS,
)
"""In the order in which they follow one another in a file they share."""


def write_awkward(out: Path) -> dict[str, int]:
    """Adds the files of all cases to the landing zone `out`.

    Returns:
        Lines written per source, those that are empty or cannot become rows among them.
    """
    for path, cases in _files().items():
        source = path.split("/")[0]
        text = [line.text for case in cases for line in case.lines(source) or ()]
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(cases[0].encode(text))
    lines: Counter[str] = Counter()
    for path, outcomes in accounting().items():
        lines[path.split("/")[0]] += outcomes.total()
    return dict(lines)


def accounting() -> dict[str, Counter[Outcome]]:
    """What ingestion must count in each awkward file (path below the zone): rows, quarantined, empty."""
    return {
        path: Counter(line.outcome for case in cases for line in case.lines(path.split("/")[0]) or ())
        for path, cases in _files().items()
    }


def as_markdown() -> str:
    """The table of all cases that `docs/awkward.md` shows."""
    rows = [
        f"| {case.name} | {', '.join(_sources(case))}: `{case.file}` | {case.why} | {case.expected} |"
        for case in CASES
    ]
    return "\n".join(("| case | source: file | what it is | what happens |", "|---|---|---|---|", *rows))


def _files() -> dict[str, list[Case]]:
    """The cases of each file, by its path below the zone."""
    files: dict[str, list[Case]] = {}
    for case in CASES:
        for source in _sources(case):
            files.setdefault(f"{source}/landing/{case.file}", []).append(case)
    return files


def _sources(case: Case) -> Iterator[str]:
    return (source for source in SOURCES if case.lines(source) is not None)
