"""Landing files: which there are, and how a file that no engine reader can be trusted with is read."""

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from stedi_assets.lake.ingestion.faults import named_people
from stedi_assets.lake.ingestion.records import FaultyLineError, LineForm, Value, parse_line
from stedi_assets.lake.storage import Storage, StoredFile, engine_path
from stedi_assets.locations import S3
from stedi_assets.tables import LandingSource

SUFFIXES = (".json", ".json.gz")
LONGEST_LINE = 1_000_000  # bytes, unless a setting says otherwise
KEPT_BYTES = 1_000_000  # of a line that is no row
PARSED_LINES = 10_000  # of a batch handed from Python to the engine
PARSED_BYTES = 16 * 1024**2  # of raw lines in such a batch
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
        modified: When it was written, epoch ms.
        fault: Why the file is refused as a whole, in words, if it is.
        long_lines: Whether a line may be longer than lines may be.
    """

    path: str
    uri: str
    size: int
    version: str
    modified: int = 0
    fault: str | None = None
    long_lines: bool = False

    @property
    def appears_whole(self) -> bool:
        """Whether nobody sees the file until it is complete, as in S3."""
        return self.uri.startswith(S3)

    @property
    def plain(self) -> bool:
        """Whether engines can be given the file: not compressed, no surprising name, no endless line."""
        named = self.path.endswith(".json") and PLAIN_PATH.fullmatch(_slashed(self.uri)) is not None
        return named and not self.long_lines


@dataclass(frozen=True)
class ParsedLine:
    """What became of one line.

    Attributes:
        number: Its place in the file, from 1.
        values: The values of the row, if it is one.
        reason: The reason why it is none; EMPTY for an empty line.
        unknown_keys: Keys of a row that nobody asked for.
        raw: The line as it was, without its end, or the beginning of it; kept of quarantined lines only.
        people: Canonical emails that a quarantined line about a person names, with a space between.
    """

    number: int
    values: list[Value] | None = None
    reason: str | None = None
    unknown_keys: int = 0
    raw: bytes | None = None
    people: str | None = None


def list_landing_files(storage: Storage, root: str, source: LandingSource) -> list[LandingFile]:
    """The landing files of a table, in nested folders too, in order of their paths.

    Raises:
        SettingError: There is no landing root.
    """
    storage.check(root, "STEDI_LANDING")
    listed = storage.list(f"{root}/{source.folder}")
    return [_landing_file(source, file) for file in listed if file.path.lower().endswith(SUFFIXES)]


def examine(open_file: Callable[[str], BinaryIO], file: LandingFile, longest_line: int) -> tuple[str, bool]:
    """Reads a file once as bytes, before anything else does.

    Args:
        open_file: Opens a file by URI.
        file: The file.
        longest_line: Bytes that a line may have.

    Returns:
        The SHA-256 of its bytes, in hex, and whether a line may be longer than `longest_line`.

    Raises:
        OSError: The file cannot be read.
    """
    digest, long_lines = hashlib.sha256(), False
    # A line that is too long covers at least one whole block.
    size = max(1, longest_line // 2)
    with open_file(file.uri) as stream:
        while block := stream.read(size):
            digest.update(block)
            long_lines = long_lines or (len(block) == size and b"\n" not in block)
    return digest.hexdigest(), long_lines


def parse_file(
    open_file: Callable[[str], BinaryIO], uri: str, form: LineForm, longest_line: int = LONGEST_LINE
) -> Iterator[ParsedLine]:
    """Reads a landing file line by line, whatever is in it.

    A line ends at a line feed, a carriage return or both. A file that stops being readable gives one
    last line with the reason `file_unreadable`.

    Args:
        open_file: Opens a file by URI.
        uri: The file.
        form: What the lines of the table must look like.
        longest_line: Bytes that a line may have; more are never held at once.

    Raises:
        OSError: The file could not be fetched, which says nothing about its lines.
    """
    number = 0
    try:
        with open_file(uri) as raw:
            lines = _lines(raw, longest_line, compressed=uri.lower().endswith(".gz"))
            for number, (line, whole) in enumerate(lines, start=1):
                yield _parsed(number, line, whole, form)
    except (OSError, EOFError, zlib.error) as error:
        if uri.startswith(S3) and isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
            raise
        yield _quarantined(number + 1, "", "file_unreadable", form)


def parsed_batches(lines: Iterable[ParsedLine]) -> Iterator[list[ParsedLine]]:
    """Consecutive lines, few enough to be held in memory."""
    batch: list[ParsedLine] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line.raw or b"")
        if len(batch) == PARSED_LINES or size >= PARSED_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _landing_file(source: LandingSource, file: StoredFile) -> LandingFile:
    path, fault = f"{source.folder}/{file.path}", None
    try:
        path.encode()
    except UnicodeEncodeError:
        path = path.encode(errors="backslashreplace").decode()
        fault = "Its name is not valid UTF-8: rename it."
    if not {"", ".", ".."}.isdisjoint(path.split("/")):  # in S3 only, where Arrow cannot name such a file
        fault = "Its key has an empty folder name, or one of dots only: rename it."
    return LandingFile(path, file.uri, file.size, file.version, file.modified, fault)


def _slashed(uri: str) -> str:
    """The path of a file from the root of the machine, or from the name of the bucket."""
    return f"/{uri.removeprefix(S3)}" if uri.startswith(S3) else engine_path(uri)


def _lines(raw: BinaryIO, longest: int, *, compressed: bool) -> Iterator[tuple[str, bool]]:
    """The lines of a file, and whether each is whole: of one that is too long only the beginning is kept."""
    stream = gzip.GzipFile(fileobj=raw) if compressed else raw
    # Bytes that are not UTF-8 become lone surrogates, which the parser refuses line by line.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline=None)
    beginning = ""
    while piece := text.readline(longest + 1):
        if not piece.endswith("\n") and len(piece) == longest + 1:
            beginning = beginning or piece
            continue
        line = beginning or piece
        yield line, not beginning and (len(line) <= longest // 4 or _size(line) <= longest)
        beginning = ""
    if beginning:
        yield beginning, False


def _size(line: str) -> int:
    """Bytes of a line without its end."""
    return len(line.removesuffix("\n").encode(errors="surrogateescape"))


def _parsed(number: int, line: str, whole: bool, form: LineForm) -> ParsedLine:
    if not whole:
        return _quarantined(number, line, "line_too_long", form)
    if not line.strip(" \t\r\n"):
        return ParsedLine(number, reason=EMPTY)
    try:
        values, unknown_keys = parse_line(line, form)
    except FaultyLineError as fault:
        return _quarantined(number, line, fault.reason, form)
    return ParsedLine(number, values, unknown_keys=unknown_keys)


def _quarantined(number: int, line: str, reason: str, form: LineForm) -> ParsedLine:
    raw = line.removesuffix("\n").encode(errors="surrogateescape")[:KEPT_BYTES]
    people = " ".join(named_people(line, form.person)) if form.person else None
    return ParsedLine(number, reason=reason, raw=raw, people=people)
