"""Pruning: old runs and their events leave the Dagster home, so that it lasts for years.

The run with the latest materialization of a table stays, and so does the one with the latest result of a
check: the pages of the tables say the same as before.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from sqlalchemy import func, select

from stedi_assets.settings import DAY_SECONDS

TOGETHER = 500
"""Runs whose check results are deleted by one statement."""


@dataclass(frozen=True)
class Pruned:
    """What left a Dagster home.

    Attributes:
        runs: Runs that were deleted.
        before: Bytes of its SQLite files before.
        after: Bytes after.
    """

    runs: int
    before: int
    after: int


def prune(instance: dg.DagsterInstance, keep_days: int, now: float) -> Pruned:
    """Deletes runs that ended, with their events.

    Args:
        instance: The Dagster instance.
        keep_days: Days for which a run stays after it was created.
        now: The time, epoch seconds.
    """
    created_before = datetime.fromtimestamp(now - keep_days * DAY_SECONDS, timezone.utc)
    old = instance.get_run_ids(dg.RunsFilter(statuses=FINISHED_STATUSES, created_before=created_before))
    kept = _latest_runs(instance)
    doomed = [run_id for run_id in old if run_id not in kept]
    files = [*Path(instance.root_directory).rglob("*.db*")]
    before = _bytes(files)
    for run_id in doomed:
        instance.delete_run(run_id)
    _delete_check_results(instance, doomed)
    if doomed:
        for file in files:
            _shrink(file)
    return Pruned(runs=len(doomed), before=before, after=_bytes(files))


def _latest_runs(instance: dg.DagsterInstance) -> set[str]:
    """The runs that the pages of tables and checks show."""
    records = instance.get_asset_records()
    latest = {
        record.asset_entry.last_materialization_record.run_id
        for record in records
        if record.asset_entry.last_materialization_record is not None
    }
    log, checks = instance.event_log_storage, AssetCheckExecutionsTable.c
    if isinstance(log, SqlEventLogStorage):
        newest = select(func.max(checks.id)).group_by(checks.asset_key, checks.check_name)
        with log.index_connection() as connection:
            latest.update(connection.scalars(select(checks.run_id).where(checks.id.in_(newest))))
    return latest


def _delete_check_results(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Deletes what Dagster leaves when it deletes a run."""
    log, checks = instance.event_log_storage, AssetCheckExecutionsTable
    if not isinstance(log, SqlEventLogStorage):
        return
    for start in range(0, len(run_ids), TOGETHER):
        with log.index_connection() as connection:
            together = run_ids[start : start + TOGETHER]
            connection.execute(checks.delete().where(checks.c.run_id.in_(together)))


def _shrink(file: Path) -> None:
    """Gives the free pages of a SQLite file back, unless another process is at work on it."""
    if file.suffix != ".db":
        return
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(file)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _bytes(files: Sequence[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.exists())
