"""Batches: which landing files the next one has, and what becomes of every file of it.

A file's content is live while the current version of any file has it, also of one that was deleted: rows stay
when files go. Of the files with one content a single one owns its rows, the others are duplicates. So the
tables end the same, in whatever order, and in however many batches, files are delivered.

No engine, no storage: files and entries in, a plan out.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stedi_assets.lake.ingestion.files import LandingFile
from stedi_assets.lake.ingestion.ledger import DUPLICATE, INGESTED, REFUSED, SUPERSEDED, Entry, Ledger


@dataclass(frozen=True)
class Limits:
    """How much one batch may read.

    Attributes:
        files: Files.
        bytes: Bytes; a larger file makes a batch of its own.
    """

    files: int
    bytes: int


@dataclass(frozen=True)
class Examined:
    """What a first look into a file gave.

    Attributes:
        file: The file.
        content: SHA-256 of its bytes, in hex; None where it cannot be read.
        fault: Why it is refused, in words.
    """

    file: LandingFile
    content: str | None
    fault: str | None = None


@dataclass(frozen=True)
class Batch:
    """What one batch does.

    Attributes:
        id: Names the batch; the same files always give the same name.
        files: The files whose lines it reads.
        owners: What becomes of rows that are in the table, by their file: another file with the same content
            owns them now, or none, so that they go.
        entries: The ledger afterwards; what became of the lines of `files` is to be filled in.
        counts: How many files it is about, by what they are.
    """

    id: str
    files: tuple[LandingFile, ...]
    owners: Mapping[str, str | None]
    entries: tuple[Entry, ...]
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not any(self.counts.values())


def choose(waiting: Sequence[LandingFile], limits: Limits) -> list[LandingFile]:
    """The first files within the limits of a batch, and always one."""
    chosen: list[LandingFile] = []
    size = 0
    for file in waiting:
        size += file.size
        if chosen and (len(chosen) == limits.files or size > limits.bytes):
            break
        chosen.append(file)
    return chosen


def plan_batch(
    ledger: Ledger,
    examined: Iterable[Examined],
    gone: Iterable[Entry],
    *,
    run: str,
    seen: int,
    code_version: str,
    again: Callable[[Entry], bool] = lambda entry: False,
) -> Batch:
    """Decides what becomes of the files of a batch.

    Args:
        ledger: What is known of the files before.
        examined: The files of the batch.
        gone: Entries of files that are there no more.
        run: The Dagster run.
        seen: When it began, epoch ms.
        code_version: Code version of the landing table.
        again: Whether a file is to be read again although its content is known.
    """
    looks = {look.file.path: look for look in examined}
    gone = list(gone)
    batch_id = _batch_id([look.file for look in looks.values()], gone)
    counts = dict.fromkeys(
        ("new", "changed", "duplicate", "read again", "unchanged", "deleted", "refused"), 0
    )

    def entry(look: Examined, outcome: str) -> Entry:
        file = look.file
        return Entry(
            *(file.path, file.version, look.content, file.size, file.modified, outcome),
            *(batch_id, run, seen, code_version, look.fault),
        )

    after: dict[str, Entry] = dict(ledger.current)
    refused = dict(ledger.refused)
    superseded = [one for one in ledger.entries if one.outcome == SUPERSEDED]
    to_read: set[str] = set()
    for path, look in looks.items():
        old, before = after.get(path), refused.pop(path, None)
        if look.content is None:
            same = before and (before.version, before.reason) == (look.file.version, look.fault)
            refused[path] = before if before and same else entry(look, REFUSED)
            counts["refused"] += not same
        elif old is None or old.content != look.content:
            after[path] = entry(look, DUPLICATE)
            if old is not None:
                superseded.append(replace(old, outcome=SUPERSEDED))
                counts["changed"] += 1
        elif again(old):
            after[path] = replace(entry(look, old.outcome), deleted=None)
            if old.outcome == INGESTED:
                to_read.add(path)
            counts["read again"] += 1
        else:
            file = look.file
            after[path] = replace(
                old, version=file.version, modified=file.modified, size=file.size, deleted=None
            )
            counts["unchanged"] += 1
    for one in gone:
        after[one.path] = replace(after[one.path], deleted=seen)
        counts["deleted"] += 1

    owned = {one.content: one for one in ledger.current.values() if one.outcome == INGESTED}
    carriers: dict[str | None, list[str]] = defaultdict(list)
    for path in sorted(after):
        carriers[after[path].content].append(path)
    owners: dict[str, str | None] = {
        old.path: None for content, old in owned.items() if content not in carriers
    }
    for content, paths in carriers.items():
        former = owned.get(content)
        owner = former.path if former and former.path in paths else paths[0]
        for path in paths:
            if path != owner:
                after[path] = replace(after[path], outcome=DUPLICATE)
        if former is None:
            to_read.add(owner)
            after[owner] = replace(after[owner], outcome=INGESTED)
        elif former.path != owner:
            owners[former.path] = owner
            heir = after[owner]
            after[owner] = replace(
                former, path=owner, version=heir.version, modified=heir.modified, deleted=heir.deleted
            )
    owners |= {path: None for path in to_read if path in ledger.current and path not in owners}
    brought = [path for path in looks if path not in ledger.current and path in after]
    counts["new"] = sum(after[path].outcome == INGESTED for path in brought)
    counts["duplicate"] = len(brought) - counts["new"]
    return Batch(
        batch_id,
        tuple(look.file for path, look in looks.items() if path in to_read),
        owners,
        (*superseded, *refused.values(), *after.values()),
        counts,
    )


def _batch_id(files: Iterable[LandingFile], gone: Iterable[Entry]) -> str:
    digest = hashlib.sha256()
    for path, version in [*((it.path, it.version) for it in files), *((it.path, it.version) for it in gone)]:
        digest.update(f"{path}\n{version}\n".encode())
    return digest.hexdigest()[:32]
