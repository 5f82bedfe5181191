"""Awkward cases and short ways to write their landing lines.

Here belongs what several cases need. The cases themselves are in `awkward_people` and `awkward_readings`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stedi_assets.samples.people import DAY_MS, FIRST_INSTANT

Outcome = Literal["row", "quarantined", "empty"]
Value = str | int | float | None

AGREED = FIRST_INSTANT - 10 * DAY_MS
"""When people of the cases register and consent, unless their case says otherwise."""

WALKED = FIRST_INSTANT + DAY_MS + 10 * 3_600_000
"""When their readings begin: 2024-03-02 at 10:00 UTC."""

FAR_FUTURE = 32_503_680_000_000
"""The first instant of the year 3000."""


@dataclass(frozen=True)
class Line:
    """One landing line and what ingestion makes of it."""

    text: str
    outcome: Outcome = "row"


@dataclass(frozen=True)
class Person:
    """An invented person of a case, with a device."""

    name: str
    email: str
    serial_number: str


def newline_ended(lines: list[str]) -> bytes:
    """The usual form of a landing file: UTF-8, a newline after each line."""
    return "".join(line + "\n" for line in lines).encode()


@dataclass(frozen=True)
class Case:
    """One thing that real exports get wrong, or that is right but easy to get wrong.

    Attributes:
        name: A few words joined by hyphens.
        why: What the lines are, as one sentence.
        expected: What happens to them, in the words of the design; policy `strict`.
        file: Path below a source's landing folder. Cases with the same file follow one another in it.
        customer: Lines for the customer source; none at all makes a file of no bytes, None no file.
        accelerometer: Lines for the accelerometer source, likewise.
        step_trainer: Lines for the step-trainer source, likewise.
        encode: Turns the lines of a file into its bytes; a case with its own way has its own file.
    """

    name: str
    why: str
    expected: str
    file: str
    customer: tuple[Line, ...] | None = None
    accelerometer: tuple[Line, ...] | None = None
    step_trainer: tuple[Line, ...] | None = None
    encode: Callable[[list[str]], bytes] = newline_ended

    def lines(self, source: str) -> tuple[Line, ...] | None:
        """The lines for `customer`, `accelerometer` or `step_trainer`."""
        return {
            "customer": self.customer,
            "accelerometer": self.accelerometer,
            "step_trainer": self.step_trainer,
        }[source]


def person(name: str, device: int, email: str = "") -> Person:
    """A person with the device of that number; the email follows from the name unless given."""
    serial_number = f"00000000-0000-4000-8000-{device:012}"
    return Person(name, email or name.replace(" ", ".") + "@example.com", serial_number)


def record(who: Person, updated: int = AGREED, **changes: Value) -> Line:
    """A customer line, with `changes` of or beside its keys; it has no consent unless they give it."""
    fields: dict[str, Value] = {
        "customerName": who.name,
        "email": who.email,
        "phone": "555-0199",
        "birthDay": "1970-01-01",
        "serialNumber": who.serial_number,
        "registrationDate": AGREED,
        "lastUpdateDate": updated,
    }
    return Line(json.dumps(fields | changes, ensure_ascii=False))


def consents(who: Person, updated: int = AGREED, to: Value = AGREED, **changes: Value) -> Line:
    """A customer line with `to` as its consent to research."""
    return record(who, updated, shareWithResearchAsOfDate=to, **changes)


def accelerometer(who: Person, instant: int = WALKED, x: float = 0.1, **changes: Value) -> Line:
    """An accelerometer line at `instant`, in epoch milliseconds, with `x` in g."""
    fields: dict[str, Value] = {"user": who.email, "timestamp": instant, "x": x, "y": -0.05, "z": 0.98}
    return _compact(fields | changes)


def step_trainer(who: Person, instant: int = WALKED, **changes: Value) -> Line:
    """A step-trainer line at `instant`, in epoch milliseconds."""
    fields: dict[str, Value] = {
        "sensorReadingTime": instant,
        "serialNumber": who.serial_number,
        "distanceFromObject": 500,
    }
    return _compact(fields | changes)


def people_case(
    name: str, why: str, expected: str, file: str, *records: Line, walkers: tuple[Person, ...]
) -> Case:
    """A case about customers, each of `walkers` with readings at two instants of 2024-03-02."""
    instants = (WALKED, WALKED + 1000)
    return Case(
        name,
        why,
        expected,
        file,
        customer=records,
        accelerometer=tuple(accelerometer(who, instant) for who in walkers for instant in instants),
        step_trainer=tuple(step_trainer(who, instant) for who in walkers for instant in instants),
    )


def _compact(fields: dict[str, Value]) -> Line:
    return Line(json.dumps(fields, ensure_ascii=False, separators=(",", ":")))
