"""Landing files: which there are, and how a file that no engine reader can be trusted with is read."""

import gzip
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from stedi_assets.errors import LakeError
from stedi_assets.lake.storage import StoredFile, engine_path, folder_exists, list_files
from stedi_assets.tables import LandingSource
from stedi_assets.transforms.landing import FaultyLineError, Field, Value, parse_line

SUFFIXES = (".json", ".json.gz")
LONGEST_LINE = 1_000_000  # characters
EMPTY = "empty"

# Engines treat other names in their own ways: patterns are expanded, hidden files skipped, `%` decoded.
PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9._=@+-]+)*/[A-Za-z0-9][A-Za-z0-9._=@+-]*")


@dataclass(frozen=True)
class LandingFile:
    """A landing file as it was listed.

    Attributes:
        path: Path relative to the landing root.
        uri: Full URI.
        size: Bytes.
        version: Changes whenever the file is written again.
    """

    path: str
    uri: str
    size: int
    version: str

    @property
    def plain(self) -> bool:
        """Whether engines can be given the file: not compressed, and named without surprises."""
        return self.path.endswith(".json") and PLAIN_PATH.fullmatch(engine_path(self.uri)) is not None


@dataclass(frozen=True)
class ParsedLine:
    """What became of one line: values, or the reason why there are none (EMPTY for an empty line)."""

    number: int
    values: list[Value] | None
    reason: str | None
    unknown_keys: int = 0


def list_landing_files(root: str, source: LandingSource) -> list[LandingFile]:
    """The landing files of a table, in nested folders too, in order of their paths.

    Raises:
        LakeError: There is no landing root, or a file has a name that is not valid text.
    """
    if not folder_exists(root):
        raise LakeError(f"There is no landing root {engine_path(root)}: check STEDI_LANDING.")
    listed = list_files(f"{root}/{source.folder}")
    return [_landing_file(source, file) for file in listed if file.path.lower().endswith(SUFFIXES)]


def batch_id(files: list[LandingFile]) -> str:
    """Names a set of file versions; the same files always give the same name."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.path}\n{file.version}\n".encode())
    return digest.hexdigest()[:32]


def parse_file(path: str, fields: tuple[Field, ...], instant: str | None) -> Iterator[ParsedLine]:
    """Reads a local landing file line by line, whatever is in it.

    A line ends at a line feed, a carriage return or both. A file that stops being readable gives one
    last line with the reason `file_unreadable`.
    """
    number = 0
    try:
        with open(path, "rb") as raw:
            for number, line in enumerate(_lines(raw, compressed=path.lower().endswith(".gz")), start=1):
                yield _parsed(number, line, fields, instant)
    except (OSError, EOFError, gzip.zlib.error):  # type: ignore[attr-defined]
        yield ParsedLine(number + 1, None, "file_unreadable")


def _landing_file(source: LandingSource, file: StoredFile) -> LandingFile:
    path = f"{source.folder}/{file.path}"
    try:
        path.encode()
    except UnicodeEncodeError:
        raise LakeError(f"A file in {source.folder} has a name that is not valid UTF-8: rename it.") from None
    return LandingFile(path, file.uri, file.size, f"{file.size}-{file.modified}")


def _lines(raw: BinaryIO, *, compressed: bool) -> Iterator[str | None]:
    """The lines of a file as text; None for a line that is too long, of which no more is kept."""
    stream = gzip.GzipFile(fileobj=raw) if compressed else raw
    # Bytes that are not UTF-8 become lone surrogates, which the parser refuses line by line.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline=None)
    too_long = False
    while piece := text.readline(LONGEST_LINE):
        ended = piece.endswith("\n")
        if not ended and len(piece) == LONGEST_LINE:
            too_long = True
            continue
        yield None if too_long else piece
        too_long = False
    if too_long:
        yield None


def _parsed(number: int, line: str | None, fields: tuple[Field, ...], instant: str | None) -> ParsedLine:
    if line is None:
        return ParsedLine(number, None, "line_too_long")
    if not line.strip(" \t\r\n"):
        return ParsedLine(number, None, EMPTY)
    try:
        values, unknown_keys = parse_line(line, fields, instant)
    except FaultyLineError as fault:
        return ParsedLine(number, None, fault.reason)
    return ParsedLine(number, values, None, unknown_keys)
