"""Landing files: which there are, and how a file that no engine reader can be trusted with is read."""

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from stedi_assets.errors import LakeError
from stedi_assets.lake.aws import S3_SCHEME
from stedi_assets.lake.storage import Storage, StoredFile, engine_path
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
        return self.path.endswith(".json") and PLAIN_PATH.fullmatch(_slashed(self.uri)) is not None


@dataclass(frozen=True)
class ParsedLine:
    """What became of one line: values, or the reason why there are none (EMPTY for an empty line)."""

    number: int
    values: list[Value] | None
    reason: str | None
    unknown_keys: int = 0


def list_landing_files(storage: Storage, root: str, source: LandingSource) -> list[LandingFile]:
    """The landing files of a table, in nested folders too, in order of their paths.

    Raises:
        SettingError: There is no landing root.
        LakeError: A file has a name that cannot be dealt with.
    """
    storage.check(root, "STEDI_LANDING")
    listed = storage.list(f"{root}/{source.folder}")
    return [_landing_file(source, file) for file in listed if file.path.lower().endswith(SUFFIXES)]


def batch_id(files: list[LandingFile]) -> str:
    """Names a set of file versions; the same files always give the same name."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.path}\n{file.version}\n".encode())
    return digest.hexdigest()[:32]


def parse_file(
    open_file: Callable[[str], BinaryIO], uri: str, fields: tuple[Field, ...], instant: str | None
) -> Iterator[ParsedLine]:
    """Reads a landing file line by line, whatever is in it.

    A line ends at a line feed, a carriage return or both. A file that stops being readable gives one
    last line with the reason `file_unreadable`.

    Raises:
        OSError: The file could not be fetched, which says nothing about its lines.
    """
    number = 0
    try:
        with open_file(uri) as raw:
            for number, line in enumerate(_lines(raw, compressed=uri.lower().endswith(".gz")), start=1):
                yield _parsed(number, line, fields, instant)
    except (OSError, EOFError, zlib.error) as error:
        if (
            uri.startswith(S3_SCHEME)
            and isinstance(error, OSError)
            and not isinstance(error, gzip.BadGzipFile)
        ):
            raise
        yield ParsedLine(number + 1, None, "file_unreadable")


def _landing_file(source: LandingSource, file: StoredFile) -> LandingFile:
    path = f"{source.folder}/{file.path}"
    try:
        path.encode()
    except UnicodeEncodeError:
        raise LakeError(f"A file in {source.folder} has a name that is not valid UTF-8: rename it.") from None
    if "" in path.split("/"):  # in S3 only, where Arrow cannot name such a file
        raise LakeError(f"A file in {source.folder} has an empty folder name in its key: rename it.")
    return LandingFile(path, file.uri, file.size, file.version)


def _slashed(uri: str) -> str:
    """The path of a file from the root of the machine, or from the name of the bucket."""
    return f"/{uri.removeprefix(S3_SCHEME)}" if uri.startswith(S3_SCHEME) else engine_path(uri)


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
