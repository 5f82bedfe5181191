"""Landing files: which files there are, and a first pass over their bytes."""

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

from stedi_assets.lake.ingestion.parsing.names import Kind, kind_of, looks_like_json
from stedi_assets.lake.ingestion.parsing.unpacking import PACKED, PackingError, encoding_of, open_text
from stedi_assets.lake.storage import Storage, StoredFile, engine_path
from stedi_assets.locations import S3
from stedi_assets.tables import LandingSource

SNIFFED = 64 * 1024  # bytes of a file whose name does not say that it is JSON
NOT_JSON = "It is not JSON: move it out of the landing zone."
JSON_UNDER_OTHER_NAME = "It may be JSON, but its name does not say so: give it the ending .json."
OTHER_FORMATS = {
    b"PAR1": "Parquet", b"Obj\x01": "Avro", b"ORC": "ORC", b"PK\x03\x04": "a ZIP archive",
    b"%PDF": "PDF", b"\x7fELF": "a program", b"\xfd7zXZ": "packed with xz", b"7z\xbc\xaf": "a 7z archive",
}  # fmt: skip
HARMLESS = (NOT_JSON,)
"""The sentences about refused files that cannot hold a record."""

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
        fault: Why the whole file is refused, in words; None if it is not.
        long_lines: Whether a line may be longer than allowed.
        kind: What its name says, see `names.kind_of`.
        packed: Whether it is packed, or not in UTF-8.
    """

    path: str
    uri: str
    size: int
    version: str
    modified: int = 0
    fault: str | None = None
    long_lines: bool = False
    kind: Kind = "json"
    packed: bool = False

    @property
    def appears_whole(self) -> bool:
        """Whether the file is visible only once it is complete, as in S3."""
        return self.uri.startswith(S3)

    @property
    def plain(self) -> bool:
        """Whether engines can read the file: not compressed, a simple name, no line too long."""
        named = self.path.endswith(".json") and PLAIN_PATH.fullmatch(_slashed(self.uri)) is not None
        return named and not self.long_lines and not self.packed


def list_landing_files(storage: Storage, root: str, source: LandingSource) -> list[LandingFile]:
    """Lists all files below the folder of a table, in nested folders too, in order of their paths.

    Raises:
        SettingError: There is no landing root.
    """
    storage.check(root, "STEDI_LANDING")
    listed = storage.list(f"{root}/{source.folder}", within=root)
    return [_landing_file(source, file) for file in listed]


@dataclass(frozen=True)
class Seen:
    """A first pass over the bytes of a file.

    Attributes:
        content: SHA-256 of its bytes, in hex; None if it is refused.
        long_lines: Whether a line may be longer than allowed.
        packed: Whether it is packed, or not in UTF-8.
        fault: Why it is refused, in words.
    """

    content: str | None = None
    long_lines: bool = False
    packed: bool = False
    fault: str | None = None


def examine(open_file: Callable[[str], BinaryIO], file: LandingFile, longest_line: int) -> Seen:
    """Reads the bytes of a file once, before anything parses it.

    Args:
        open_file: Opens a file by URI.
        file: The file.
        longest_line: Bytes that a line may have.

    Raises:
        OSError: The file cannot be read.
    """
    digest, long_lines = hashlib.sha256(), False
    # A line that is too long covers at least one whole block.
    size = max(1, longest_line // 2)
    with open_file(file.uri) as stream:
        block = stream.read(size)
        if fault := _refusal(file, block):
            return Seen(fault=fault)
        packed = block.startswith(PACKED) or encoding_of(block) != "utf-8-sig"
        while block:
            digest.update(block)
            long_lines = long_lines or (len(block) == size and b"\n" not in block)
            block = stream.read(size)
    return Seen(content=digest.hexdigest(), long_lines=long_lines, packed=packed)


def _refusal(file: LandingFile, beginning: bytes) -> str | None:
    """Why a file is refused by its name and first bytes; None if it is read."""
    for first, named in OTHER_FORMATS.items():
        if beginning.startswith(first):
            text = f"It is {named}, not JSON: "
            return text + ("rename or move it." if file.kind == "json" else NOT_JSON.partition(": ")[2])
    if file.kind == "json":
        return None
    try:
        text = open_text(cast(BinaryIO, io.BytesIO(beginning))).read(SNIFFED)
    except PackingError:  # only its beginning was unpacked
        text = "{"
    if not looks_like_json(text):
        return NOT_JSON
    return JSON_UNDER_OTHER_NAME if file.kind == "other" else None


def _landing_file(source: LandingSource, file: StoredFile) -> LandingFile:
    path, fault = f"{source.folder}/{file.path}", file.fault
    try:
        path.encode()
    except UnicodeEncodeError:
        path = path.encode(errors="backslashreplace").decode()
        fault = "Its name is not valid UTF-8: rename it."
    if not {"", ".", ".."}.isdisjoint(path.split("/")):  # only in S3, where Arrow cannot name such a file
        fault = "Its key has an empty folder name, or one of dots only: rename it."
    return LandingFile(
        path=path,
        uri=file.uri,
        size=file.size,
        version=file.version,
        modified=file.modified,
        fault=fault,
        kind=kind_of(file.path, file.size),
    )


def _slashed(uri: str) -> str:
    """The path of a file from the root of the machine, or from the name of the bucket."""
    return f"/{uri.removeprefix(S3)}" if uri.startswith(S3) else engine_path(uri)
