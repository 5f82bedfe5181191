"""Files by URI: the interface of every storage."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from stedi_assets.locations import LOCAL

BLOCK = 1024**2  # bytes that are hashed at once


@dataclass(frozen=True)
class StoredFile:
    """A file as it was listed.

    Attributes:
        path: Path relative to the folder that was listed, with forward slashes.
        uri: Full URI; a local one is `file://` and the plain path, without percent encoding.
        size: Bytes.
        version: Changes when the file is written again with other bytes.
        modified: When it was written, epoch ms.
        fault: Why it may not or cannot be read, in words; None if it may.
    """

    path: str
    uri: str
    size: int
    version: str
    modified: int
    fault: str | None = None


class Storage(Protocol):
    """A place that holds files below URIs of one scheme."""

    def list(self, folder: str, *, within: str | None = None) -> Iterator[StoredFile]:
        """Lists all files below a folder in order of their paths; none if there is no such folder.

        Args:
            folder: The folder.
            within: A folder that links may not leave: those that do, and folders that cannot be listed, are
                listed themselves with the fault. None to follow all links, and to raise.
        """

    def read(self, uri: str) -> bytes | None:
        """The bytes of a small file; None if there is none."""

    def write(self, uri: str, data: BinaryIO) -> None:
        """Writes a file, which no reader sees before it is complete; a former one is replaced.

        Args:
            uri: The file; in a folder, it keeps the mode of the former one.
            data: The bytes.
        """

    def found(self, uri: str) -> StoredFile | None:
        """A file as `list` gives it, without a path; None if there is none."""

    def locked(self, uri: str) -> str | None:
        """Why a file or a former version of it may not be deleted, in words; None if it may."""

    def remove_versions(self, uri: str, *, all_of_them: bool) -> None:
        """Deletes former versions of a file, if the storage keeps any.

        Args:
            uri: The file.
            all_of_them: Whether the current version goes too.

        Raises:
            LakeError: One could not be deleted.
        """

    def remove_former_versions(self, folder: str) -> None:
        """Deletes all former versions and delete markers below a folder, if the storage keeps any.

        Raises:
            LakeError: One could not be deleted.
        """

    def remove(self, folder: str) -> None:
        """Removes a folder and everything in it; a folder that does not exist is not an error.

        Raises:
            LakeError: Some files could not be removed.
        """

    def remove_files(self, files: Iterable[StoredFile]) -> None:
        """Removes listed files, and the folders that become empty; a missing file is not an error.

        Args:
            files: The files; in S3 all of one bucket.

        Raises:
            LakeError: Some files could not be removed.
        """

    def check(self, folder: str, setting: str, *, filled: bool = True) -> None:
        """Checks that a folder may be listed, and in S3 that the region is right.

        Args:
            folder: The folder.
            setting: The setting that names it.
            filled: Whether it must exist already; in S3 a folder exists if there is a file below it.

        Raises:
            SettingError: It is missing or denied; the sentence names the setting.
            LakeError: The storage is in trouble.
        """

    def check_writable(self, folder: str, setting: str) -> None:
        """Checks that files may be written below a folder; leaves nothing behind.

        Args:
            folder: The folder; it need not exist.
            setting: The setting that names it.

        Raises:
            SettingError: Writing is denied; the sentence names the setting.
            LakeError: The storage is in trouble.
        """


def sha256_of(stream: BinaryIO) -> str:
    """The SHA-256 of the rest of a stream, in hexadecimal digits."""
    digest = hashlib.sha256()
    while block := stream.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


def engine_path(uri: str) -> str:
    """The path of a file as engines take it: local paths are plain, so that no engine decodes them."""
    return uri.removeprefix(LOCAL)
