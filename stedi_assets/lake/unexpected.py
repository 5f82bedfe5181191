"""Errors that nothing expects: one sentence, and the place where they arose in a file for their owner.

The texts of such errors may quote rows, so they are neither shown nor kept: only types and places are.
"""

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg

from stedi_assets.errors import LakeError, StediError
from stedi_assets.lake.progress import last_step
from stedi_assets.settings import dagster_home

LOG = "unexpected.log"


@contextmanager
def unexpected_errors(table: str) -> Iterator[None]:
    """Replaces an error that nothing expects by a sentence that names the table, the step and the log.

    Raises:
        LakeError: There was one.
    """
    try:
        yield
    except (StediError, dg.Failure, dg.RetryRequested):
        raise
    except Exception as error:
        raise LakeError(
            f"{table}: {type(error).__name__} while {last_step(table)}, which nothing expects: see "
            f"{note(error)}, report it, and run again."
        ) from None


def note(error: BaseException) -> Path:
    """Appends the types and places of an error and its causes to the log; returns the path of the log."""
    path = dagster_home() / LOG
    lines = [f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"]
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(cause.__traceback__)
        ]
        cause = cause.__cause__ or cause.__context__
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as log:
        log.write("\n".join(lines) + "\n")
    return path
