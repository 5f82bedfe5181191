"""What happens by itself when files arrive or stop arriving, inputs of a table change, or a run fails.

Sensors look and request; what is to be done is decided by the runs. None of them starts the engine.
"""

import dagster as dg

from stedi_assets.orchestration.naming import Naming
from stedi_assets.orchestration.sensors.failed_runs import build_failed_runs
from stedi_assets.orchestration.sensors.landing_files import build_landing_files
from stedi_assets.orchestration.sensors.quiet_landing import build_quiet_landing

__all__ = ["build_sensors"]

USUAL_SECONDS = 30
"""How often sensors look that are off until somebody switches them on."""


def build_sensors(naming: Naming, seconds: int, quiet_hours: float) -> list[dg.SensorDefinition]:
    """All sensors; does no I/O.

    Args:
        naming: What assets are called.
        seconds: From one look to the next; 0 for sensors that are off until somebody switches them on.
        quiet_hours: How long a table of the landing zone may get no rows.
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
            description="Refreshes what depends on a table that got other rows in a run of its own.",
        ),
        build_quiet_landing(naming, quiet_hours, status),
        build_failed_runs(status),
    ]
