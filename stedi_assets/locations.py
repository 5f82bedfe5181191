"""The forms of STEDI_LANDING, STEDI_LAKE and STEDI_CATALOG: folders, S3 prefixes and catalogs.

Only text is checked here; nothing is opened.
"""

import os
import re
from urllib.parse import parse_qs, urlsplit

from stedi_assets.errors import SettingError

S3 = "s3://"
# Bucket names as AWS allows them; prefixes without characters that an engine reads as a pattern or an escape.
LOCAL = "file://"
SQLITE = "sqlite:///"
AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn")
S3_PLACE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._=@+-]+)*")
POSTGRES = ("postgresql", "postgresql+psycopg2")
CATALOGS = (
    "glue, the URL of an Iceberg REST catalog (https://…), postgresql://user@host/database, "
    "or sqlite:/// and the path of a file"
)


def place(name: str, value: str) -> str:
    """The URI of a folder or of an S3 prefix, without a slash at its end.

    Args:
        name: The setting.
        value: A path, or a URI with `file://` or `s3://`.

    Raises:
        SettingError: The value is neither a folder nor an S3 prefix.
    """
    if value.startswith(S3):
        uri = value.rstrip("/")
        if not S3_PLACE.fullmatch(uri) or not {".", ".."}.isdisjoint(uri.split("/")):
            raise SettingError(
                f"{name} is {value}, but must be s3://bucket/prefix, of letters, digits and ._=@+- only."
            )
        return uri
    if value.startswith(LOCAL):
        value = value.removeprefix(LOCAL)
    elif value.startswith(("s3a://", "s3n://")):
        raise SettingError(f"{name} is {value}: write s3:// instead, whichever the engine is.")
    elif "://" in value:
        raise SettingError(
            f"{name} is {value}, but only folders of this machine and s3://bucket/prefix are supported."
        )
    return f"{LOCAL}{os.path.abspath(os.path.expanduser(value))}"


def within(inner: str, outer: str) -> bool:
    """Whether a place lies in another one, or is the same."""
    return f"{inner}/".startswith(f"{outer}/")


def is_bucket(uri: str) -> bool:
    """Whether a place is a whole S3 bucket."""
    return uri.startswith(S3) and "/" not in uri.removeprefix(S3)


def normalised(uri: str) -> str:
    """A place in one spelling: links resolved, slashes single, `s3://` for every scheme of S3."""
    scheme, colon, rest = uri.partition("://")
    if colon and scheme in ("s3", "s3a", "s3n"):
        return S3 + re.sub("/+", "/", rest).strip("/")
    path = uri.removeprefix(LOCAL).removeprefix("file:")
    return f"{LOCAL}{os.path.realpath(path)}"


def resolved_catalog(value: str, lake: str) -> str:
    """The catalog of a lake: `glue`, or a URI.

    Args:
        value: The setting; empty if it was not given.
        lake: URI of the lake.

    Raises:
        SettingError: The value is not a catalog, holds a password, or does not fit the lake.
    """
    in_s3 = lake.startswith(S3)
    if not value:
        if in_s3:
            raise SettingError(f"STEDI_CATALOG is not given, but STEDI_LAKE is in S3: give {CATALOGS}.")
        return f"{SQLITE}{lake.removeprefix(LOCAL)}/catalog.db"
    scheme = value.split(":")[0]
    if value == "glue" or scheme in ("http", "https"):
        if not in_s3:
            shown = value if value == "glue" else f"{scheme}:…"
            raise SettingError(
                f"STEDI_CATALOG is {shown}, but STEDI_LAKE is a folder of this machine: "
                "such a catalog needs a lake in S3."
            )
        return value if value == "glue" else _rest(value)
    if scheme in POSTGRES:
        return _postgres(value)
    path = value.removeprefix(SQLITE)
    if path in (value, ""):
        raise SettingError(f"STEDI_CATALOG is {scheme}:…, but must be {CATALOGS}.")
    return f"{SQLITE}{os.path.abspath(path)}"


def _rest(value: str) -> str:
    parts = urlsplit(value)
    if parts.username or parts.password or parts.query:
        raise SettingError(
            "STEDI_CATALOG must be a plain URL: give a credential of the REST catalog as "
            "PYICEBERG_CATALOG__STEDI__CREDENTIAL or PYICEBERG_CATALOG__STEDI__TOKEN."
        )
    if not parts.hostname:
        raise SettingError("STEDI_CATALOG has no host: give the URL of the REST catalog.")
    return value.rstrip("/")


def _postgres(value: str) -> str:
    parts = urlsplit(value)
    if parts.password is not None or "password" in parse_qs(parts.query, keep_blank_values=True):
        raise SettingError(
            "STEDI_CATALOG holds a password: leave it out, and set PGPASSWORD or use ~/.pgpass."
        )
    if not parts.path.strip("/"):
        raise SettingError("STEDI_CATALOG names no database: give postgresql://user@host/database.")
    return value
