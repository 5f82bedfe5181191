"""`stedi maintain`: runs the job `maintain` in this process and prints what it did to every table."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from stedi_assets.cli.options import examples, finish, format_option, lake_options, sentences, settings_of
from stedi_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

    from stedi_assets.assets import Declared
    from stedi_assets.cli.in_process import OnProgress


@click.command("maintain", epilog=examples("stedi maintain", "stedi maintain --format json"))
@lake_options
@format_option
def command(form: str, **flags: str | None) -> None:
    """Compacts files and expires snapshots. Deletes files that no snapshot names."""
    with sentences():
        settings = settings_of(flags, reads_only=True, there=True)

        from stedi_assets.assets import DECLARED
        from stedi_assets.cli.output import RunDisplay, console, print_rows
        from stedi_assets.orchestration.jobs import COUNTS, count_name

        with RunDisplay(console(stderr=True)).shown() as display:
            result = maintain(settings, display, DECLARED)
        if form == "json":
            click.echo(json.dumps(dataclasses.asdict(result)))
        else:
            columns = ("table", *map(count_name, COUNTS))
            rows = ((name, *(counts[count] for count in COUNTS)) for name, counts in result.tables.items())
            print_rows(columns, rows, form)
        finish(result.failures)


@dataclass(frozen=True)
class MaintenanceResult:
    """What maintenance did.

    Attributes:
        run_id: The Dagster run.
        tables: The counts of every table by name, see `orchestration.jobs.COUNTS`.
        failures: One sentence for every table where something failed.
        seconds: Work.
    """

    run_id: str
    tables: Mapping[str, Mapping[str, Any]]
    failures: Sequence[str]
    seconds: float


def maintain(settings: Settings, on_progress: "OnProgress", declared: "Declared") -> MaintenanceResult:
    """Maintains all tables in one run.

    Args:
        settings: Where the lake is.
        on_progress: Receives every step.
        declared: The tables.

    Raises:
        SettingError: The lake cannot be reached.
    """
    from stedi_assets.cli.in_process import QUIET, execute, opened_instance
    from stedi_assets.orchestration.build import build_defs
    from stedi_assets.orchestration.naming import MAINTAIN
    from stedi_assets.orchestration.resources import opened_lake
    from stedi_assets.tables import SYSTEM_TABLES

    job = build_defs(settings, declared, console=QUIET).resolve_job_def(MAINTAIN)
    with opened_instance(settings) as instance:
        with opened_lake(settings, declared.specs, instance) as lake:
            lake.check((), landing=False)
        execution = execute(instance, job, on_progress)
    counts = dict(_counts(execution.result))
    return MaintenanceResult(
        run_id=execution.result.run_id,
        tables={name: counts[name] for name in (*declared.specs, *SYSTEM_TABLES) if name in counts},
        failures=execution.failures,
        seconds=execution.seconds,
    )


def _counts(result: "dg.ExecuteInProcessResult") -> Iterator[tuple[str, dict[str, Any]]]:
    """The counts of every table, of those with failures too."""
    from stedi_assets.orchestration.jobs import COUNTS, count_name
    from stedi_assets.orchestration.naming import MAINTAIN

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
