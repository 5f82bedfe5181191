"""Running the graph in this process."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import dagster as dg

from stedi_assets.assets import TABLES
from stedi_assets.cli.in_process import failures, in_this_process
from stedi_assets.errors import SettingError
from stedi_assets.lake import Progress, Range, storage_errors
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.naming import AUDIT, REFRESH
from stedi_assets.orchestration.refreshing.check_results import BROKEN, CHECKED
from stedi_assets.orchestration.refreshing.metadata import ROWS_REMOVED
from stedi_assets.orchestration.resources import Environment
from stedi_assets.transforms.consent import Policy


@dataclass(frozen=True)
class TableResult:
    """What a run did to a table."""

    rows: int
    snapshot_id: int
    changed: bool
    what_changed: str
    seconds: float
    audit_seconds: float


@dataclass(frozen=True)
class RunResult:
    """What a run did.

    Attributes:
        run_id: The Dagster run.
        tables: Tables that are now up to date.
        checks: Outcome, severity and counts of every rule, by `table.rule`.
        removed: Rows of people who withdrew that were removed before anything else, by table.
        failures: One sentence for every table that failed.
        seconds: Work, from the first plan to the last publish.
    """

    run_id: str
    tables: Mapping[str, TableResult]
    checks: Mapping[str, Mapping[str, Any]]
    removed: Mapping[str, int]
    failures: Sequence[str]
    seconds: float


def refresh(
    environment: Environment,
    select: str | None,
    full: bool,
    as_of: int | None,
    on_progress: Callable[[Progress], None],
    rekey: bool = False,
    days: str | None = None,
    retry: bool = False,
) -> RunResult:
    """Refreshes tables in one run.

    Args:
        environment: Where the lake is.
        select: Names of tables separated by commas, or a Dagster asset selection; None for all.
        full: Make all days anew.
        as_of: Instant at which consent is judged, epoch ms; None for the start of the run.
        on_progress: Is told every step.
        rekey: Replace the pseudonym key of tables that were made with another one.
        days: Days to make anew in any case, as `A..B`.
        retry: Read landing files with quarantined lines again.

    Raises:
        SettingError: Days are no days, nothing is selected, or the landing root, the lake or the catalog
            cannot be reached.
    """
    if days is not None:
        Range.parse(days)
    definitions = build_defs(environment)
    selection = _selected(definitions, environment, select)
    tables = [*TABLES] if selection is None else [key.path[-1] for key in selection]
    environment.resources()["lake"].check(tables, landing=not rekey)
    job = definitions.resolve_job_def(REFRESH)
    config = {"full": full, "as_of": as_of, "rekey": rekey, "days": days, "retry": retry}
    # Named one by one, so that automation knows which tables the run refreshes.
    keys = [environment.naming().key(name) for name in tables]
    return _executed(job, on_progress, config, keys)


def selected_tables(environment: Environment, select: str | None) -> list[str]:
    """Names of the tables that are selected.

    Args:
        environment: Where the lake is.
        select: See `refresh`.

    Raises:
        SettingError: Nothing is selected.
    """
    selection = None if select is None else _selected(build_defs(environment), environment, select)
    return [*TABLES] if selection is None else [key.path[-1] for key in selection]


def check(
    environment: Environment, tables: Sequence[str], on_progress: Callable[[Progress], None]
) -> RunResult:
    """Audits published tables in one run; writes nothing.

    Args:
        environment: Where the lake is.
        tables: Names of the tables; all if there is none.
        on_progress: Is told every step.

    Raises:
        SettingError: A table is unknown, or the lake cannot be reached.
    """
    if unknown := [name for name in tables if name not in TABLES]:
        raise SettingError(f"There is no table {unknown[0]}: the tables are {', '.join(TABLES)}.")
    environment.resources()["lake"].check((), landing=False)
    job = build_defs(environment).resolve_job_def(AUDIT)
    if tables:
        keys = {environment.naming().key(name) for name in tables}
        wanted = {key for key in job.asset_layer.asset_graph.asset_check_keys if key.asset_key in keys}
        job = job.get_subset(asset_check_selection=wanted)
    return _executed(job, on_progress, {})


def rekey(environment: Environment, on_progress: Callable[[Progress], None]) -> list[RunResult]:
    """Replaces the pseudonym key: makes the pseudonymised tables of every policy anew with another key.

    The other key is the one that was given; where it is kept beside the lake, a new one is made, which
    takes the place of the former only once all tables are made with it. Doing it again finishes what was
    interrupted. Splits of people stay as they are.

    Args:
        environment: Where the lake is.
        on_progress: Is told every step.

    Raises:
        SettingError: No pseudonymised table was published yet, or the lake cannot be reached.
    """
    draft = f"{environment.key_file}.new"
    if not environment.key_given:
        environment = replace(environment, key_file=draft)
    results = []
    for policy in get_args(Policy):
        placed = replace(environment, policy=policy)
        if tables := _pseudonymised(placed):
            # Consent is not judged anew, so its instant stays.
            as_of = min(tables.values())
            results.append(refresh(placed, ",".join(tables), False, as_of, on_progress, rekey=True))
    if not results:
        raise SettingError(
            f"No table of {environment.lake} was made with a pseudonym key yet: run `stedi run`."
        )
    if not environment.key_given and not any(result.failures for result in results):
        os.replace(draft, draft.removesuffix(".new"))
    return results


def _executed(
    job: dg.JobDefinition,
    on_progress: Callable[[Progress], None],
    config: Mapping[str, Any],
    selection: list[dg.AssetKey] | None = None,
) -> RunResult:
    resources = {"refresh": {"config": dict(config)}}
    result, seconds = in_this_process(job, on_progress, resources, selection)
    return RunResult(
        run_id=result.run_id,
        tables=_tables(result),
        checks=_checks(result),
        removed=_removed(result),
        failures=failures(result),
        seconds=seconds,
    )


def _pseudonymised(environment: Environment) -> dict[str, int]:
    """The published tables that know people by pseudonym, and the instant they are as of."""
    with dg.build_resources(environment.resources()) as resources, storage_errors("The lake"):
        handles = {name: resources.lake.pinned(name) for name, spec in TABLES.specs.items() if spec.subjects}
        return {
            name: handle.record.as_of for name, handle in handles.items() if handle.exists and handle.record
        }


def _selected(
    definitions: dg.Definitions, environment: Environment, select: str | None
) -> list[dg.AssetKey] | None:
    if select is None:
        return None
    names = [name.strip() for name in select.split(",")]
    if all(name in TABLES for name in names):
        return [environment.naming().key(name) for name in names]
    try:
        keys = dg.AssetSelection.from_string(select).resolve(definitions.resolve_asset_graph())
    except dg.DagsterError:
        keys = set()
    if not keys:
        raise SettingError(f"--select {select} selects no table: the tables are {', '.join(TABLES)}.")
    return sorted(keys)


def _materializations(
    result: dg.ExecuteInProcessResult,
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        metadata = {name: value.value for name, value in materialization.metadata.items()}
        yield materialization.asset_key.path[-1], metadata


def _tables(result: dg.ExecuteInProcessResult) -> dict[str, TableResult]:
    tables: dict[str, TableResult] = {}
    for name, values in _materializations(result):
        if ROWS_REMOVED in values:
            continue
        earlier = tables.get(name)
        tables[name] = TableResult(
            rows=values["dagster/row_count"],
            snapshot_id=int(values["snapshot id"]),
            changed=values["changed"] or (earlier is not None and earlier.changed),
            what_changed=f"{earlier.what_changed}; {values['what changed']}"
            if earlier
            else values["what changed"],
            seconds=values["seconds"],
            audit_seconds=values["audit seconds"] + (earlier.audit_seconds if earlier else 0.0),
        )
    return {name: tables[name] for name in TABLES if name in tables}


def _removed(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    return {
        name: values[ROWS_REMOVED] for name, values in _materializations(result) if ROWS_REMOVED in values
    }


def _checks(result: dg.ExecuteInProcessResult) -> dict[str, Mapping[str, Any]]:
    return {
        f"{check.asset_key.path[-1]}.{check.check_name}": {
            "passed": check.passed,
            "severity": check.severity.value,
            "checked": check.metadata[CHECKED].value,
            "broken": check.metadata[BROKEN].value,
        }
        for check in result.get_asset_check_evaluations()
        if CHECKED in check.metadata  # it is a rule
    }
