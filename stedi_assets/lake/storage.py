"""Files by URI, wherever they are: listing, sizes and removal, through Arrow's file systems."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LOCAL_SCHEME = "file://"


@dataclass(frozen=True)
class StoredFile:
    """A file.

    Attributes:
        path: Path relative to the folder that was listed, with forward slashes.
        uri: Full URI; a local one is `file://` and the plain path, without percent encoding.
        size: Bytes.
        modified: Time of the last change, ns since 1970.
    """

    path: str
    uri: str
    size: int
    modified: int


def engine_path(uri: str) -> str:
    """The form in which engines take a file: local paths plain, so that no engine decodes them."""
    return uri.removeprefix(LOCAL_SCHEME)


def list_files(folder: str) -> Iterator[StoredFile]:
    """All files below a folder in order of their paths; nothing where there is no such folder."""
    from pyarrow.fs import FileSelector, FileType

    filesystem, root = _filesystem(folder)
    selector = FileSelector(root, recursive=True, allow_not_found=True)
    for info in sorted(filesystem.get_file_info(selector), key=lambda info: info.path):
        if info.type == FileType.File:
            path = info.path.removeprefix(root).lstrip("/")
            yield StoredFile(path, f"{folder}/{path}", info.size, info.mtime_ns or 0)


def folder_exists(folder: str) -> bool:
    """Whether there is such a folder."""
    from pyarrow.fs import FileType

    filesystem, root = _filesystem(folder)
    return bool(filesystem.get_file_info(root).type == FileType.Directory)


def remove_folder(folder: str) -> None:
    """Removes a folder and all in it; nothing where there is no such folder."""
    if folder_exists(folder):
        filesystem, root = _filesystem(folder)
        filesystem.delete_dir(root)


def _filesystem(uri: str) -> tuple[Any, str]:
    from pyarrow.fs import FileSystem, LocalFileSystem

    if uri.startswith(LOCAL_SCHEME):
        return LocalFileSystem(), engine_path(uri)
    return FileSystem.from_uri(uri)  # type: ignore[no-any-return]
