"""The home of the Dagster instance: with our settings, for its owner alone, the history of one lake."""

import os
import shutil
from pathlib import Path

import dagster as dg

from stedi_assets.errors import SettingError
from stedi_assets.settings import OURS, dagster_home

INSTANCE_SETTINGS = Path(__file__).with_name("dagster.yaml")
OWNER_ONLY = 0o700
LAKE = "stedi/lake"
"""Key of the instance's own store under which the first run notes its lake."""


def prepare_home(home: Path | None = None) -> Path:
    """Makes the home of the Dagster instance with our settings, unless it has settings already.

    A home of ours that other accounts may enter is closed to them. A home whose settings are not ours keeps
    its mode.

    Args:
        home: The home; None for that of this process.

    Raises:
        SettingError: The folder cannot be made.
    """
    home = home or dagster_home()
    try:
        home.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(
            f"The Dagster home {home} cannot be made ({error.strerror}): set DAGSTER_HOME to your own."
        ) from None
    os.environ["DAGSTER_HOME"] = str(home)  # its settings name it
    settings = home / INSTANCE_SETTINGS.name
    if not settings.exists():
        shutil.copy(INSTANCE_SETTINGS, home)
    if home.stat().st_mode & ~OWNER_ONLY & 0o777 and OURS in settings.read_text():
        home.chmod(OWNER_ONLY)
    return home


def claim(instance: dg.DagsterInstance, lake: str) -> None:
    """Notes the lake that an instance has the history of: two lakes would mix up their assets and checks.

    Args:
        instance: The Dagster instance.
        lake: URI of the lake.

    Raises:
        SettingError: The instance has the history of another lake.
    """
    noted = instance.run_storage.get_cursor_values({LAKE}).get(LAKE)
    if noted is None:
        instance.run_storage.set_cursor_values({LAKE: lake})
    elif noted != lake:
        raise SettingError(
            f"This Dagster home has the history of the lake {noted}, not of {lake}: leave DAGSTER_HOME "
            "out, or set it to a folder of its own."
        )
