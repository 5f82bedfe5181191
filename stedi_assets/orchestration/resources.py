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

from stedi_assets.assets import TABLES
from stedi_assets.engines.sail import SailResource
from stedi_assets.engines.spark import SparkResource
from stedi_assets.errors import SettingError
from stedi_assets.lake import LONGEST_LINE, Lake, LakeIOManager, PseudonymKey
from stedi_assets.locations import S3, catalog, place, within
from stedi_assets.orchestration.failures import Webhook
from stedi_assets.orchestration.naming import Naming
from stedi_assets.orchestration.refreshing.run_options import Refresh
from stedi_assets.tables import STRICT_DATABASE, Tables, Zone
from stedi_assets.transforms.consent import Policy

DEFAULTS = {
    "STEDI_LANDING": "data",
    "STEDI_LAKE": ".stedi/lake",
    "STEDI_CATALOG": "",
    "STEDI_ENGINE": "sail",
    "STEDI_POLICY": "strict",
    "STEDI_PSEUDONYM_KEY": "",
    "STEDI_MEMORY_MB": "2048",
    "STEDI_BATCH_FILES": "2000",
    "STEDI_BATCH_MB": "2048",
    "STEDI_LINE_BYTES": str(LONGEST_LINE),
    "STEDI_KEEP_DAYS": "7",
    "STEDI_SENSOR_SECONDS": "30",
    "STEDI_QUIET_HOURS": "24",
    "STEDI_WEBHOOK_URL": "",
}
DATABASES = {"strict": STRICT_DATABASE, "reference": f"{STRICT_DATABASE}_reference"}
ENGINES = re.compile(r"sail|local(\[(\d+|\*)\])?|(spark|sc)://\S+")
SECRET = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+")
WEBHOOK = re.compile(r"https?://[^\s/?#]+\S*")
SMALLEST_POOL_MB = 256
SHORTEST_LINE = 1_000  # bytes; a customer record has some hundred
MOST_KEEP_DAYS = 3_650
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Environment:
    """Where the lake is and what works on it. See docs/settings.md for the settings.

    Attributes:
        landing: URI of the landing root.
        lake: URI of the lake.
        catalog: `glue`, or the URI of the Iceberg catalog.
        engine: `sail`, `local[N]`, `spark://…` or `sc://…`.
        policy: Consent policy.
        memory_mb: Bound of the embedded engine's memory pool, MiB.
        batch_files: Landing files that one batch may have.
        batch_mb: Size of the landing files of one batch, MiB; a larger file makes a batch of its own.
        line_bytes: Bytes that a landing line may have.
        keep_days: For how many days snapshots can be read after they were replaced.
        key_given: Whether STEDI_PSEUDONYM_KEY holds the pseudonym key or its ARN.
        key_file: Where the key is kept beside a local lake otherwise.
        region: AWS_REGION; empty where another of the standard AWS variables says it.
        sensor_seconds: Seconds from one look at the landing files to the next; 0 for sensors that are off
            until somebody switches them on.
        quiet_hours: Hours without new rows after which a table of the landing zone counts as quiet.
        webhook_given: Whether STEDI_WEBHOOK_URL holds where sentences about failed runs go.
    """

    landing: str
    lake: str
    catalog: str
    engine: str
    policy: Policy
    memory_mb: int
    batch_files: int
    batch_mb: int
    line_bytes: int
    keep_days: int
    key_given: bool
    key_file: str = ""
    region: str = ""
    sensor_seconds: int = 30
    quiet_hours: float = 24
    webhook_given: bool = False

    @classmethod
    def from_settings(
        cls, settings: Mapping[str, str], *, region: str = "", reads_only: bool = False
    ) -> "Environment":
        """Reads settings, all of them named STEDI_*; what is not given has the documented default.

        Args:
            settings: The settings by name.
            region: AWS_REGION.
            reads_only: Whether no row will be computed; without that nobody needs the pseudonym key.

        Raises:
            SettingError: A setting is unknown, malformed or contradicts another one.
        """
        for name in settings:
            if name not in DEFAULTS:
                raise SettingError(f"{name} is not a setting{_did_you_mean(name)}")
        given = {name: value for name, value in settings.items() if value}
        chosen = DEFAULTS | given
        landing = place("STEDI_LANDING", chosen["STEDI_LANDING"])
        lake = place("STEDI_LAKE", chosen["STEDI_LAKE"])
        if within(lake, landing) or within(landing, lake):
            raise SettingError(
                "STEDI_LAKE and STEDI_LANDING lie one in the other: give the lake a folder of its own."
            )
        in_s3 = lake.startswith(S3)
        return cls(
            landing=landing,
            lake=lake,
            catalog=catalog(chosen["STEDI_CATALOG"], lake),
            engine=_engine(chosen["STEDI_ENGINE"], "STEDI_MEMORY_MB" in given),
            policy=_policy(chosen["STEDI_POLICY"]),
            memory_mb=_whole("STEDI_MEMORY_MB", chosen, SMALLEST_POOL_MB, " of MiB"),
            batch_files=_whole("STEDI_BATCH_FILES", chosen, 1),
            batch_mb=_whole("STEDI_BATCH_MB", chosen, 1, " of MiB"),
            line_bytes=_whole("STEDI_LINE_BYTES", chosen, SHORTEST_LINE, " of bytes"),
            keep_days=_whole("STEDI_KEEP_DAYS", chosen, 0, " of days", MOST_KEEP_DAYS),
            key_given=_key_given(chosen["STEDI_PSEUDONYM_KEY"], needed=in_s3 and not reads_only),
            key_file="" if in_s3 else f"{lake.removeprefix('file://')}.pseudonym-key",
            region=region,
            sensor_seconds=_whole("STEDI_SENSOR_SECONDS", chosen, 0, " of seconds", DAY_SECONDS),
            quiet_hours=_quiet_hours(chosen["STEDI_QUIET_HOURS"]),
            webhook_given=_webhook_given(chosen["STEDI_WEBHOOK_URL"]),
        )

    @classmethod
    def from_process(
        cls, overrides: Mapping[str, str | None] | None = None, *, reads_only: bool = False
    ) -> "Environment":
        """Reads the settings of this process.

        Args:
            overrides: Settings that were given as flags, by name; None for one that was not.
            reads_only: See `from_settings`.
        """
        settings = {name: value for name, value in os.environ.items() if name.startswith("STEDI_")}
        flags = {name: value for name, value in (overrides or {}).items() if value is not None}
        region = os.environ.get("AWS_REGION", "")
        return cls.from_settings(settings | flags, region=region, reads_only=reads_only)

    @property
    def database(self) -> str:
        """Database of the catalog: the reference policy has one of its own, not to be mistaken."""
        return DATABASES[self.policy]

    def naming(self, tables: Tables = TABLES) -> Naming:
        """What assets are called."""
        prefix = () if self.policy == "strict" else (self.database,)
        return Naming(
            tables=tables, lake=self.lake, database=self.database, policy=self.policy, prefix=prefix
        )

    def engine_resource(self) -> LazyPySparkResource:
        """The engine."""
        if self.engine == "sail":
            return SailResource(memory_mb=self.memory_mb)
        uses_s3 = any(uri.startswith(S3) for uri in (self.landing, self.lake))
        return SparkResource(master=self.engine, uses_s3=uses_s3, region=self.region)

    def resources(self, tables: Tables = TABLES) -> dict[str, Any]:
        """All resources of the asset graph."""
        engine = self.engine_resource()
        lake = Lake(
            tables=tables,
            landing=self.landing,
            uri=self.lake,
            catalog_uri=self.catalog,
            database=self.database,
            policy=self.policy,
            pyspark=engine,
            key=PseudonymKey(
                given=dg.EnvVar("STEDI_PSEUDONYM_KEY") if self.key_given else "",
                file=self.key_file,
            ),
            keep_days=self.keep_days,
            region=self.region,
            batch_files=self.batch_files,
            batch_bytes=self.batch_mb * 1024**2,
            longest_line=self.line_bytes,
        )
        return {
            "pyspark": engine,
            "lake": lake,
            **{f"{zone}_io_manager": LakeIOManager(lake=lake, zone=zone) for zone in get_args(Zone)},
            "refresh": Refresh.configure_at_launch(),
            "webhook": Webhook(url=dg.EnvVar("STEDI_WEBHOOK_URL") if self.webhook_given else ""),
        }


def dagster_home() -> Path:
    """The home of the Dagster instance: DAGSTER_HOME, or .stedi/dagster in the current folder."""
    return Path(os.environ.get("DAGSTER_HOME") or ".stedi/dagster").absolute()


def _key_given(value: str, *, needed: bool) -> bool:
    if value.startswith("arn:") and not SECRET.fullmatch(value):
        raise SettingError(
            "STEDI_PSEUDONYM_KEY is an ARN, but must be that of a Secrets Manager secret "
            "(arn:aws:secretsmanager:…) or the key itself."
        )
    if needed and not value:
        raise SettingError(
            "STEDI_PSEUDONYM_KEY is not given, but STEDI_LAKE is in S3, where no key is kept: give a key "
            "(`openssl rand -hex 32`), or the ARN of a Secrets Manager secret that holds it."
        )
    return bool(value)


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


def _whole(name: str, chosen: Mapping[str, str], least: int, unit: str = "", most: int | None = None) -> int:
    value = chosen[name]
    # Digits of other scripts are no numbers here.
    if not (value.isascii() and value.isdecimal() and least <= int(value) <= (most or int(value))):
        bounds = f"{least} or more" if most is None else f"from {least} to {most}"
        raise SettingError(f"{name} is {value}, but must be a whole number{unit}, {bounds}.")
    return int(value)


def _quiet_hours(value: str) -> float:
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value) or not float(value):
        raise SettingError(f"STEDI_QUIET_HOURS is {value}, but must be a number of hours above 0.")
    return float(value)


def _webhook_given(value: str) -> bool:
    # The URL lets whoever knows it post, so no text quotes it.
    if value and not WEBHOOK.fullmatch(value):
        raise SettingError("STEDI_WEBHOOK_URL is no URL: it must begin with https:// or http://.")
    return bool(value)


def _did_you_mean(name: str) -> str:
    short = {setting.removeprefix("STEDI_"): setting for setting in DEFAULTS}
    close = difflib.get_close_matches(name.removeprefix("STEDI_"), short, n=1)
    return f": did you mean {short[close[0]]}?" if close else f": the settings are {', '.join(DEFAULTS)}."
