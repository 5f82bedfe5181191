"""Files by URI, wherever they are: what can be done with them, and how it is done in local folders."""

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stedi_assets.errors import SettingError
from stedi_assets.lake.storage.aws import S3_SCHEME, Aws

LOCAL_SCHEME = "file://"


@dataclass(frozen=True)
class StoredFile:
    """A file.

    Attributes:
        path: Path relative to the folder that was listed, with forward slashes.
        uri: Full URI; a local one is `file://` and the plain path, without percent encoding.
        size: Bytes.
        version: Changes whenever the file is written again.
        modified: When it was written, epoch ms.
    """

    path: str
    uri: str
    size: int
    version: str
    modified: int


class Storage(Protocol):
    """A place that holds files below URIs of one scheme."""

    def list(self, folder: str) -> Iterator[StoredFile]:
        """All files below a folder in order of their paths; nothing where there is no such folder."""

    def remove(self, folder: str) -> None:
        """Removes a folder and all in it; nothing where there is no such folder."""

    def remove_files(self, files: Iterable[StoredFile]) -> None:
        """Removes files that were listed, and the folders that this empties; one that is gone is no error.

        Raises:
            LakeError: Some could not be removed.
        """

    def check(self, folder: str, setting: str, *, filled: bool = True) -> None:
        """Makes sure that a folder is there and may be listed.

        Args:
            folder: The folder.
            setting: The setting that names it.
            filled: Whether it must be there already.

        Raises:
            SettingError: It is not; the sentence names the setting.
            LakeError: The storage is in trouble.
        """

    def check_writable(self, folder: str, setting: str) -> None:
        """Makes sure that files may be written below a folder, without writing one.

        Raises:
            SettingError: They may not; the sentence names the setting.
            LakeError: The storage is in trouble.
        """


class LocalStorage:
    """Files in folders of this machine."""

    def list(self, folder: str) -> Iterator[StoredFile]:
        """All files below a folder in order of their paths; nothing where there is no such folder."""
        root = engine_path(folder)
        for path, info in sorted(_files(root)):
            written = info.st_mtime_ns
            version = f"{info.st_size}-{written}"
            yield StoredFile(path, f"{folder}/{path}", info.st_size, version, written // 1_000_000)

    def remove(self, folder: str) -> None:
        """Removes a folder and all in it; nothing where there is no such folder."""
        if Path(engine_path(folder)).is_dir():
            shutil.rmtree(engine_path(folder))

    def remove_files(self, files: Iterable[StoredFile]) -> None:
        """Removes files that were listed, and the folders that this empties; one that is gone is no error."""
        for file in files:
            path = Path(engine_path(file.uri))
            path.unlink(missing_ok=True)
            below = len(Path(file.path).parents) - 1
            with suppress(OSError):  # a folder that is not empty, and so none above it
                for folder in path.parents[:below]:
                    folder.rmdir()

    def check(self, folder: str, setting: str, *, filled: bool = True) -> None:
        """Makes sure that a folder is there, if it must be: others are made when they are needed.

        Raises:
            SettingError: There is no such folder.
        """
        if filled and not Path(engine_path(folder)).is_dir():
            raise SettingError(f"{setting} is {engine_path(folder)}, but there is no such folder.")

    def check_writable(self, folder: str, setting: str) -> None:
        """Makes sure that files may be written to a folder, or to the one that it will be made in.

        Raises:
            SettingError: They may not.
        """
        path = Path(engine_path(folder))
        there = next(parent for parent in (path, *path.parents) if parent.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            raise SettingError(f"{setting}: {there} may not be written to: check its owner and mode.")


def open_storage(uri: str, aws: Aws) -> Storage:
    """The storage that holds a URI."""
    if uri.startswith(S3_SCHEME):
        from stedi_assets.lake.storage.s3 import S3Storage

        return S3Storage(aws)
    return LocalStorage()


def engine_path(uri: str) -> str:
    """The form in which engines take a file: local paths plain, so that no engine decodes them."""
    return uri.removeprefix(LOCAL_SCHEME)


def _files(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """The files below a local folder by their paths relative to it, whatever bytes are in their names.

    Links are followed, but to no folder twice; what leads nowhere, pipes and the like are no files.
    """

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(root, onerror=refuse, followlinks=True):
        there = _stat(folder)
        if there is None or (there.st_dev, there.st_ino) in seen:
            folders.clear()
            continue
        seen.add((there.st_dev, there.st_ino))
        folders.sort()
        for path in (os.path.join(folder, name) for name in names):
            info = _stat(path)
            if info is not None and stat.S_ISREG(info.st_mode):
                yield path.removeprefix(root).lstrip("/"), info


def _stat(path: str) -> os.stat_result | None:
    """What a path leads to, if anything."""
    try:
        return os.stat(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return None
        raise
