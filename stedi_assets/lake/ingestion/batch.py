"""Batches: which landing files come next, and the outcome of every file.

The content of a file is live while the current version of any file has it, even if that file was deleted:
rows stay when files go. Of the files with the same content one owns the rows, the others are duplicates. So
the tables end the same, in whatever order and in however many batches the files arrive.

No engine, no storage: files and entries in, a plan out.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from stedi_assets.errors import counted_words
from stedi_assets.lake.ingestion.files import LandingFile
from stedi_assets.lake.ingestion.ledger import Entry, Ledger
from stedi_assets.lake.packing import bounded
from stedi_assets.schemas.system import DUPLICATE, IGNORED, INGESTED, REFUSED, SUPERSEDED

PARSER = "3"
"""Version of the parser. Move it when records that were quarantined become rows."""

FILE_KINDS: Mapping[str, tuple[str, str]] = {
    "new": ("new file", "new files"),
    "changed": ("file with new content", "files with new content"),
    "duplicate": ("duplicate file", "duplicate files"),
    "read again": ("file read again", "files read again"),
    "unchanged": ("file written as it was", "files written as they were"),
    "deleted": ("deleted file", "deleted files"),
    "refused": ("refused file", "refused files"),
    "ignored": ("ignored file", "ignored files"),
}
"""Kinds of files in a batch, with the words for one file and for several files."""


@dataclass(frozen=True)
class Limits:
    """The size of a batch.

    Attributes:
        files: Files.
        bytes: Bytes; a larger file makes a batch of its own.
    """

    files: int
    bytes: int


@dataclass(frozen=True)
class Examined:
    """A file whose bytes were read once, see `files.examine`.

    Attributes:
        file: The file.
        content: SHA-256 of its bytes, in hex; None if it cannot be read.
        fault: Why it is refused, in words.
    """

    file: LandingFile
    content: str | None
    fault: str | None = None


@dataclass(frozen=True)
class Batch:
    """The plan of one batch.

    Attributes:
        id: Names the batch; the same files always give the same name.
        files: The files whose lines are read.
        owners: New owners of rows that are in the table, by the path of their file: another file with the
            same content, or None if the rows go.
        entries: The ledger afterwards, still without the counts of the lines of `files`.
        counts: Files by kind, see FILE_KINDS.
    """

    id: str
    files: tuple[LandingFile, ...]
    owners: Mapping[str, str | None]
    entries: tuple[Entry, ...]
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not any(self.counts.values())


def choose(waiting: Sequence[LandingFile], limits: Limits) -> list[LandingFile]:
    """Returns the first files within the limits of a batch; at least one if any file waits."""
    groups = bounded(waiting, lambda file: file.size, limits.bytes, most_items=limits.files)
    return next(groups, [])


def plan_batch(
    ledger: Ledger,
    examined: Iterable[Examined],
    gone: Iterable[Entry],
    *,
    run: str,
    seen: int,
    code_version: str,
    again: Callable[[Entry], bool] = lambda entry: False,
    ignored: Iterable[LandingFile] = (),
) -> Batch:
    """Decides on the outcome of the files of a batch.

    Args:
        ledger: The entries before.
        examined: The files of the batch, each path once.
        gone: Entries of files that were deleted.
        run: The Dagster run.
        seen: When it started, epoch ms.
        code_version: Code version of the landing table.
        again: Whether a file is read again although its content is known.
        ignored: All files that other programs left.
    """
    examined, gone, ignored = list(examined), list(gone), list(ignored)
    left_behind = [file for file in ignored if file.path not in ledger.ignored]
    batch_id = _batch_id([*(found.file for found in examined), *left_behind], gone)
    draft = _Draft(ledger, batch_id=batch_id, run=run, seen=seen, code_version=code_version)
    for found in examined:
        draft.add(found, again)
    for entry in gone:
        draft.mark_deleted(entry)
    draft.ignore(ignored)
    owners = draft.assign_owners()
    draft.count_new_paths([found.file.path for found in examined])
    return Batch(
        id=batch_id,
        files=tuple(found.file for found in examined if found.file.path in draft.to_read),
        owners=owners,
        entries=(
            *draft.superseded,
            *draft.ignored.values(),
            *draft.refused.values(),
            *draft.current.values(),
        ),
        counts=draft.counts,
    )


def describe_changes(
    counts: Mapping[str, int], days: Collection[date] | None, *, first: bool
) -> tuple[str, ...]:
    """Returns why a table of the landing zone changes, in counts.

    Args:
        counts: Files by kind, see FILE_KINDS.
        days: The days that change; None for a table without days.
        first: Whether the table was never published.
    """
    files = [counted_words(number, *FILE_KINDS[kind]) for kind, number in counts.items() if number]
    text = ", ".join(files)
    if text and days:
        text += f" → {counted_words(len(days), 'day', 'days')}"
    return tuple(part for part in ("first build" if first else "", text) if part)


class _Draft:
    """The ledger of a landing table while a batch is planned.

    Attributes:
        current: The version of every file whose content counts, by path.
        refused: The files that are refused as a whole, by path.
        ignored: The files that other programs left, by path.
        superseded: Versions of files that are replaced.
        to_read: Paths of the files whose lines are read.
        counts: Files by kind.
    """

    def __init__(self, ledger: Ledger, *, batch_id: str, run: str, seen: int, code_version: str) -> None:
        self._before = ledger
        self._batch_id = batch_id
        self._run = run
        self._seen = seen
        self._code_version = code_version
        self.current: dict[str, Entry] = dict(ledger.current)
        self.refused: dict[str, Entry] = dict(ledger.refused)
        self.ignored: dict[str, Entry] = {}
        self.superseded = [entry for entry in ledger.entries if entry.outcome == SUPERSEDED]
        self.to_read: set[str] = set()
        self.counts = dict.fromkeys(FILE_KINDS, 0)

    def add(self, found: Examined, again: Callable[[Entry], bool]) -> None:
        """Enters a file of the batch. A file with new content is a duplicate until it becomes an owner."""
        path = found.file.path
        refused, known = self.refused.pop(path, None), self.current.get(path)
        if found.content is None:
            self._refuse(found, refused)
        elif known is None:
            self.current[path] = self._entry(found, DUPLICATE)
        elif known.content != found.content:
            self.current[path] = self._entry(found, DUPLICATE)
            self.superseded.append(replace(known, outcome=SUPERSEDED))
            self.counts["changed"] += 1
        elif again(known):
            self._read_again(found, known)
        else:
            self._confirm(found, known)

    def mark_deleted(self, entry: Entry) -> None:
        """Enters that a file was deleted; its content stays live, a file that was refused is forgotten."""
        if entry.outcome == REFUSED:
            self.refused.pop(entry.path)
        else:
            self.current[entry.path] = replace(self.current[entry.path], deleted=self._seen)
        self.counts["deleted"] += 1

    def ignore(self, files: Iterable[LandingFile]) -> None:
        """Enters all files that other programs left."""
        for file in files:
            known = self._before.ignored.get(file.path)
            self.ignored[file.path] = known or self._entry(Examined(file=file, content=None), IGNORED)
            self.counts["ignored"] += known is None

    def assign_owners(self) -> dict[str, str | None]:
        """Gives every live content to one file, the former owner if it still has that content.

        Returns:
            New owners of rows that are in the table, see `Batch`.
        """
        former = {
            entry.content: entry for entry in self._before.current.values() if entry.outcome == INGESTED
        }
        live = self._paths_by_content()
        owners: dict[str, str | None] = {
            entry.path: None for content, entry in former.items() if content not in live
        }
        for content, paths in live.items():
            before = former.get(content)
            owner = before.path if before and before.path in paths else paths[0]
            for path in paths:
                if path != owner:
                    self.current[path] = replace(self.current[path], outcome=DUPLICATE)
            if before is None:
                self.to_read.add(owner)
                self.current[owner] = replace(self.current[owner], outcome=INGESTED)
            elif before.path != owner:
                owners[before.path] = owner
                self._inherit(owner, before)
        reread = self.to_read & self._before.current.keys() - owners.keys()
        return owners | dict.fromkeys(reread)

    def count_new_paths(self, paths: Iterable[str]) -> None:
        """Counts the files of the batch that the ledger did not know by path."""
        outcomes = [
            self.current[path].outcome
            for path in paths
            if path not in self._before.current and path in self.current
        ]
        self.counts["new"] = outcomes.count(INGESTED)
        self.counts["duplicate"] = len(outcomes) - self.counts["new"]

    def _refuse(self, found: Examined, before: Entry | None) -> None:
        path = found.file.path
        if before and (before.version, before.reason) == (found.file.version, found.fault):
            self.refused[path] = before
        else:
            self.refused[path] = self._entry(found, REFUSED)
            self.counts["refused"] += 1

    def _read_again(self, found: Examined, known: Entry) -> None:
        self.current[known.path] = self._entry(found, known.outcome)
        if known.outcome == INGESTED:
            self.to_read.add(known.path)
        self.counts["read again"] += 1

    def _confirm(self, found: Examined, known: Entry) -> None:
        """Enters a new version with the same content."""
        file = found.file
        self.current[known.path] = replace(
            known, version=file.version, modified=file.modified, size=file.size, deleted=None
        )
        self.counts["unchanged"] += 1

    def _paths_by_content(self) -> Mapping[str | None, list[str]]:
        paths: dict[str | None, list[str]] = defaultdict(list)
        for path in sorted(self.current):
            paths[self.current[path].content].append(path)
        return paths

    def _inherit(self, path: str, former: Entry) -> None:
        """Makes a file the owner of rows that another file had."""
        heir = self.current[path]
        self.current[path] = replace(
            former, path=path, version=heir.version, modified=heir.modified, deleted=heir.deleted
        )

    def _entry(self, found: Examined, outcome: str) -> Entry:
        file = found.file
        return Entry(
            path=file.path,
            version=file.version,
            content=found.content,
            size=file.size,
            modified=file.modified,
            outcome=outcome,
            batch_id=self._batch_id,
            run=self._run,
            seen=self._seen,
            code_version=self._code_version,
            reason=found.fault,
            parser=PARSER,
        )


def _batch_id(files: Iterable[LandingFile], gone: Iterable[Entry]) -> str:
    digest = hashlib.sha256()
    versions = [(file.path, file.version) for file in files] + [(entry.path, entry.version) for entry in gone]
    for path, version in versions:
        digest.update(f"{path}\n{version}\n".encode())
    return digest.hexdigest()[:32]
