"""Landing files: which files there are, and a first pass over their bytes."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from stedi_assets.lake.storage import Storage, StoredFile, engine_path
from stedi_assets.locations import S3
from stedi_assets.tables import LandingSource

SUFFIXES = (".json", ".json.gz")

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
        """Whether the file is visible only once it is complete, as in S3."""
        return self.uri.startswith(S3)

    @property
    def plain(self) -> bool:
        """Whether engines can read the file: not compressed, a simple name, no line too long."""
        named = self.path.endswith(".json") and PLAIN_PATH.fullmatch(_slashed(self.uri)) is not None
        return named and not self.long_lines


def list_landing_files(storage: Storage, root: str, source: LandingSource) -> list[LandingFile]:
    """Lists the landing files of a table, in nested folders too, in order of their paths.

    Raises:
        SettingError: There is no landing root.
    """
    storage.check(root, "STEDI_LANDING")
    listed = storage.list(f"{root}/{source.folder}")
    return [_landing_file(source, file) for file in listed if file.path.lower().endswith(SUFFIXES)]


def examine(open_file: Callable[[str], BinaryIO], file: LandingFile, longest_line: int) -> tuple[str, bool]:
    """Reads the bytes of a file once, before anything parses it.

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


def _landing_file(source: LandingSource, file: StoredFile) -> LandingFile:
    path, fault = f"{source.folder}/{file.path}", None
    try:
        path.encode()
    except UnicodeEncodeError:
        path = path.encode(errors="backslashreplace").decode()
        fault = "Its name is not valid UTF-8: rename it."
    if not {"", ".", ".."}.isdisjoint(path.split("/")):  # only in S3, where Arrow cannot name such a file
        fault = "Its key has an empty folder name, or one of dots only: rename it."
    return LandingFile(
        path=path, uri=file.uri, size=file.size, version=file.version, modified=file.modified, fault=fault
    )


def _slashed(uri: str) -> str:
    """The path of a file from the root of the machine, or from the name of the bucket."""
    return f"/{uri.removeprefix(S3)}" if uri.startswith(S3) else engine_path(uri)
