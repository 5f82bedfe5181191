"""Files as streams, for the parser in the engine's workers.

The engine sends this module to workers that have PyArrow, and boto3 for S3, but not this project. So it uses
nothing of the project but constants, and takes the credentials of the worker.
"""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from stedi_assets.locations import AWS_HOSTS, LOCAL, S3

if TYPE_CHECKING:
    from boto3 import Session

READ_BYTES = 4 * 1024**2  # per request of a file that is read as a stream
# boto3's ways to credentials that Arrow knows too, and renews by itself.
KNOWN_TO_ARROW = {"env", "shared-credentials-file", "config-file", "iam-role", "container-role"}


def file_opener(region: str) -> Callable[[str], BinaryIO]:
    """Returns a function that opens files by URI; all files in S3 share one connection.

    A file in S3 is fetched in pieces, so that a broken connection costs one piece.

    Args:
        region: Region of the buckets; empty if the standard AWS variables name it.
    """
    filesystems: list[Any] = []

    def open_file(uri: str) -> BinaryIO:
        if not uri.startswith(S3):
            return open(uri.removeprefix(LOCAL), "rb")
        if not filesystems:
            filesystems.append(_filesystem(region))
        stream = filesystems[0].open_input_file(uri.removeprefix(S3))
        return cast(BinaryIO, io.BufferedReader(stream, READ_BYTES))

    return open_file


def own_endpoint(client: Any) -> str | None:
    """URL of the server of an S3 client; None if it is AWS."""
    url: str = client.meta.endpoint_url
    return None if url.endswith(AWS_HOSTS) else url


def credentials_for_arrow(session: "Session") -> dict[str, str]:
    """Credentials that Arrow would not find by itself, such as those of an assumed role."""
    credentials = session.get_credentials()
    if credentials is None or credentials.method in KNOWN_TO_ARROW:
        return {}
    keys = credentials.get_frozen_credentials()
    return {"access_key": keys.access_key, "secret_key": keys.secret_key, "session_token": keys.token}


def _filesystem(region: str) -> Any:
    import boto3
    from pyarrow.fs import S3FileSystem

    session = boto3.Session(region_name=region or None)
    endpoint = own_endpoint(session.client("s3"))
    return S3FileSystem(
        region=session.region_name, endpoint_override=endpoint, **credentials_for_arrow(session)
    )
