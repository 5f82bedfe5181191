"""The STEDI_* settings: names, defaults, meanings; the only reader of them in the process environment.

Settings are text and what can be said about text. What is built from them is in `orchestration.resources`.
Loads neither pyspark nor dagster, so that a wrong setting is reported at once.
"""

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from stedi_assets.errors import SettingError
from stedi_assets.locations import LOCAL, S3, SQLITE, is_bucket, place, resolved_catalog, within

Policy = Literal["strict", "reference"]
WebhookHttp = Literal["refused", "loopback", "allowed"]

STRICT_DATABASE = "stedi"
DATABASES: Mapping[Policy, str] = {"strict": STRICT_DATABASE, "reference": f"{STRICT_DATABASE}_reference"}
LONGEST_LINE = 1_000_000
"""Bytes that a landing line may have by default."""

ENGINES = re.compile(r"sail|local(\[(\d+|\*)\])?|(spark|sc)://\S+")
SECRET = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+")
WEBHOOK = re.compile(r"(?P<scheme>https?)://(?P<host>[^\s/?#:@\[]+|\[[0-9a-fA-F:.]+\])(:\d+)?([/?#]\S*)?")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
UI_HOST = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?")
SMALLEST_POOL_MB = 256
SHORTEST_LINE = 1_000  # bytes; a customer record has a few hundred
MOST_KEEP_DAYS = 3_650
DAY_SECONDS = 86_400
OURS = "stedi_assets."
"""What the settings of a Dagster home of ours name: modules and loggers of this package."""


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: Name of the environment variable.
        field: The field of `Settings` that holds its value.
        default: The value if none is given; empty if there is none.
        parse: Takes the name and the text, returns the value, raises SettingError.
        meaning: What it is for, in Markdown.
        metavar: What the help shows as the value of the flag; empty for a setting that is not a flag.
        help: What the help says about the flag.
        shown_default: The default in the documentation, if it depends on another setting.
    """

    name: str
    field: str
    default: str
    parse: Callable[[str, str], Any]
    meaning: str
    metavar: str = ""
    help: str = ""
    shown_default: str = ""

    @property
    def option(self) -> str:
        """Name of the flag without dashes."""
        return self.name.removeprefix(PREFIX).lower()

    @property
    def flag(self) -> str:
        """The command-line flag; empty if there is none."""
        return f"--{self.option}" if self.metavar else ""


def _whole(name: str, value: str, *, least: int, unit: str = "", most: int | None = None) -> int:
    # Digits of other scripts are not accepted.
    if not (value.isascii() and value.isdecimal() and least <= int(value) <= (most or int(value))):
        bounds = f"{least} or more" if most is None else f"from {least} to {most}"
        raise SettingError(f"{name} is {value}, but must be a whole number{unit}, {bounds}.")
    return int(value)


def _hours(name: str, value: str) -> float:
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value) or not float(value):
        raise SettingError(f"{name} is {value}, but must be a number of hours above 0.")
    return float(value)


def _engine(name: str, value: str) -> str:
    if not ENGINES.fullmatch(value):
        raise SettingError(
            f"{name} is {value}, but must be sail, local[N], spark://host:port or sc://host:port."
        )
    return value


def _choice(name: str, value: str, *, choices: Sequence[str]) -> str:
    if value not in choices:
        *others, last = choices
        raise SettingError(f"{name} is {value}, but must be {', '.join(others)} or {last}.")
    return value


def _key_given(name: str, value: str) -> bool:
    if value.startswith("arn:") and not SECRET.fullmatch(value):
        raise SettingError(
            f"{name} is an ARN, but must be that of a Secrets Manager secret "
            "(arn:aws:secretsmanager:…) or the key itself."
        )
    return bool(value)


def _webhook_given(name: str, value: str) -> bool:
    # Anyone who knows the URL can post to it, so no text quotes it.
    if value and not WEBHOOK.fullmatch(value):
        raise SettingError(f"{name} is no URL: it must begin with https:// or http://.")
    return bool(value)


def _check_webhook(url: str, http: WebhookHttp) -> None:
    """Checks that a webhook's URL may be used.

    Args:
        url: The URL, well-formed or empty.
        http: The URLs for which `http://` will do.

    Raises:
        SettingError: The URL begins with `http://`, and the setting does not allow that.
    """
    parts = WEBHOOK.fullmatch(url)
    if parts is None or parts["scheme"] == "https" or http == "allowed":
        return
    if http == "loopback" and parts["host"] in LOOPBACK:
        return
    raise SettingError(
        "STEDI_WEBHOOK_URL begins with http://, which anyone on the way can read: give an https:// URL, "
        "or set STEDI_WEBHOOK_HTTP to loopback (for this machine) or allowed."
    )


def _ui_hosts(name: str, value: str) -> tuple[str, ...]:
    hosts = tuple(host.strip().lower() for host in value.split(",")) if value else ()
    for host in hosts:
        if not UI_HOST.fullmatch(host):
            raise SettingError(
                f"{name} names {host or 'an empty host'}, but must be hosts as an address bar shows them, "
                "separated by commas, such as stedi.example.org,localhost:8080."
            )
    return hosts


def _text(name: str, value: str) -> str:
    return value


def _optional_place(name: str, value: str) -> str:
    return place(name, value) if value else ""


PREFIX = "STEDI_"
SETTINGS = (
    Setting(
        name="STEDI_LANDING",
        field="landing",
        default="data",
        parse=place,
        meaning="The landing root: the folder with `customer/landing`, `accelerometer/landing` and "
        "`step_trainer/landing`, or `s3://bucket/prefix`.",
        metavar="URI",
        help="Folder or s3://… of the landing root.",
    ),
    Setting(
        name="STEDI_LAKE",
        field="lake",
        default=".stedi/lake",
        parse=place,
        meaning="The folder of the lake, or `s3://bucket/prefix`. A table lies in `{lake}/{zone}/{table}`.",
        metavar="URI",
        help="Folder or s3://… of the lake.",
    ),
    Setting(
        name="STEDI_CATALOG",
        field="catalog",
        default="",
        parse=_text,  # depends on the lake, so `Settings.from_settings` resolves it
        meaning="The Iceberg catalog: `glue`, the URL of a REST catalog, `postgresql://user@host/database` "
        "(install `stedi_assets[postgres]`; the password is in PGPASSWORD or `~/.pgpass`), or `sqlite:///` "
        "and a path. Required for a lake in S3. `glue` and a REST catalog require a lake in S3.",
        metavar="URI",
        help="glue, https://…, postgresql://… or sqlite:///….",
        shown_default="sqlite:///{lake}/catalog.db",
    ),
    Setting(
        name="STEDI_ENGINE",
        field="engine",
        default="sail",
        parse=_engine,
        meaning="`sail` (embedded), `local[N]` (Spark in this process), `spark://host:port` (a cluster) or "
        "`sc://host:port` (a Spark Connect server).",
        metavar="ENGINE",
        help="sail, local[N], spark://… or sc://….",
    ),
    Setting(
        name="STEDI_POLICY",
        field="policy",
        default="strict",
        parse=partial(_choice, choices=get_args(Policy)),
        meaning=f"`strict` or `reference`. The latter publishes to the database `{DATABASES['reference']}`.",
        metavar="POLICY",
        help="strict or reference.",
    ),
    Setting(
        name="STEDI_PSEUDONYM_KEY",
        field="key_given",
        default="",
        parse=_key_given,
        meaning="The key of the pseudonyms, 32 characters or more. Its text is the key of an HMAC-SHA256 "
        "over the email. If it is not given, a random 256-bit key is made once and kept in "
        "`{lake}.pseudonym-key`, mode 0600. Required for a lake in S3: the key, or the ARN of a "
        "Secrets Manager secret that holds it as text.",
    ),
    Setting(
        name="STEDI_ERASURE",
        field="erasure",
        default="",
        parse=_optional_place,
        meaning="Where tombstones, plans and receipts of erasures lie: a folder or `s3://bucket/prefix` "
        "outside the lake and the landing root. Keep it out of the backups of both. Required for "
        "erasures in a lake that is a whole bucket.",
        shown_default="{lake}.erasure",
    ),
    Setting(
        name="STEDI_ERASURE_KEY",
        field="erasure_key_given",
        default="",
        parse=_key_given,
        meaning="The key of tombstones and receipts, 32 characters or more, or the ARN of a Secrets Manager "
        "secret that holds it. If it is not given, a random one is made at the first erasure and kept in "
        "`{lake}.erasure-key`, mode 0600. Required for erasures in a lake in S3. It never changes.",
    ),
    Setting(
        name="STEDI_MEMORY_MB",
        field="memory_mb",
        default="2048",
        parse=partial(_whole, least=SMALLEST_POOL_MB, unit=" of MiB"),
        meaning="Limit of the embedded engine's memory pool, MiB.",
    ),
    Setting(
        name="STEDI_BATCH_FILES",
        field="batch_files",
        default="2000",
        parse=partial(_whole, least=1),
        meaning="Landing files that one batch may have. A backlog is ingested in several batches, and each "
        "batch is published.",
    ),
    Setting(
        name="STEDI_BATCH_MB",
        field="batch_mb",
        default="2048",
        parse=partial(_whole, least=1, unit=" of MiB"),
        meaning="Size of the landing files of one batch, MiB. A larger file makes a batch of its own.",
    ),
    Setting(
        name="STEDI_RECORD_BYTES",
        field="record_bytes",
        default=str(LONGEST_LINE),
        parse=partial(_whole, least=SHORTEST_LINE, unit=" of bytes"),
        meaning="Bytes that a record of a landing file may have. A longer one goes to the quarantine; it "
        "is never held in memory as a whole.",
    ),
    Setting(
        name="STEDI_KEEP_DAYS",
        field="keep_days",
        default="7",
        parse=partial(_whole, least=0, unit=" of days", most=MOST_KEEP_DAYS),
        meaning=f"Days for which a snapshot can be read after it was replaced, 0 to {MOST_KEEP_DAYS}. "
        "After that, maintenance expires it. With 0, a query that runs during maintenance may lose "
        "the files it reads.",
    ),
    Setting(
        name="STEDI_KEEP_RUNS",
        field="keep_runs",
        default="90",
        parse=partial(_whole, least=1, unit=" of days", most=MOST_KEEP_DAYS),
        meaning=f"Days for which the Dagster home keeps a run and its events, 1 to {MOST_KEEP_DAYS}. The "
        "schedule `weekly_pruning` deletes older ones, but keeps the latest of each table and check.",
    ),
    Setting(
        name="STEDI_FILE_ACCESS",
        field="file_access",
        default="owner",
        parse=partial(_choice, choices=("owner", "group")),
        meaning="Who may read the files of a lake in a folder: `owner`, or `group` for a folder whose group "
        "is that of a cluster or of analysts. The pseudonym key is always for its owner only.",
    ),
    Setting(
        name="STEDI_SENSOR_SECONDS",
        field="sensor_seconds",
        default="30",
        parse=partial(_whole, least=0, unit=" of seconds", most=DAY_SECONDS),
        meaning="Seconds between two checks for landing files under `make dev`. With `0` all sensors are off "
        "until they are switched on in the UI.",
    ),
    Setting(
        name="STEDI_QUIET_HOURS",
        field="quiet_hours",
        default="24",
        parse=_hours,
        meaning="Hours without new rows after which the check `rows_arrive` of a landing table warns.",
    ),
    Setting(
        name="STEDI_REMOVAL_SHARE",
        field="removal_share",
        default="20",
        parse=partial(_whole, least=0, most=100, unit=" of percent"),
        meaning="Percent of the people in `customer_trusted` that one run may remove before the check "
        "`privacy_removals` warns. They are removed in any case.",
    ),
    Setting(
        name="STEDI_WEBHOOK_URL",
        field="webhook_given",
        default="",
        parse=_webhook_given,
        meaning='URL to which a sentence about every failed run is posted as `{"text": …}`, the form '
        "that Slack, Mattermost and others accept. Anyone who knows the URL can post there, so it is "
        "shown nowhere. A redirect is refused.",
    ),
    Setting(
        name="STEDI_WEBHOOK_HTTP",
        field="webhook_http",
        default="refused",
        parse=partial(_choice, choices=get_args(WebhookHttp)),
        meaning="Whether `STEDI_WEBHOOK_URL` may begin with `http://`, which anyone on the way can read: "
        "`refused`, `loopback` (only for localhost, 127.0.0.1 and [::1], such as a relay on this machine) or "
        "`allowed`.",
    ),
    Setting(
        name="STEDI_UI_HOSTS",
        field="ui_hosts",
        default="",
        parse=_ui_hosts,
        meaning="More hosts under which `make dev` may be opened, as an address bar shows them, separated by "
        "commas: `localhost:8080` for a tunnel, `stedi.example.org` for a proxy that asks for a login. Only "
        "localhost, 127.0.0.1 and [::1] with the port are accepted otherwise.",
    ),
)
KEYS = ("STEDI_PSEUDONYM_KEY", "STEDI_ERASURE_KEY")
DEFAULTS: Mapping[str, str] = {setting.name: setting.default for setting in SETTINGS}


@dataclass(frozen=True)
class Settings:
    """The settings of a process or of a test, understood and checked; see `SETTINGS` for their meanings.

    Holds no secret: `key_given` and `webhook_given` only say that there is one.

    Attributes:
        landing: URI of the landing root.
        lake: URI of the lake.
        catalog: `glue`, or the URI of the Iceberg catalog.
        region: AWS_REGION; empty if another of the standard AWS variables says it.
    """

    landing: str
    lake: str
    catalog: str
    engine: str
    policy: Policy
    key_given: bool
    erasure: str
    erasure_key_given: bool
    memory_mb: int
    batch_files: int
    batch_mb: int
    record_bytes: int
    keep_days: int
    keep_runs: int
    file_access: str
    sensor_seconds: int
    quiet_hours: float
    removal_share: int
    webhook_given: bool
    webhook_http: WebhookHttp
    ui_hosts: tuple[str, ...]
    key_file: str
    """Path of the key that is kept beside a local lake; empty for a lake in S3."""
    erasure_key_file: str = ""
    """Path of the key of erasures that is kept beside a local lake; empty for a lake in S3."""
    region: str = ""

    @classmethod
    def from_settings(
        cls, settings: Mapping[str, str], *, region: str = "", reads_only: bool = False
    ) -> "Settings":
        """Reads settings; one that is not given, or empty, has its default.

        Args:
            settings: The settings by name.
            region: AWS_REGION.
            reads_only: Whether no row will be computed; the pseudonym key is not needed then.

        Raises:
            SettingError: A setting is unknown, malformed or contradicts another one.
        """
        for name in settings:
            if name not in DEFAULTS:
                raise SettingError(f"{name} is not a setting{_did_you_mean(name)}")
        given = {name: value for name, value in settings.items() if value}
        chosen = {**DEFAULTS, **given}
        values = {setting.field: setting.parse(setting.name, chosen[setting.name]) for setting in SETTINGS}
        _check_webhook(chosen["STEDI_WEBHOOK_URL"], values["webhook_http"])
        lake = values["lake"]
        in_s3 = lake.startswith(S3)
        values["erasure"] = values["erasure"] or ("" if is_bucket(lake) else f"{lake}.erasure")
        _check_together(given, values, key_needed=in_s3 and not reads_only)
        values["catalog"] = resolved_catalog(values["catalog"], lake)
        values["key_file"] = "" if in_s3 else f"{lake.removeprefix('file://')}.pseudonym-key"
        values["erasure_key_file"] = "" if in_s3 else f"{lake.removeprefix('file://')}.erasure-key"
        return cls(**values, region=region)

    @classmethod
    def from_process(
        cls, overrides: Mapping[str, str | None] | None = None, *, reads_only: bool = False
    ) -> "Settings":
        """Reads the settings of this process.

        Args:
            overrides: Settings that were given as flags, by name; None for one that was not.
            reads_only: See `from_settings`.
        """
        settings = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
        flags = {name: value for name, value in (overrides or {}).items() if value is not None}
        region = os.environ.get("AWS_REGION", "")
        return cls.from_settings(settings | flags, region=region, reads_only=reads_only)

    @property
    def database(self) -> str:
        """Database of the catalog: each policy has its own, so that their tables cannot be confused."""
        return DATABASES[self.policy]

    @property
    def dagster_home(self) -> Path:
        """The home of the Dagster instance of this lake: DAGSTER_HOME, or one beside the lake."""
        if given := os.environ.get("DAGSTER_HOME"):
            return Path(given).absolute()
        if self.lake.startswith(S3):
            return Path(f".stedi/{re.sub('[^A-Za-z0-9]+', '-', self.lake)}.dagster").absolute()
        lake = Path(self.lake.removeprefix(LOCAL))
        return lake.with_name("dagster" if lake.name == "lake" else f"{lake.name}.dagster")

    @property
    def needs_network(self) -> bool:
        """Whether a command needs more than this machine: S3, a cluster, or a catalog that others serve."""
        home = self.dagster_home / "dagster.yaml"
        elsewhere = (
            self.engine != "sail",
            not (self.lake.startswith(LOCAL) and self.landing.startswith(LOCAL)),
            not self.catalog.startswith(SQLITE),
            not self.erasure.startswith(LOCAL),
            any(os.environ.get(name, "").startswith("arn:") for name in KEYS),
            home.exists() and OURS not in home.read_text(),
        )
        return any(elsewhere)

    @property
    def lake_may_exist(self) -> bool:
        """Whether there may be a lake; only the catalog of a local lake can be missed without opening it."""
        return not self.catalog.startswith(SQLITE) or os.path.exists(self.catalog.removeprefix(SQLITE))


def dagster_home() -> Path:
    """The home of the Dagster instance that this process works with."""
    return Path(os.environ.get("DAGSTER_HOME") or ".stedi/dagster").absolute()


def _check_together(given: Mapping[str, str], values: Mapping[str, Any], *, key_needed: bool) -> None:
    """Checks settings that depend on one another.

    Raises:
        SettingError: Two settings contradict each other.
    """
    landing, lake, engine = values["landing"], values["lake"], values["engine"]
    if within(lake, landing) or within(landing, lake):
        raise SettingError(
            "STEDI_LAKE and STEDI_LANDING lie one in the other: give the lake a folder of its own."
        )
    for name, other in (("STEDI_LAKE", lake), ("STEDI_LANDING", landing)):
        if within(values["erasure"], other) or within(other, values["erasure"]):
            raise SettingError(
                f"STEDI_ERASURE and {name} lie one in the other: give the tombstones a folder of their own."
            )
    if "STEDI_MEMORY_MB" in given and engine != "sail":
        raise SettingError(
            f"STEDI_MEMORY_MB bounds the embedded engine, but STEDI_ENGINE is {engine}: "
            "leave one of them out."
        )
    if key_needed and not values["key_given"]:
        raise SettingError(
            "STEDI_PSEUDONYM_KEY is not given, but STEDI_LAKE is in S3, where no key is kept: give a key "
            "(`openssl rand -hex 32`), or the ARN of a Secrets Manager secret that holds it."
        )


def _did_you_mean(name: str) -> str:
    short = {setting.removeprefix(PREFIX): setting for setting in DEFAULTS}
    close = difflib.get_close_matches(name.removeprefix(PREFIX), short, n=1)
    return f": did you mean {short[close[0]]}?" if close else f": the settings are {', '.join(DEFAULTS)}."
