"""The sensor that keeps the checks `landing_is_quiet` up to date, without a run."""

import json
import time

import dagster as dg

from stedi_assets.lake import Lake
from stedi_assets.orchestration.naming import Naming
from stedi_assets.orchestration.sensors.freshness import Freshness, freshness_keys, freshness_of

LOOK_SECONDS = 60
TOLD_SECONDS = 3_600
"""How often Dagster is reported of a table about which nothing has changed."""


def build_quiet_landing(naming: Naming, hours: float, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor.

    Args:
        naming: What assets are called.
        hours: How long a table may get no rows.
        status: Whether it is on from the start.
    """
    keys = freshness_keys(naming)

    @dg.sensor(
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=status,
        description="Turns the checks `landing_is_quiet` amber when files stop arriving, and green again.",
    )
    def quiet_landing(context: dg.SensorEvaluationContext, lake: Lake) -> dg.SensorResult:
        now = time.time()
        reported: dict[str, list[float]] = json.loads(context.cursor or "{}")
        found = [freshness_of(lake, spec, hours, now) for spec in naming.tables.landing]
        # A table that was never published has no page that the check could be shown on.
        fresh = [one for one in found if one.arrived is not None and _is_news(one, reported, now)]
        reported |= {one.spec.name: [one.passed, one.arrived or 0, now] for one in fresh}
        return dg.SensorResult(
            asset_events=[_evaluation(one, keys[one.spec.name]) for one in fresh],
            skip_reason=None if fresh else "Nothing has changed.",
            cursor=json.dumps(reported),
        )

    return quiet_landing


def _is_news(found: Freshness, reported: dict[str, list[float]], now: float) -> bool:
    before = reported.get(found.spec.name)
    return not before or before[:2] != [found.passed, found.arrived] or now - before[2] >= TOLD_SECONDS


def _evaluation(found: Freshness, key: dg.AssetCheckKey) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=found.passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=found.metadata,
    )
