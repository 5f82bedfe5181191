"""Builds the definitions; the code location, tests and the command line all build them here."""

import dagster as dg

from stedi_assets.assets import DECLARED, Declared
from stedi_assets.orchestration.jobs import SCHEDULES, build_jobs
from stedi_assets.orchestration.refreshing.factory import build_assets
from stedi_assets.orchestration.resources import build_naming, build_resources
from stedi_assets.orchestration.sensors import build_sensors
from stedi_assets.orchestration.sensors.freshness import build_freshness
from stedi_assets.settings import Settings


def build_defs(
    settings: Settings, declared: Declared = DECLARED, *, console: str | None = None
) -> dg.Definitions:
    """The definitions for some settings; does no I/O.

    Args:
        settings: Where the lake is and what works on it.
        declared: The tables.
        console: The least level of a message that runs print; None for Dagster's.
    """
    naming = build_naming(settings, declared.specs)
    return dg.Definitions(
        assets=build_assets(naming, declared),
        asset_checks=[build_freshness(naming, settings.quiet_hours)],
        jobs=build_jobs(naming, settings, declared, console),
        sensors=build_sensors(naming, settings.sensor_seconds, settings.quiet_hours),
        schedules=SCHEDULES,
        resources=build_resources(settings, declared.specs),
        # One process: a process per asset would start the engine and its imports eight times.
        executor=dg.in_process_executor,
    )
