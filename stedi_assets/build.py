"""How the definitions are put together; tests and the command line build them for their own environment."""

import dagster as dg

from stedi_assets.assets import build_assets
from stedi_assets.environment import Environment
from stedi_assets.jobs import JOBS, SCHEDULES


def build_defs(environment: Environment) -> dg.Definitions:
    """The definitions for an environment; does no I/O.

    Args:
        environment: Where the lake is and what works on it.
    """
    return dg.Definitions(
        assets=build_assets(environment.naming),
        jobs=JOBS,
        schedules=SCHEDULES,
        resources=environment.resources(),
        # One process: a process per asset would start the engine and its imports eight times.
        executor=dg.in_process_executor,
    )
