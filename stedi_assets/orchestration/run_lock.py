"""Which runs are at work: a run holds a lock for as long as its process lives.

Dagster learns from the process of a run that it has ended. Where that process is killed together with what
watches over it, as at a power cut, the run stays "in progress" for ever, and every later one waits for it.
The system frees a lock whatever ends its process, so it tells which runs nobody works on any more. It knows
the processes of this machine only: of runs elsewhere it says nothing.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg


@contextmanager
def at_work(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Says that this process works on a run.

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
    """Whether a process of this machine began to work on a run, and ended in the middle of it.

    Args:
        instance: The Dagster instance.
        run_id: The run.
    """
    path = _lock(instance, run_id)
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A run that ends now removes its lock before it frees it.
            return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except (FileNotFoundError, BlockingIOError):
        return False


def forget(instance: dg.DagsterInstance, run_id: str) -> None:
    """Removes the lock of a run that was abandoned.

    Args:
        instance: The Dagster instance.
        run_id: The run.
    """
    _lock(instance, run_id).unlink(missing_ok=True)


def _lock(instance: dg.DagsterInstance, run_id: str) -> Path:
    return Path(instance.storage_directory()) / "at_work" / run_id
