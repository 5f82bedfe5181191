"""Sensors: landing files arrive or stop arriving, inputs of a table change, a run fails.

Here belongs what watches and requests. Sensors start no engine; the runs decide what there is to do.
"""

import dagster as dg

from stedi_assets.orchestration.naming import Naming
from stedi_assets.orchestration.sensors.failed_runs import build_failed_runs
from stedi_assets.orchestration.sensors.freshness import build_quiet_landing
from stedi_assets.orchestration.sensors.landing_files import build_landing_files

__all__ = ["build_sensors"]

USUAL_SECONDS = 30
"""Interval of sensors that are off from the start, once they are switched on."""


def build_sensors(naming: Naming, seconds: int, quiet_hours: float) -> list[dg.SensorDefinition]:
    """All sensors; does no I/O.

    Args:
        naming: Names of the assets.
        seconds: Time from one tick to the next; 0 for sensors that are off until they are switched on.
        quiet_hours: Hours that a table of the landing zone may be without new rows.
    """
    status = dg.DefaultSensorStatus.RUNNING if seconds else dg.DefaultSensorStatus.STOPPED
    every = seconds or USUAL_SECONDS
    return [
        build_landing_files(naming, every, status),
        dg.AutomationConditionSensorDefinition(
            "derived_tables",
            target=dg.AssetSelection.assets(*naming.keys),
            minimum_interval_seconds=every,
            default_status=status,
            description="Refreshes what is downstream of a table that got other rows in a run of its own.",
        ),
        build_quiet_landing(naming, quiet_hours, status),
        build_failed_runs(status),
    ]
