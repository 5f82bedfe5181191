"""The checks `rows_arrive`, and the sensor that keeps them up to date without a run.

The check of a landing table warns when no new rows have arrived for a while. It goes by the arrival of files
with rows, not by materializations: a run that finds nothing new materializes the table, too.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dagster as dg

from stedi_assets.errors import StediError
from stedi_assets.lake import Lake, storage_errors
from stedi_assets.lake.ingestion import last_arrival
from stedi_assets.orchestration.naming import Naming
from stedi_assets.tables import TableSpec

ROWS_ARRIVE = "rows_arrive"
DESCRIPTION = """New rows arrived within the last {hours:g} hours (`STEDI_QUIET_HOURS`).

If it fails, it only warns: the source of the landing files may have stopped. It blocks nothing."""
TICK_SECONDS = 60
REPEAT_SECONDS = 3_600
"""Time after which the sensor reports a table again although nothing has changed."""


@dataclass(frozen=True)
class Freshness:
    """Whether a table of the landing zone has new rows.

    Attributes:
        spec: The table.
        arrived: Arrival of its last new rows, epoch ms; None if there were none.
        passed: Whether that is recent enough.
        hours: The longest time without new rows.
    """

    spec: TableSpec
    arrived: int | None
    passed: bool
    hours: float

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the check."""
        last = "never" if self.arrived is None else dg.MetadataValue.timestamp(self.arrived / 1000)
        return {"last new rows": last, "hours until quiet": self.hours}


def build_freshness(naming: Naming, hours: float) -> dg.AssetChecksDefinition:
    """The checks of all tables of the landing zone.

    Args:
        naming: Names of the assets.
        hours: The longest time that a table may be without new rows.
    """
    keys = freshness_keys(naming)

    @dg.multi_asset_check(
        name="__".join([*naming.prefix, ROWS_ARRIVE]),
        specs=[
            dg.AssetCheckSpec(key.name, asset=key.asset_key, description=DESCRIPTION.format(hours=hours))
            for key in keys.values()
        ],
        can_subset=True,
    )
    def rows_arrive(context: dg.AssetCheckExecutionContext, lake: Lake) -> Iterator[dg.AssetCheckResult]:
        for spec in naming.tables.landing:
            if keys[spec.name] in context.selected_asset_check_keys:
                try:
                    freshness = freshness_of(lake, spec, hours, time.time())
                except StediError as error:
                    raise dg.Failure(str(error), allow_retries=False) from None
                yield dg.AssetCheckResult(
                    asset_key=keys[spec.name].asset_key,
                    check_name=ROWS_ARRIVE,
                    passed=freshness.passed,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata=freshness.metadata,
                )

    return rows_arrive


def build_quiet_landing(naming: Naming, hours: float, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor that evaluates the checks.

    Args:
        naming: Names of the assets.
        hours: The longest time that a table may be without new rows.
        status: Whether it is on from the start.
    """
    keys = freshness_keys(naming)

    @dg.sensor(
        minimum_interval_seconds=TICK_SECONDS,
        default_status=status,
        description="Evaluates the checks `rows_arrive`: they warn when files stop arriving.",
    )
    def quiet_landing(context: dg.SensorEvaluationContext, lake: Lake) -> dg.SensorResult:
        now = time.time()
        reported: dict[str, list[float]] = json.loads(context.cursor or "{}")
        found = [freshness_of(lake, spec, hours, now) for spec in naming.tables.landing]
        # A table that was never published has no page that could show the check.
        news = [
            freshness
            for freshness in found
            if freshness.arrived is not None and _is_news(freshness, reported, now)
        ]
        reported |= {
            freshness.spec.name: [freshness.passed, freshness.arrived or 0, now] for freshness in news
        }
        return dg.SensorResult(
            asset_events=[_evaluation(freshness, keys[freshness.spec.name]) for freshness in news],
            skip_reason=None if news else "Nothing has changed.",
            cursor=json.dumps(reported),
        )

    return quiet_landing


def freshness_of(lake: Lake, spec: TableSpec, hours: float, now: float) -> Freshness:
    """The freshness of a table of the landing zone.

    Args:
        lake: The lake.
        spec: The table.
        hours: The longest time that it may be without new rows.
        now: The time, epoch seconds.

    Raises:
        SettingError: The lake or the catalog cannot be reached.
        LakeError: The storage failed.
    """
    with storage_errors(spec.name):
        arrived = last_arrival(lake, spec, int(now * 1000))
    passed = arrived is not None and now - arrived / 1000 <= timedelta(hours=hours).total_seconds()
    return Freshness(spec=spec, arrived=arrived, passed=passed, hours=hours)


def freshness_keys(naming: Naming) -> dict[str, dg.AssetCheckKey]:
    """The keys of the checks, by table."""
    return {spec.name: dg.AssetCheckKey(naming.key(spec.name), ROWS_ARRIVE) for spec in naming.tables.landing}


def _is_news(freshness: Freshness, reported: dict[str, list[float]], now: float) -> bool:
    before = reported.get(freshness.spec.name)
    return (
        not before or before[:2] != [freshness.passed, freshness.arrived] or now - before[2] >= REPEAT_SECONDS
    )


def _evaluation(freshness: Freshness, key: dg.AssetCheckKey) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=freshness.passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=freshness.metadata,
    )
