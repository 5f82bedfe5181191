"""A request: the people who are asked for, in an owner-only work file until the receipt is signed."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from stedi_assets.errors import SettingError
from stedi_assets.lake.ingestion.erasing import email_forms
from stedi_assets.schemas.columns import EMAIL

PROGRESS, DRAFT = ".progress", ".draft"


def people_of(lines: Iterable[str]) -> list[str]:
    """The people whom some lines name, one email each, in the canonical form.

    Raises:
        SettingError: A line is no email, or there is none; the sentence gives the number of the line only.
    """
    people: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        email, _ = email_forms(line)
        if not email:
            continue
        if not re.fullmatch(EMAIL, email):
            raise SettingError(f"Line {number} is not an email: give one email per line.")
        people[email] = None
    if not people:
        raise SettingError("No one is asked for: give one email per line.")
    return list(people)


@dataclass
class Work:
    """What an erasure needs to know until its receipt is signed; it holds personal values.

    Attributes:
        digest: Digest of the plan.
        reference: Who asked, such as the number of a ticket.
        people: Canonical emails.
        terms: What the scanner looks for, by kind.
        devices: Serial numbers of devices that were theirs alone.
        shared: Serial numbers of devices that others registered too.
        explained: Values of others in which one of the terms occurs.
        readings: Their readings, each with its time first.
        files: Paths of the landing files with records of theirs, by table.
        plan: The plan.
        done: Results of the steps that are done, by step.
        rewritten: Landing files that were rewritten, by table.
    """

    digest: str
    reference: str
    people: list[str]
    terms: Mapping[str, list[str]]
    devices: list[str]
    shared: list[str]
    explained: list[str]
    readings: list[list[float]]
    files: Mapping[str, list[str]]
    plan: Mapping[str, Any]
    done: dict[str, Any] = field(default_factory=dict)
    rewritten: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def forms(self) -> list[str]:
        """The emails, with those in another form."""
        return sorted({form for person in self.people for form in email_forms(person)})


@dataclass(frozen=True)
class WorkFolder:
    """The folder of work files, which only their owner may read.

    Attributes:
        path: The folder.
    """

    path: Path

    def save(self, work: Work) -> None:
        """Writes a work file; a reader never sees half of it."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._write(self._file(work.digest), asdict(work))

    def note(self, work: Work) -> None:
        """Writes how far the work is, which is small: an erasure notes it after each landing file."""
        progress = {"done": work.done, "rewritten": work.rewritten}
        self._write(self._file(work.digest).with_suffix(PROGRESS), progress)

    def load(self, digest: str) -> Work:
        """Reads a work file.

        Raises:
            SettingError: There is none for this digest.
        """
        file = self._file(digest)
        if not re.fullmatch("[0-9a-f]{16}", digest) or not file.exists():
            raise SettingError(
                f"There is no plan {digest[:16]} to execute here: make one with `stedi erase plan`."
            )
        known = {part.name for part in fields(Work)}
        given = json.loads(file.read_text())
        progress = file.with_suffix(PROGRESS)
        given |= json.loads(progress.read_text()) if progress.exists() else {}
        return Work(**{name: value for name, value in given.items() if name in known})

    def wipe(self, digest: str) -> None:
        """Overwrites a work file and deletes it."""
        file = self._file(digest)
        for left in (file, *(file.with_suffix(suffix) for suffix in (PROGRESS, DRAFT))):
            if left.exists():
                with open(left, "r+b") as stream:
                    stream.write(b"\0" * left.stat().st_size)
                    stream.flush()
                    os.fsync(stream.fileno())
                left.unlink()

    def _write(self, file: Path, content: Mapping[str, Any]) -> None:
        draft = file.with_suffix(DRAFT)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, file)

    def _file(self, digest: str) -> Path:
        return self.path / f"{digest}.json"
