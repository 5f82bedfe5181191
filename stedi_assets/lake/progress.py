"""The progress of a run, as log records that a display can follow. Counts only."""

import logging
from dataclasses import dataclass

from stedi_assets.errors import inert

PROGRESS_LOGGER = "stedi_assets.progress"


@dataclass(frozen=True)
class Progress:
    """One step of one table: the attribute `progress` of a record of PROGRESS_LOGGER."""

    table: str
    step: str
    rows: int | None = None


_last: dict[str, str] = {}


def last_step(table: str) -> str:
    """The step of a table that was reported last in this process."""
    return _last.get(table, "starting")


def report(table: str, step: str, rows: int | None = None) -> None:
    """Logs a step of a table."""
    step = inert(step)  # it may name a file
    _last[table] = step
    text = f"{table}: {step}" + ("" if rows is None else f", {rows:,} rows")
    logging.getLogger(PROGRESS_LOGGER).info(text, extra={"progress": Progress(table, step, rows)})
