"""A lake that goes through a story: deliveries, a run after each, and what the run did to the tables."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.table import file_day
from stedi_assets_tests.support.lakes import TestLake, json_line, new_lake, write_landing
from stedi_assets_tests.support.oracle import Acceleration, Customer, Step, World
from stedi_assets_tests.support.town import DATED, DERIVED, FIRST, FOLDERS, day, expected


@dataclass
class Chapter:
    """The lake after a run.

    Attributes:
        reasons: What was planned and why, by table.
        rewritten: The days that got other data files, by table.
        found: The derived tables as they are, and as the oracle has them.
    """

    reasons: dict[str, str]
    rewritten: dict[str, set[int]]
    found: dict[str, Counter]
    expected: dict[str, Counter]
    removed: dict[str, int]
    snapshots: dict[str, int]
    records: dict[str, Record]

    @property
    def days(self) -> list[set[int]]:
        """The days that got other data files, of the three tables of readings."""
        return [self.rewritten[name] for name in DATED]

    @property
    def versions(self) -> dict[str, str]:
        """The content versions."""
        return {name: record.version for name, record in self.records.items()}

    @property
    def looked_at(self) -> dict[str, dict[str, int | None]]:
        """How many days rules were compared with, by table and rule; None for all."""
        return {
            name: {rule: check["days"] for rule, check in record.checks.items()}
            for name, record in self.records.items()
        }


@dataclass
class Story:
    """A lake, its landing files by name, and what is done to it."""

    lake: TestLake
    files: dict[str, list[Customer | Acceleration | Step]] = field(default_factory=dict)
    as_of: int = day(20)

    def deliver(self, name: str, *rows: Customer | Acceleration | Step) -> None:
        """Writes landing files of that name; one that is there is replaced."""
        self.files[name] = list(rows)
        for source, kind in FOLDERS.items():
            lines = [json_line(source, row) for row in rows if isinstance(row, kind)]
            path = self.lake.landing / source / "landing" / f"{name}.json"
            if lines or path.exists():
                write_landing(self.lake.landing, {f"{source}/landing/{name}.json": "".join(lines)})

    @property
    def world(self) -> World:
        rows = [row for rows in self.files.values() for row in rows]
        return World(*([row for row in rows if isinstance(row, kind)] for kind in FOLDERS.values()))

    def chapter(self, **options) -> Chapter:
        before = self._files()
        result = self.lake.built(as_of=self.as_of, **options)
        after = self._files()
        changed = {name: before[name] ^ after[name] for name in DATED}
        return Chapter(
            {name: table.what_changed for name, table in result.tables.items()},
            {name: {(it - FIRST).days for it, _ in changed[name]} for name in DATED},
            {name: self.lake.rows(name) for name in DERIVED},
            expected(self.world, self.as_of),
            dict(result.removed),
            {name: len(self.lake.table(name).snapshots()) for name in DERIVED},
            {name: Record.of(self.lake.table(name).current_snapshot()) for name in DERIVED},
        )

    def _files(self) -> dict[str, set[tuple[date, str]]]:
        return {name: self._files_of(name) for name in DATED}

    def _files_of(self, name: str) -> set[tuple[date, str]]:
        try:
            files = [task.file for task in self.lake.table(name).scan().plan_files()]
        except Exception:  # there is no table yet
            return set()
        return {(file_day(file), file.file_path) for file in files}


def new_story(folder: Path) -> Story:
    """A story that has not begun."""
    return Story(new_lake(folder))
