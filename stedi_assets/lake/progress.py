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


def report(table: str, step: str, rows: int | None = None) -> None:
    """Logs a step of a table."""
    step = inert(step)  # it may name a file
    text = f"{table}: {step}" + ("" if rows is None else f", {rows:,} rows")
    logging.getLogger(PROGRESS_LOGGER).info(text, extra={"progress": Progress(table, step, rows)})
