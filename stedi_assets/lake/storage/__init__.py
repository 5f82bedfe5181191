"""Storage: files by URI in local folders and in S3.

Here belongs all that knows buckets and folders, and how AWS clients are set up. Tables belong to
`lake.iceberg`, landing files to `lake.ingestion`. Other rooms import from this face only.
"""

from typing import TYPE_CHECKING

from stedi_assets.lake._lazy import lazy

if TYPE_CHECKING:
    from stedi_assets.lake.storage.aws import Aws, aws_settings
    from stedi_assets.lake.storage.base import Storage, StoredFile, engine_path
    from stedi_assets.lake.storage.local import LocalStorage
    from stedi_assets.lake.storage.opener import open_storage
    from stedi_assets.lake.storage.streams import file_opener

__all__ = [
    "Aws",
    "LocalStorage",
    "Storage",
    "StoredFile",
    "aws_settings",
    "engine_path",
    "file_opener",
    "open_storage",
]

__getattr__ = lazy(
    __name__,
    {
        "Aws": f"{__name__}.aws",
        "LocalStorage": f"{__name__}.local",
        "Storage": f"{__name__}.base",
        "StoredFile": f"{__name__}.base",
        "aws_settings": f"{__name__}.aws",
        "engine_path": f"{__name__}.base",
        "file_opener": f"{__name__}.streams",
        "open_storage": f"{__name__}.opener",
    },
)
