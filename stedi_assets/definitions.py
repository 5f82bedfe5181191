"""The code location that Dagster loads: the definitions for the settings of this process."""

from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.webserver.unguarded import warn_if_unguarded
from stedi_assets.settings import Settings

defs = build_defs(Settings.from_process())
warn_if_unguarded()
