"""Rewriting landing files without the records of erased people.

A file of one record per line loses these lines, and every other byte stays. A file of another shape becomes
one record after the other, each as it was written. Packing stays as it was.
"""

import bz2
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from stedi_assets.errors import LakeError
from stedi_assets.lake.ingestion.erasing.tombstones import ERASED, ErasedRecords
from stedi_assets.lake.ingestion.files import LandingFile
from stedi_assets.lake.ingestion.lines import ParsedLine, records_of
from stedi_assets.lake.ingestion.parsing.finder import BETWEEN
from stedi_assets.lake.ingestion.parsing.unpacking import PACKED, PackingError, encoding_of, layers, unpacked
from stedi_assets.lake.ingestion.records import LineForm
from stedi_assets.lake.storage import Storage
from stedi_assets.lake.storage.base import sha256_of
from stedi_assets.schemas.columns import WHITESPACE

IN_MEMORY = 16 * 1024**2
UNREADABLE = "\0"


@dataclass(frozen=True)
class Hit:
    """A landing file with records of erased people, or named after one.

    Attributes:
        file: The file.
        erased: Records that go.
        stay: Records of others.
        lines: The text that each line may lose, by its number; None if the file has another shape.
        stays_at: Its path afterwards, which holds no name.
    """

    file: LandingFile
    erased: int
    stay: int
    lines: dict[int, str] | None = field(repr=False)
    stays_at: str


@dataclass(frozen=True)
class Rewritten:
    """A landing file that was rewritten.

    Attributes:
        path: Its path.
        content: SHA-256 of the former bytes.
        left: SHA-256 of the bytes now; None if the whole file went.
        stays_at: Its path now.
        version: Its version now.
        size: Its size now.
        modified: When it was rewritten, epoch ms.
    """

    path: str
    content: str
    left: str | None
    stays_at: str = ""
    version: str = ""
    size: int = 0
    modified: int = 0


@dataclass(frozen=True)
class Rewriter:
    """Finds and rewrites the landing files of one table.

    Attributes:
        storage: The storage of the landing root.
        open_file: Opens a file by URI.
        form: The form of the records.
        erased: Which records are about erased people.
        longest: Bytes that a record may have.
    """

    storage: Storage
    open_file: Callable[[str], BinaryIO]
    form: LineForm
    erased: ErasedRecords
    longest: int

    def look(self, file: LandingFile) -> Hit | None:
        """Looks for records of erased people in a file; None if it has none, or cannot be read as text."""
        gone: dict[int, str] = {}
        erased = stay = 0
        plain, last = True, 0
        for text, line in records_of(self.open_file, file.uri, self.form, self.longest):
            if not text or text == UNREADABLE:
                continue
            plain = plain and line.number != last and line.reason != "record_too_long"
            last = line.number
            left = self._left(text, line)
            stay += bool(left)
            if left != text:
                erased += 1
                plain = plain and left is None
                gone[line.number] = text.strip(WHITESPACE)
        stays_at = self.erased.tombstones.anonymous(file.path)
        if not erased and stays_at == file.path:
            return None
        return Hit(file, erased, stay, gone if plain and self._are_lines(file, gone) else None, stays_at)

    def records(self, file: LandingFile) -> Iterator[str]:
        """The records of the people in a file, as they were delivered."""
        for text, line in records_of(self.open_file, file.uri, self.form, self.longest):
            if text and text != UNREADABLE and self._left(text, line) != text:
                yield text.strip(WHITESPACE)

    def rewrite(self, hit: Hit) -> Rewritten:
        """Rewrites a file without the records of erased people, and deletes its former versions.

        Raises:
            LakeError: The file changed meanwhile, or is locked.
        """
        file = hit.file
        with self.open_file(file.uri) as stream, tempfile.SpooledTemporaryFile(IN_MEMORY) as left:
            former = sha256_of(stream)
            if hit.stay:
                self._write(hit, cast(BinaryIO, left))
            now = self.storage.found(file.uri)
            if now is None or now.version != file.version:
                raise LakeError(f"{file.path} changed since it was read: plan the erasure again.")
            if not hit.stay:
                self.storage.remove_versions(file.uri, all_of_them=True)
                return Rewritten(file.path, former, None, hit.stays_at)
            left.seek(0)
            content = sha256_of(cast(BinaryIO, left))
            left.seek(0)
            uri = file.uri.removesuffix(file.path) + hit.stays_at
            self.storage.write(uri, cast(BinaryIO, left))
        self.storage.remove_versions(file.uri, all_of_them=uri != file.uri)
        now = self.storage.found(uri)
        assert now is not None
        return Rewritten(file.path, former, content, hit.stays_at, now.version, now.size, now.modified)

    def _left(self, text: str, line: ParsedLine) -> str | None:
        """What is left of a record: its text, a faulty record that still names others, or None."""
        kept = self.erased.filtered(line)
        if kept.reason == ERASED:
            return None
        if kept.raw == line.raw:
            return text
        # A field that occurs twice makes the record faulty, so that those whom it names stay held.
        named = [json.dumps(person) for person in (kept.people or "").split()]
        return (
            "{" + ",".join(f'"{self.erased.key}":{name}' for name in (named * 2)[: max(2, len(named))]) + "}"
        )

    def _are_lines(self, file: LandingFile, gone: dict[int, str]) -> bool:
        """Whether each of some lines is nothing but the record on it, in UTF-8."""
        seen = 0
        with self.open_file(file.uri) as raw:
            stream = unpacked(raw)
            if encoding_of(stream.peek(16)[:16]) != "utf-8-sig":
                return False
            for number, line in _numbered(stream):
                text = line.decode(errors="surrogateescape").strip(f"{WHITESPACE}\ufeff")
                if text.startswith((*"[],",)) or text.endswith(","):  # parts of an array
                    return False
                if number in gone:
                    if text != gone[number]:
                        return False
                    seen += 1
        return seen == len(gone)

    def _write(self, hit: Hit, out: BinaryIO) -> None:
        """Writes what is left of a file, in its packing."""
        with ExitStack() as stack:
            packed = out
            _, packings = layers(stack.enter_context(self.open_file(hit.file.uri)))
            for packing in reversed(packings):
                packed = stack.enter_context(_packer(packing, packed))
            for piece in self._pieces(hit):
                packed.write(piece)

    def _pieces(self, hit: Hit) -> Iterator[bytes]:
        uri = hit.file.uri
        if hit.lines is None:
            for text, line in records_of(self.open_file, uri, self.form, self.longest):
                if text and text != UNREADABLE:
                    if line.reason == "record_too_long":
                        raise LakeError(
                            f"{hit.file.path}: a record is longer than STEDI_RECORD_BYTES, so what others "
                            "have in the file cannot be kept: raise the setting and plan again."
                        )
                    left = self._left(text, line)
                    if left is not None:
                        # Between rows nothing has a meaning; a faulty record stays as it was.
                        piece = left.removesuffix("\n") if line.values is None else left.strip(BETWEEN)
                        yield piece.encode(errors="surrogateescape") + b"\n"
            return
        with self.open_file(uri) as raw:
            yield from (line for number, line in _numbered(unpacked(raw)) if number not in hit.lines)


def _numbered(stream: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
    """The lines of a file as far as it can be read, with their numbers, from 1, as the parser counts them."""
    number = 1
    with suppress(PackingError):
        for line in stream:
            yield number, line
            # A line that other programs end with a carriage return counts as several.
            number += line.count(b"\r") - line.endswith(b"\r\n") + line.endswith(b"\n")


def _packer(packing: bytes, out: BinaryIO) -> BinaryIO:
    import pyarrow as pa

    if packing == PACKED[0]:
        return cast(BinaryIO, gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename=""))
    if packing == PACKED[1]:
        return cast(BinaryIO, bz2.BZ2File(out, "wb"))
    return cast(BinaryIO, pa.CompressedOutputStream(_Open(out), "zstd"))


class _Open(io.RawIOBase):
    """A stream that stays open when its packing is closed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return self._stream.write(data)
