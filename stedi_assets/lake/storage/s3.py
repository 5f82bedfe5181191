"""Files in S3: listing and removal, through dagster-aws's client."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stedi_assets.errors import LakeError, SettingError
from stedi_assets.lake.storage.aws import S3_SCHEME, Aws, aws_settings
from stedi_assets.lake.storage.base import StoredFile

MOST_DELETED = 1_000  # keys that S3 deletes at once
# How S3 says that a bucket is in another region, and that it does not know who asks.
ELSEWHERE = ("301", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")
UNKNOWN = (
    "ExpiredToken",
    "InvalidToken",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
)


@dataclass(frozen=True)
class S3Storage:
    """Files in buckets."""

    aws: Aws

    def list(self, folder: str) -> Iterator[StoredFile]:
        """All files below a folder in order of their keys; nothing where there is no such folder."""
        bucket, prefix = _split(folder)
        below = f"{prefix}/" if prefix else ""
        pages = self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below)
        with aws_settings():
            for page in pages:
                for found in page.get("Contents", []):
                    path = found["Key"].removeprefix(below)
                    if not path.endswith("/") and path:  # a key that ends so stands for a folder
                        uri = f"{S3_SCHEME}{bucket}/{found['Key']}"
                        written = int(found["LastModified"].timestamp() * 1000)
                        # Of the same bytes, written again, nobody has to know.
                        version = found["ETag"].strip('"')
                        yield StoredFile(path, uri, found["Size"], version, written)

    def remove(self, folder: str) -> None:
        """Removes all files below a folder; nothing where there is no such folder."""
        # Not with Arrow, which leaves an empty object in place of every folder that it empties.
        bucket, _ = _split(folder)
        keys = [{"Key": _split(file.uri)[1]} for file in self.list(folder)]
        for start in range(0, len(keys), MOST_DELETED):
            chunk = {"Objects": keys[start : start + MOST_DELETED], "Quiet": True}
            self.aws.s3.delete_objects(Bucket=bucket, Delete=chunk)

    def remove_files(self, files: Iterable[StoredFile]) -> None:
        """Removes files of one bucket that were listed; one that is gone is no error.

        Raises:
            LakeError: Some could not be removed.
        """
        places = [_split(file.uri) for file in files]
        for start in range(0, len(places), MOST_DELETED):
            some = places[start : start + MOST_DELETED]
            chunk = {"Objects": [{"Key": key} for _, key in some], "Quiet": True}
            answer = self.aws.s3.delete_objects(Bucket=some[0][0], Delete=chunk)
            if refused := answer.get("Errors"):
                code = refused[0].get("Code", "no code")
                raise LakeError(
                    f"The bucket {some[0][0]}: {len(refused):,} files could not be removed ({code}): check "
                    "AWS_PROFILE and its permissions."
                )

    def check(self, folder: str, setting: str, *, filled: bool = True) -> None:
        """Makes sure that a folder can be listed, from the region that was given.

        Args:
            folder: The folder.
            setting: The setting that names it.
            filled: Whether something must be in it: without that there is no folder in S3.

        Raises:
            SettingError: The bucket is missing, denied, or in another region, or the folder missing.
            LakeError: S3 is in trouble.
        """
        bucket, prefix = _split(folder)
        with _refusals(f"{setting}: the bucket {bucket}", self.aws.region):
            below = f"{prefix}/" if prefix else ""
            found = self.aws.s3.list_objects_v2(Bucket=bucket, Prefix=below, MaxKeys=1)
            region = self._region(bucket)
        if region not in (None, self.aws.region):
            raise SettingError(_elsewhere(f"{setting}: the bucket {bucket}", region, self.aws.region))
        if filled and not found["KeyCount"]:
            raise SettingError(f"{setting} is {folder}, but there is nothing below it.")

    def check_writable(self, folder: str, setting: str) -> None:
        """Makes sure that files may be written below a folder: begins an upload and takes it back.

        Raises:
            SettingError: They may not.
            LakeError: S3 is in trouble.
        """
        bucket, prefix = _split(folder)
        # An upload that was started is no object: whoever lists the bucket sees nothing of this. Below
        # data/, because catalogs that watch over a table's folder allow files there only.
        target = {"Bucket": bucket, "Key": f"{prefix}/data/write-check"}
        with _refusals(f"{setting}: writing to {folder}", self.aws.region):
            upload = self.aws.s3.create_multipart_upload(**target)
            self.aws.s3.abort_multipart_upload(**target, UploadId=upload["UploadId"])

    def _region(self, bucket: str) -> str | None:
        """The region that the server says the bucket is in, if it says one."""
        answer: dict[str, Any] = self.aws.s3.head_bucket(Bucket=bucket)
        region: str | None = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
        return region


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix(S3_SCHEME).partition("/")
    return bucket, key


@contextmanager
def _refusals(what: str, region: str) -> Iterator[None]:
    """Says in a sentence why S3 refused.

    Args:
        what: What was asked of it, beginning with the setting that names the place.
        region: The region that was given.

    Raises:
        SettingError: It was asked for something that is not there or not allowed.
        LakeError: It is in trouble.
    """
    from botocore.exceptions import ClientError

    try:
        with aws_settings():
            yield
    except ClientError as error:
        details, answer = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        code = details.get("Code", "no code")
        if answer.get("HTTPStatusCode", 0) >= 500:
            raise LakeError(f"{what} failed ({code}): S3 is busy or in trouble, run again later.") from None
        if code in ("NoSuchBucket", "404"):
            raise SettingError(
                f"{what} is not there: create the bucket, or check AWS_REGION and AWS_ENDPOINT_URL."
            ) from None
        if code in ELSEWHERE:
            there = details.get("Region") or answer.get("HTTPHeaders", {}).get("x-amz-bucket-region")
            raise SettingError(_elsewhere(what, there, region)) from None
        if code in UNKNOWN:
            raise SettingError(
                f"{what} is refused, as the AWS credentials are not valid ({code}): log in again, or "
                "check AWS_PROFILE and the clock."
            ) from None
        raise SettingError(f"{what} is denied ({code}): check AWS_PROFILE and its permissions.") from None


def _elsewhere(what: str, there: str | None, region: str) -> str:
    where = f"is in {there}, but" if there else "is in another region:"
    return f"{what} {where} AWS_REGION is {region}: give the region of the bucket."
