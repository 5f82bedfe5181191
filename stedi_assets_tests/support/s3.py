"""Lakes and landing files in the S3 server of the tests."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stedi_assets.lake.storage import Aws
from stedi_assets_tests.support.lakes import KEY, TestLake


def lake_in_s3(folder: Path, **settings: str) -> TestLake:
    """A lake in S3 that finds nothing but what the test put there."""
    given = {
        "STEDI_LANDING": f"s3://landing/{folder.name}", "STEDI_LAKE": f"s3://lake/{folder.name}",
        "STEDI_CATALOG": f"sqlite:///{folder}/catalog.db", "STEDI_PSEUDONYM_KEY": KEY,
    }  # fmt: skip
    return TestLake(folder, settings={**given, **settings})


def put(uri: str, content: bytes = b"", client: Any = None) -> None:
    """Writes an object."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    (client or Aws("us-east-1").s3).put_object(Bucket=bucket, Key=key, Body=content)


def upload(folder: Path, uri: str, paths: Iterable[str] | None = None) -> None:
    """Copies a folder to S3, or some files of it."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    client = Aws("us-east-1").s3
    client.put_object(Bucket=bucket, Key=f"{prefix}/")
    for file in Path(folder).rglob("*") if paths is None else (Path(folder, path) for path in paths):
        if file.is_file():
            key = f"{prefix}/{file.relative_to(folder).as_posix()}"
            client.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
