"""Writes a landing zone of any size, and the accounting of its records.

The customers are in `people`, their readings in `walks`, and the mistakes of real exports in `awkward`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from stedi_assets.samples import people
from stedi_assets.samples.awkward import SOURCES, write_awkward

if TYPE_CHECKING:
    from stedi_assets.samples.walks import Walkers

_BLOCK = 1000
"""Customers whose readings of a walk are made together. It bounds memory; another number, other data."""

_MOST_FILES_PER_DAY = 40
"""Each customer has about forty instants a day and at least one in each file."""


@dataclass(frozen=True)
class Generated:
    """What was written.

    Attributes:
        customers: Lines of customer records; a customer may have several.
        accelerometer: Lines of accelerometer readings.
        step_trainer: Lines of step-trainer readings.
        files: Landing files.
        bytes: Their size together.
    """

    customers: int
    accelerometer: int
    step_trainer: int
    files: int
    bytes: int


def generate(
    out: Path, customers: int, days: int, seed: int, files_per_day: int = 1, *, awkward: bool = False
) -> Generated:
    """Writes an invented landing zone, the same bytes for the same arguments on every machine.

    A customer who walks has about 40 instants a day, each with one step-trainer reading and two to four
    accelerometer readings: about 160 lines per customer and day, beginning with 2024-03-01. Readings go to
    `files_per_day` files a day and source, one for each part of the day. The first customer file holds
    everybody who registered before; later ones hold the changes of their day; the one after the last
    reading brings customers whose readings came before them.

    Args:
        out: Folder of the zone; made if missing.
        customers: Number of customers, at least 1.
        days: Number of days with readings, at least 1.
        seed: Any number from 0; another seed, another zone.
        files_per_day: Files per day of each kind of readings, 1 to 40.
        awkward: Whether to add the files of `awkward.CASES`.

    Raises:
        ValueError: An argument is out of range, or `out` already holds landing files.
    """
    _refuse_unless(customers >= 1, f"customers is {customers}: ask for at least 1 customer.")
    _refuse_unless(days >= 1, f"days is {days}: ask for at least 1 day.")
    _refuse_unless(seed >= 0, f"seed is {seed}: give a seed of 0 or more.")
    _refuse_unless(
        1 <= files_per_day <= _MOST_FILES_PER_DAY,
        f"files_per_day is {files_per_day}: give a number from 1 to {_MOST_FILES_PER_DAY}.",
    )
    _refuse_unless(
        not any(path.is_file() for source in SOURCES for path in _landing(out, source).rglob("*")),
        f"out already holds landing files ({out}): give an empty folder, or remove them first.",
    )
    for source in SOURCES:
        _landing(out, source).mkdir(parents=True, exist_ok=True)

    lines: Counter[str] = Counter()
    walkers = list(_write_customers(out, customers, days, seed, lines))
    for day in range(days):
        for walk in range(files_per_day):
            _write_readings(out, walkers, day, walk, files_per_day, lines)
    if awkward:
        lines.update(write_awkward(out))
    sizes = [path.stat().st_size for source in SOURCES for path in _landing(out, source).rglob("*.json*")]
    return Generated(lines["customer"], lines["accelerometer"], lines["step_trainer"], len(sizes), sum(sizes))


def _write_customers(out: Path, count: int, days: int, seed: int, lines: Counter[str]) -> Iterator[Walkers]:
    """Writes the customer files and yields, block by block, those who walk."""
    from stedi_assets.samples.walks import Walkers

    changes: dict[int, list[str]] = defaultdict(list)
    block: list[people.Customer] = []
    blocks = 0
    with _file(out, "customer", 0, 0).open("w", encoding="utf-8", newline="\n") as first_export:
        for customer in people.customers(count, days, seed):
            for arrives, line in customer.lines:
                lines["customer"] += 1
                if arrives == 0:
                    first_export.write(line + "\n")
                else:
                    changes[arrives].append(line)
            if customer.walks:
                block.append(customer)
            if len(block) == _BLOCK:
                yield Walkers(block, seed, blocks)
                block, blocks = [], blocks + 1
    if block:
        yield Walkers(block, seed, blocks)
    for day, arrived in changes.items():
        text = "".join(line + "\n" for line in arrived)
        _file(out, "customer", day, 0).write_bytes(text.encode())


def _write_readings(
    out: Path, walkers: list[Walkers], day: int, walk: int, walks: int, lines: Counter[str]
) -> None:
    """Streams everyone's walk into one file per source."""
    with (
        _file(out, "accelerometer", day, walk).open("wb") as accelerometer,
        _file(out, "step_trainer", day, walk).open("wb") as step_trainer,
    ):
        for block in walkers:
            readings, count, distances, instants = block.lines(day, walk, walks)
            accelerometer.write(readings)
            step_trainer.write(distances)
            lines["accelerometer"] += count
            lines["step_trainer"] += instants


def _file(out: Path, source: str, day: int, part: int) -> Path:
    return _landing(out, source) / f"{source}-{people.FIRST_DAY + timedelta(days=day)}-{part:02}.json"


def _landing(out: Path, source: str) -> Path:
    return out / source / "landing"


def _refuse_unless(condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(sentence)
