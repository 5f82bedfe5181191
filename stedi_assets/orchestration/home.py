"""The home of the Dagster instance: made with our settings, and for its owner alone."""

import os
import shutil
from pathlib import Path

from stedi_assets.settings import dagster_home

INSTANCE_SETTINGS = Path(__file__).with_name("dagster.yaml")
OWNER_ONLY = 0o700
OURS = "stedi_assets."
"""What the settings of a home of ours name: modules and loggers of this package."""


def prepare_home() -> Path:
    """Makes the home of the Dagster instance with our settings, unless it has settings already.

    A home of ours that other accounts may enter is closed to them. A home whose settings are not ours keeps
    its mode.
    """
    home = dagster_home()
    home.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(home)  # its settings name it
    settings = home / INSTANCE_SETTINGS.name
    if not settings.exists():
        shutil.copy(INSTANCE_SETTINGS, home)
    if home.stat().st_mode & ~OWNER_ONLY & 0o777 and OURS in settings.read_text():
        home.chmod(OWNER_ONLY)
    return home
