"""Files in folders of this machine."""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from stedi_assets.errors import SettingError
from stedi_assets.lake.storage.base import StoredFile, engine_path

OWNER_ONLY = 0o600
LEADS_OUT = "It is a link that leads out of the landing zone: put a copy in its place."


class LocalStorage:
    """Files in folders of this machine, see `Storage`."""

    def list(self, folder: str, *, within: str | None = None) -> Iterator[StoredFile]:
        """See `Storage`."""
        root = None if within is None else os.path.realpath(engine_path(within))
        found = _files(engine_path(folder), root)
        for path, info, fault in sorted(found, key=lambda file: file[0]):
            yield StoredFile(
                path=path,
                uri=f"{folder}/{path}",
                size=info.st_size,
                version=f"{info.st_size}-{info.st_mtime_ns}",
                modified=info.st_mtime_ns // 1_000_000,
                fault=fault,
            )

    def read(self, uri: str) -> bytes | None:
        """See `Storage`."""
        path = Path(engine_path(uri))
        return path.read_bytes() if path.is_file() else None

    def write(self, uri: str, data: BinaryIO) -> None:
        """See `Storage`."""
        path = Path(os.path.realpath(engine_path(uri)))
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else OWNER_ONLY
        draft = path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.draft")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "wb") as stream:
            shutil.copyfileobj(data, stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.chmod(mode)
        os.replace(draft, path)

    def found(self, uri: str) -> StoredFile | None:
        """See `Storage`."""
        info = _stat(engine_path(uri))
        if info is None:
            return None
        version = f"{info.st_size}-{info.st_mtime_ns}"
        return StoredFile("", uri, info.st_size, version, info.st_mtime_ns // 1_000_000)

    def locked(self, uri: str) -> str | None:
        """See `Storage`."""
        path = Path(engine_path(uri))
        writable = os.access(path.parent, os.W_OK | os.X_OK)
        return None if writable else f"The folder of {path.name} is not writable: check its owner and mode."

    def remove_versions(self, uri: str, *, all_of_them: bool) -> None:
        """See `Storage`; a folder keeps no versions."""
        if all_of_them:
            Path(engine_path(uri)).unlink(missing_ok=True)

    def remove_former_versions(self, folder: str) -> None:
        """See `Storage`; a folder keeps no versions."""

    def remove(self, folder: str) -> None:
        """See `Storage`."""
        if Path(engine_path(folder)).is_dir():
            shutil.rmtree(engine_path(folder))

    def remove_files(self, files: Iterable[StoredFile]) -> None:
        """See `Storage`."""
        for file in files:
            path = Path(engine_path(file.uri))
            path.unlink(missing_ok=True)
            depth = len(Path(file.path).parents) - 1
            with suppress(OSError):  # a folder that is not empty, so that no folder above it is
                for folder in path.parents[:depth]:
                    folder.rmdir()

    def check(self, folder: str, setting: str, *, filled: bool = True) -> None:
        """See `Storage`; a folder that may be missing is made when it is needed."""
        if filled and not Path(engine_path(folder)).is_dir():
            raise SettingError(
                f"{setting} is {engine_path(folder)}, but there is no such folder: create it, or correct the "
                "path."
            )

    def check_writable(self, folder: str, setting: str) -> None:
        """See `Storage`; checks the closest existing folder above one that does not exist."""
        path = Path(engine_path(folder))
        existing = next(parent for parent in (path, *path.parents) if parent.exists())
        if not os.access(existing, os.W_OK | os.X_OK):
            raise SettingError(f"{setting}: {existing} is not writable: check its owner and mode.")

    def restrict(self, folder: str, *, group: bool) -> None:
        """Keeps files to their owner: those that this process writes from now on, and an existing folder.

        Args:
            folder: The folder.
            group: Whether the group may read the files too; an existing folder then keeps its mode.
        """
        os.umask(0o027 if group else 0o077)
        path = Path(engine_path(folder))
        if group or not path.is_dir():
            return
        info = path.stat()
        if info.st_uid == os.geteuid() and info.st_mode & 0o077:
            path.chmod(stat.S_IMODE(info.st_mode) & 0o700)


Listed = tuple[str, os.stat_result, str | None]


def _files(folder: str, within: str | None) -> Iterator[Listed]:
    """The files below a folder, by their paths relative to it, with their faults; names may hold any bytes.

    Links are followed as far as `within` allows, but no folder is read twice. Broken links, pipes and the
    like are left out.
    """
    failed: list[OSError] = []

    def refuse(error: OSError) -> None:
        if within is not None and error.filename != folder:
            failed.append(error)
        elif not isinstance(error, FileNotFoundError):
            raise error

    def relative(path: str) -> str:
        return path.removeprefix(folder).lstrip("/")

    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        found = _stat(place)
        if found is None or (found.st_dev, found.st_ino) in seen:
            folders.clear()
            continue
        seen.add((found.st_dev, found.st_ino))
        links = {name for name in folders if within and _leads_out(os.path.join(place, name), within)}
        folders[:] = sorted(set(folders) - links)
        for path in (os.path.join(place, name) for name in links):
            yield relative(path), os.lstat(path), LEADS_OUT
        for path in (os.path.join(place, name) for name in names):
            if within and _leads_out(path, within):
                yield relative(path), os.lstat(path), LEADS_OUT
                continue
            info = _stat(path)
            if info is not None and stat.S_ISREG(info.st_mode):
                yield relative(path), info, None
    for error in failed:
        path, code = os.fsdecode(error.filename), errno.errorcode.get(error.errno or 0, "OSError")
        if not isinstance(error, FileNotFoundError):
            yield (
                relative(path),
                os.lstat(path),
                f"This folder cannot be listed ({code}): check its owner and mode.",
            )


def _leads_out(path: str, root: str) -> bool:
    """Whether a path is a link to an existing place that is not below a root."""
    if not os.path.islink(path) or not os.path.exists(path):
        return False
    return not os.path.realpath(path).startswith(f"{root.rstrip('/')}/")


def _stat(path: str) -> os.stat_result | None:
    """The status of the file that a path leads to; None if there is none."""
    try:
        return os.stat(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return None
        raise
