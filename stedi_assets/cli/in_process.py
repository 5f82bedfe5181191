"""Executing a job in this process, recorded in the Dagster instance that the UI shows."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from stedi_assets.lake import PROGRESS_LOGGER, Progress
from stedi_assets.orchestration.failures import failure_sentences
from stedi_assets.orchestration.resources import dagster_home

INSTANCE_SETTINGS = Path(__file__).parents[1] / "orchestration" / "dagster.yaml"


def prepare_home() -> Path:
    """Makes the home of the Dagster instance with our settings, unless it has settings already."""
    home = dagster_home()
    home.mkdir(parents=True, exist_ok=True)
    if not (home / INSTANCE_SETTINGS.name).exists():
        shutil.copy(INSTANCE_SETTINGS, home)
    return home


def in_this_process(
    job: dg.JobDefinition,
    on_progress: Callable[[Progress], None],
    resources: Mapping[str, Any],
    selection: list[dg.AssetKey] | None = None,
) -> tuple[dg.ExecuteInProcessResult, float]:
    """Runs a job in this process, known to the Dagster instance.

    Args:
        job: The job.
        on_progress: Is told every step.
        resources: Config of its resources.
        selection: The assets; None for all.

    Returns:
        The result, and seconds from the first progress to the last.
    """
    with dg.DagsterInstance.from_config(str(prepare_home())) as instance, _progress(on_progress) as clock:
        result = job.execute_in_process(
            instance=instance,
            asset_selection=selection,
            raise_on_error=False,
            run_config={
                "resources": dict(resources),
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )
    return result, clock.seconds


def failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """One sentence for every step of a run that failed."""
    return [] if result.success else failure_sentences(result.all_events, result.run_id)


class _Clock:
    """Seconds between the first and the last progress."""

    first: float | None = None
    last: float = 0.0

    def tick(self) -> None:
        self.last = time.monotonic()
        self.first = self.last if self.first is None else self.first

    @property
    def seconds(self) -> float:
        return 0.0 if self.first is None else round(self.last - self.first, 3)


@contextmanager
def _progress(listener: Callable[[Progress], None]) -> Iterator[_Clock]:
    clock = _Clock()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            clock.tick()
            listener(record.progress)  # type: ignore[attr-defined]

    logger = logging.getLogger(PROGRESS_LOGGER)
    handler = Handler()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield clock
    finally:
        logger.removeHandler(handler)
