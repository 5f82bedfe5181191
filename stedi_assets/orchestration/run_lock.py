"""The lock of a run: its process holds it as long as it lives.

Dagster learns the end of a run from the process of the run. If that process is killed together with its
supervisor, as in a power cut, the run stays "in progress" for ever, and every later run waits for it. The
operating system frees a lock when its process ends, for any reason, so a free lock shows that the run was
abandoned. It covers the processes of this machine only; runs on other machines are never called abandoned.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg


@contextmanager
def at_work(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Holds the lock of a run.

    Args:
        instance: The Dagster instance.
        run_id: The run.
    """
    path = _lock(instance, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_abandoned(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a process of this machine started to work on a run and ended before the run did.

    Args:
        instance: The Dagster instance.
        run_id: The run.
    """
    path = _lock(instance, run_id)
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A run that is just ending removes its lock before it frees it.
            return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except (FileNotFoundError, BlockingIOError):
        return False


def forget(instance: dg.DagsterInstance, run_id: str) -> None:
    """Removes the lock of an abandoned run.

    Args:
        instance: The Dagster instance.
        run_id: The run.
    """
    _lock(instance, run_id).unlink(missing_ok=True)


def _lock(instance: dg.DagsterInstance, run_id: str) -> Path:
    return Path(instance.storage_directory()) / "at_work" / run_id
