"""The storage that belongs to a URI."""

from stedi_assets.lake.storage.aws import Aws
from stedi_assets.lake.storage.base import Storage
from stedi_assets.lake.storage.local import LocalStorage
from stedi_assets.lake.storage.s3 import S3Storage
from stedi_assets.locations import S3


def open_storage(uri: str, aws: Aws) -> Storage:
    """Returns the storage that holds a URI."""
    return S3Storage(aws) if uri.startswith(S3) else LocalStorage()
