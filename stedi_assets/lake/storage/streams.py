"""Files as streams, for the parser in the engine's workers.

The engine sends this module to workers that have PyArrow, and boto3 for S3, but not this project: it
knows nothing of the project, and finds credentials where the worker finds them.
"""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from boto3 import Session

READ_BYTES = 4 * 1024**2  # of a file that is read as a stream, per request
AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn")
# Ways in which boto3 finds credentials that Arrow knows too, and renews by itself.
KNOWN_TO_ARROW = {"env", "shared-credentials-file", "config-file", "iam-role", "container-role"}


def file_opener(region: str) -> Callable[[str], BinaryIO]:
    """A function that opens files by URI; in S3 with one connection for all.

    A file in S3 is fetched in pieces, so that a broken connection costs one piece.

    Args:
        region: Region of the buckets; empty where the standard AWS variables say it.
    """
    filesystems: list[Any] = []

    def open_file(uri: str) -> BinaryIO:
        if not uri.startswith("s3://"):
            return open(uri.removeprefix("file://"), "rb")
        if not filesystems:
            filesystems.append(_filesystem(region))
        stream = filesystems[0].open_input_file(uri.removeprefix("s3://"))
        return cast(BinaryIO, io.BufferedReader(stream, READ_BYTES))

    return open_file


def own_endpoint(client: Any) -> str | None:
    """URL of the server of an S3 client, unless it is AWS."""
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
