"""The sensor that requests a run for landing files that the ledger does not know.

It compares the landing root with the ledger at every tick, so it may be off, late or restarted without
missing or repeating a file. It requests a run of all tables, not of files: the run lists the files itself.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import dagster as dg

from stedi_assets.lake import Lake, storage_errors
from stedi_assets.lake.ingestion import Waiting, waiting_work
from stedi_assets.orchestration.naming import REFRESH, Naming
from stedi_assets.orchestration.run_lock import forget, is_abandoned
from stedi_assets.orchestration.sensors.requests import Memory, decide, judge

RUN_KEY_TAG = "dagster/run_key"
FILES_TAG = "stedi/landing_files"
"""The tag with the number of landing files that a run was requested for."""
AT_WORK = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
ENDED = {
    dg.DagsterRunStatus.SUCCESS: "success",
    dg.DagsterRunStatus.FAILURE: "failure",
    dg.DagsterRunStatus.CANCELED: "canceled",
}
ABANDONED = "The process of this run is gone; the next run finishes its work."


def build_landing_files(naming: Naming, seconds: int, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor.

    Args:
        naming: Names of the assets.
        seconds: Time from one tick to the next.
        status: Whether it is on from the start.
    """

    @dg.sensor(
        job_name=REFRESH,
        minimum_interval_seconds=seconds,
        default_status=status,
        description="Refreshes all tables when landing files are new, changed or gone, when a consent has "
        "come into effect, or when tables were made with another policy or code version.",
    )
    def landing_files(context: dg.SensorEvaluationContext, lake: Lake) -> dg.SensorResult | dg.SkipReason:
        instance = context.instance
        if working := end_abandoned(instance, runs_at_work(instance, naming.pool)):
            return dg.SkipReason(f"Run {working[0].run_id} is queued or in progress.")
        with storage_errors("The landing files"):
            waiting = _waiting(lake, naming)
        memory = Memory.load(context.cursor)
        memory = judge(memory, waiting, None if memory.judged else _ended(instance, memory.run_key))
        decision = decide(memory, waiting, time.time())
        memory = decision.memory
        if decision.wait:
            return dg.SensorResult(skip_reason=decision.wait, cursor=memory.dump())
        memory = next(
            attempt
            for number in count(1)
            if not _used(instance, (attempt := replace(memory, attempt=number)).run_key)
        )
        request = dg.RunRequest(
            run_key=memory.run_key,
            # Each by name, so that Dagster knows which tables the run refreshes while it is in progress.
            asset_selection=naming.keys,
            tags={FILES_TAG: str(decision.files)},
        )
        return dg.SensorResult(run_requests=[request], cursor=memory.dump())

    return landing_files


def _waiting(lake: Lake, naming: Naming) -> dict[str, Waiting]:
    """The work that waits for each table: landing files, a due consent, another policy or code version."""
    now = int(time.time() * 1000)
    return {
        f"{naming.database}.{spec.name}": waiting_work(lake, spec, now) for spec in naming.tables.values()
    }


def runs_at_work(instance: dg.DagsterInstance, pool: str) -> list[dg.DagsterRun]:
    """Runs of a pool that are queued or in progress.

    Args:
        instance: The Dagster instance.
        pool: The pool.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=AT_WORK))
    return [run for run in runs if (use := run.run_op_concurrency) and pool in (use.all_pools or ())]


def end_abandoned(instance: dg.DagsterInstance, runs: Sequence[dg.DagsterRun]) -> list[dg.DagsterRun]:
    """Reports runs as failed whose processes are gone; returns the other ones.

    Args:
        instance: The Dagster instance.
        runs: Runs that are in progress as far as Dagster knows.
    """
    gone = [run for run in runs if is_abandoned(instance, run.run_id)]
    for run in gone:
        instance.report_run_failed(run, ABANDONED)
        forget(instance, run.run_id)
    return [run for run in runs if run not in gone]


def _ended(instance: dg.DagsterInstance, run_key: str) -> str | None:
    runs = instance.get_runs(dg.RunsFilter(tags={RUN_KEY_TAG: run_key}), limit=1)
    return ENDED.get(runs[0].status) if runs else None


def _used(instance: dg.DagsterInstance, run_key: str) -> bool:
    # Dagster starts no second run for a run key, also after the lake was deleted and built again.
    return bool(instance.get_runs_count(dg.RunsFilter(tags={RUN_KEY_TAG: run_key})))
