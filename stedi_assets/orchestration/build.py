"""Builds the definitions; the code location, tests and the command line all build them here."""

import dagster as dg

from stedi_assets.assets import DECLARED, Declared
from stedi_assets.orchestration.jobs import SCHEDULES, build_jobs
from stedi_assets.orchestration.refreshing.factory import build_assets
from stedi_assets.orchestration.resources import Environment
from stedi_assets.orchestration.sensors import build_sensors
from stedi_assets.orchestration.sensors.freshness import build_freshness


def build_defs(environment: Environment, declared: Declared = DECLARED) -> dg.Definitions:
    """The definitions for an environment; does no I/O.

    Args:
        environment: Where the lake is and what works on it.
        declared: The tables.
    """
    naming = environment.naming(declared.specs)
    return dg.Definitions(
        assets=build_assets(naming, declared),
        asset_checks=[build_freshness(naming, environment.quiet_hours)],
        jobs=build_jobs(naming),
        sensors=build_sensors(naming, environment.sensor_seconds, environment.quiet_hours),
        schedules=SCHEDULES,
        resources=environment.resources(declared.specs),
        # One process: a process per asset would start the engine and its imports eight times.
        executor=dg.in_process_executor,
    )
