"""Counts of the records of landing files. Here belongs the accounting of a file, in numbers only."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class RecordCounts:
    """Records of landing files by outcome; lines = rows + quarantined + empty.

    Attributes:
        files: Files.
        lines: Lines; one record each.
        rows: Lines that became rows.
        quarantined: Lines that went to the quarantine.
        empty: Empty lines.
        unknown_keys: Unknown keys of rows.
        nameless: Quarantined lines about a person that name no one.
        reasons: Quarantined lines by reason.
    """

    files: int = 0
    lines: int = 0
    rows: int = 0
    quarantined: int = 0
    empty: int = 0
    unknown_keys: int = 0
    nameless: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "RecordCounts") -> "RecordCounts":
        names = [part.name for part in fields(self)]
        return RecordCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def as_mapping(self) -> Mapping[str, int]:
        """The counts by name, without those by reason."""
        return {part.name: getattr(self, part.name) for part in fields(self) if part.name != "reasons"}
