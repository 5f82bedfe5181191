"""STEDI_* settings: the only reader of the process environment, and where everything is decided.

Settings become resources here; no other code knows where it runs.
"""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from stedi_assets.assets.factory import Naming, Refresh
from stedi_assets.engines.sail import SailResource
from stedi_assets.engines.spark import SparkResource
from stedi_assets.errors import SettingError
from stedi_assets.lake import Lake, LakeIOManager, PseudonymKey
from stedi_assets.tables import STRICT_DATABASE
from stedi_assets.transforms.consent import Policy

DEFAULTS = {
    "STEDI_LANDING": "data",
    "STEDI_LAKE": ".stedi/lake",
    "STEDI_CATALOG": "",
    "STEDI_ENGINE": "sail",
    "STEDI_POLICY": "strict",
    "STEDI_PSEUDONYM_KEY": "",
    "STEDI_MEMORY_MB": "2048",
}
DATABASES = {"strict": STRICT_DATABASE, "reference": f"{STRICT_DATABASE}_reference"}
ENGINES = re.compile(r"sail|local(\[(\d+|\*)\])?|(spark|sc)://\S+")
SMALLEST_POOL_MB = 256


@dataclass(frozen=True)
class Environment:
    """Where the lake is and what works on it. See docs/settings.md for the settings.

    Attributes:
        landing: URI of the landing root.
        lake: URI of the lake.
        catalog: URI of the Iceberg catalog.
        engine: `sail`, `local[N]`, `spark://…` or `sc://…`.
        policy: Consent policy.
        memory_mb: Bound of the embedded engine's memory pool, MiB.
        key_given: Whether STEDI_PSEUDONYM_KEY holds the pseudonym key; else it is kept beside the lake.
    """

    landing: str
    lake: str
    catalog: str
    engine: str
    policy: Policy
    memory_mb: int
    key_given: bool

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> "Environment":
        """Reads settings, all of them named STEDI_*; what is not given has the documented default.

        Raises:
            SettingError: A setting is unknown, malformed or contradicts another one.
        """
        for name in settings:
            if name not in DEFAULTS:
                raise SettingError(f"{name} is not a setting{_did_you_mean(name)}")
        given = {name: value for name, value in settings.items() if value}
        chosen = DEFAULTS | given
        landing = _folder("STEDI_LANDING", chosen["STEDI_LANDING"])
        lake = _folder("STEDI_LAKE", chosen["STEDI_LAKE"])
        if _within(lake, landing) or _within(landing, lake):
            raise SettingError(
                "STEDI_LAKE and STEDI_LANDING lie one in the other: give the lake a folder of its own."
            )
        return cls(
            landing=landing,
            lake=lake,
            catalog=_catalog(chosen["STEDI_CATALOG"], lake),
            engine=_engine(chosen["STEDI_ENGINE"], "STEDI_MEMORY_MB" in given),
            policy=_policy(chosen["STEDI_POLICY"]),
            memory_mb=_memory(chosen["STEDI_MEMORY_MB"]),
            key_given="STEDI_PSEUDONYM_KEY" in given,
        )

    @classmethod
    def from_process(cls, overrides: Mapping[str, str | None] | None = None) -> "Environment":
        """Reads the settings of this process.

        Args:
            overrides: Settings that were given as flags, by name; None for one that was not.
        """
        settings = {name: value for name, value in os.environ.items() if name.startswith("STEDI_")}
        flags = {name: value for name, value in (overrides or {}).items() if value is not None}
        return cls.from_settings(settings | flags)

    @property
    def database(self) -> str:
        """Database of the catalog: the reference policy has one of its own, not to be mistaken."""
        return DATABASES[self.policy]

    @property
    def naming(self) -> Naming:
        """What assets are called."""
        prefix = () if self.policy == "strict" else (self.database,)
        return Naming(self.lake, self.database, prefix)

    def engine_resource(self) -> LazyPySparkResource:
        """The engine."""
        if self.engine == "sail":
            return SailResource(memory_mb=self.memory_mb)
        return SparkResource(master=self.engine)

    def resources(self) -> dict[str, Any]:
        """All resources of the asset graph."""
        engine = self.engine_resource()
        lake = Lake(
            landing=self.landing,
            uri=self.lake,
            catalog_uri=self.catalog,
            database=self.database,
            policy=self.policy,
            pyspark=engine,
            key=PseudonymKey(
                given=dg.EnvVar("STEDI_PSEUDONYM_KEY") if self.key_given else "",
                file=f"{self.lake.removeprefix('file://')}.pseudonym-key",
            ),
        )
        return {
            "pyspark": engine,
            "lake": lake,
            "io_manager": LakeIOManager(lake=lake),
            "refresh": Refresh.configure_at_launch(),
        }


def dagster_home() -> Path:
    """The home of the Dagster instance: DAGSTER_HOME, or .stedi/dagster in the current folder."""
    return Path(os.environ.get("DAGSTER_HOME") or ".stedi/dagster").absolute()


def _folder(name: str, value: str) -> str:
    if value.startswith("file://"):
        value = value.removeprefix("file://")
    elif "://" in value:
        raise SettingError(f"{name} is {value}, but only folders of this machine are supported: give a path.")
    return f"file://{os.path.abspath(os.path.expanduser(value))}"


def _within(inner: str, outer: str) -> bool:
    return f"{inner}/".startswith(f"{outer}/")


def _catalog(value: str, lake: str) -> str:
    if not value:
        return f"sqlite:///{lake.removeprefix('file://')}/catalog.db"
    if not value.startswith("sqlite:///"):
        raise SettingError(
            f"STEDI_CATALOG is {value.split(':')[0]}:…, but must be sqlite:/// and the path of a file."
        )
    return f"sqlite:///{os.path.abspath(value.removeprefix('sqlite:///'))}"


def _engine(value: str, memory_given: bool) -> str:
    if not ENGINES.fullmatch(value):
        raise SettingError(
            f"STEDI_ENGINE is {value}, but must be sail, local[N], spark://host:port or sc://host:port."
        )
    if memory_given and value != "sail":
        raise SettingError(
            f"STEDI_MEMORY_MB bounds the embedded engine, but STEDI_ENGINE is {value}: leave one of them out."
        )
    return value


def _policy(value: str) -> Policy:
    for policy in get_args(Policy):
        if value == policy:
            return policy  # type: ignore[no-any-return]
    raise SettingError(f"STEDI_POLICY is {value}, but must be strict or reference.")


def _memory(value: str) -> int:
    if not value.isdecimal() or int(value) < SMALLEST_POOL_MB:
        raise SettingError(
            f"STEDI_MEMORY_MB is {value}, but must be a whole number of MiB, {SMALLEST_POOL_MB} or more."
        )
    return int(value)


def _did_you_mean(name: str) -> str:
    short = {setting.removeprefix("STEDI_"): setting for setting in DEFAULTS}
    close = difflib.get_close_matches(name.removeprefix("STEDI_"), short, n=1)
    return f": did you mean {short[close[0]]}?" if close else f": the settings are {', '.join(DEFAULTS)}."
