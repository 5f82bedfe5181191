"""Names of landing files: which are read, which are left behind by other programs, and which are refused.

Bytes decide on packing and encoding (see `unpacking`); here belongs what a name alone says.
"""

import re
from typing import Literal

Kind = Literal["json", "any", "ignored", "other"]

JSON, PACKED = r"json|jsonl|ndjson", r"gz|gzip|bz2|bzip2|zst|zstd"
READ = re.compile(rf".*\.(?:(?:{JSON})(?:\.(?:{PACKED}))?)", re.IGNORECASE | re.DOTALL)
ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9_~$]{0,15}$")
PACKED_ENDING = re.compile(rf"\.(?:{PACKED})$", re.IGNORECASE)

# Names that other programs leave: the part of a path on the left, the reason for it on the right.
LEFT_BEHIND = (
    r"\.(?!\.?$).+",  # hidden files, AppleDouble, checksums
    "_SUCCESS",  # Hadoop
    "_temporary",  # Hadoop, while a job runs
    "_committed_.*",  # Databricks
    "_started_.*",  # Databricks
    "_spark_metadata",  # Spark streams
    r".*\.crc",  # Hadoop's checksums
    r".*_\$folder\$",  # S3 folders of EMR
)
IGNORED = re.compile("|".join(LEFT_BEHIND), re.DOTALL)

JSON_KEY = re.compile(r'"[A-Za-z]{1,40}"\s*:')


def kind_of(path: str, size: int) -> Kind:
    """Decides on a file by its name.

    Args:
        path: Path below the source folder.
        size: Bytes.

    Returns:
        `json` for a name of JSON, `any` for a name without an ending, which may be JSON; `ignored` for what
        other programs leave; `other` for all other names.
    """
    if any(IGNORED.fullmatch(part) for part in path.split("/")):
        return "ignored"
    name = path.rpartition("/")[2]
    if READ.fullmatch(name):
        return "json"
    if ENDING.search(PACKED_ENDING.sub("", name)):
        return "other"
    return "any" if size else "ignored"  # without bytes it stands for a folder


def looks_like_json(beginning: str) -> bool:
    """Whether a text may hold JSON records.

    Args:
        beginning: The beginning of the text.
    """
    return beginning.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") or JSON_KEY.search(beginning) is not None
