"""Maintaining the lake in this process: the job `maintain`, and what it did to every table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import dagster as dg

from stedi_assets.assets import TABLES
from stedi_assets.cli.in_process import failures, in_this_process
from stedi_assets.lake import Progress
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.jobs import COUNTS, count_name
from stedi_assets.orchestration.naming import MAINTAIN
from stedi_assets.orchestration.resources import Environment
from stedi_assets.tables import SYSTEM_TABLES


@dataclass(frozen=True)
class MaintenanceResult:
    """What maintenance did.

    Attributes:
        run_id: The Dagster run.
        tables: The counts of every table by name, see COUNTS.
        failures: One sentence for every table where something failed.
        seconds: Work.
    """

    run_id: str
    tables: Mapping[str, Mapping[str, Any]]
    failures: Sequence[str]
    seconds: float

    columns: ClassVar[Sequence[str]] = ("table", *map(count_name, COUNTS))

    def rows(self) -> Iterator[Sequence[Any]]:
        """The tables, under `columns`."""
        for name, counts in self.tables.items():
            yield (name, *(counts[column] for column in COUNTS))


def maintain(environment: Environment, on_progress: Callable[[Progress], None]) -> MaintenanceResult:
    """Maintains all tables in one run.

    Args:
        environment: Where the lake is.
        on_progress: Is told every step.

    Raises:
        SettingError: The lake cannot be reached.
    """
    environment.resources()["lake"].check((), landing=False)
    job = build_defs(environment).resolve_job_def(MAINTAIN)
    result, seconds = in_this_process(job, on_progress, {})
    done = dict(_tables(result))
    tables = {name: done[name] for name in (*TABLES, *SYSTEM_TABLES) if name in done}
    return MaintenanceResult(result.run_id, tables, failures(result), seconds)


def _tables(result: dg.ExecuteInProcessResult) -> Iterator[tuple[str, dict[str, Any]]]:
    for event in result.all_events:
        metadata: Mapping[str, Any] = {}
        if event.is_successful_output:
            metadata = event.step_output_data.metadata
        elif event.is_step_failure and event.step_failure_data.user_failure_data is not None:
            metadata = event.step_failure_data.user_failure_data.metadata
        if metadata and event.step_key is not None:
            counts = {name: metadata.get(count_name(name)) for name in COUNTS}
            values = {name: None if value is None else value.value for name, value in counts.items()}
            yield event.step_key.removeprefix(f"{MAINTAIN}_"), values
