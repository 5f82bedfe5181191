"""How the definitions are put together; tests and the command line build them for their own environment."""

import dagster as dg

from stedi_assets.assets import build_assets, build_freshness
from stedi_assets.orchestration.jobs import SCHEDULES, build_jobs
from stedi_assets.orchestration.resources import Environment
from stedi_assets.orchestration.sensors import build_sensors


def build_defs(environment: Environment) -> dg.Definitions:
    """The definitions for an environment; does no I/O.

    Args:
        environment: Where the lake is and what works on it.
    """
    return dg.Definitions(
        assets=build_assets(environment.naming),
        asset_checks=[build_freshness(environment.naming, environment.quiet_hours)],
        jobs=build_jobs(environment.naming),
        sensors=build_sensors(environment.naming, environment.sensor_seconds, environment.quiet_hours),
        schedules=SCHEDULES,
        resources=environment.resources(),
        # One process: a process per asset would start the engine and its imports eight times.
        executor=dg.in_process_executor,
    )
