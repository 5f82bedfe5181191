"""Files in S3: listing and removal, through dagster-aws's client."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stedi_assets.errors import SettingError
from stedi_assets.lake.aws import S3_SCHEME, Aws, aws_settings
from stedi_assets.lake.storage import StoredFile

MOST_DELETED = 1_000  # keys that S3 deletes at once


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
                        version = found["ETag"].strip('"')
                        yield StoredFile(path, f"{S3_SCHEME}{bucket}/{found['Key']}", found["Size"], version)

    def remove(self, folder: str) -> None:
        """Removes all files below a folder; nothing where there is no such folder."""
        # Not with Arrow, which leaves an empty object in place of every folder that it empties.
        bucket, _ = _split(folder)
        keys = [{"Key": _split(file.uri)[1]} for file in self.list(folder)]
        for start in range(0, len(keys), MOST_DELETED):
            chunk = {"Objects": keys[start : start + MOST_DELETED], "Quiet": True}
            self.aws.s3.delete_objects(Bucket=bucket, Delete=chunk)

    def check(self, folder: str, setting: str, *, filled: bool = True) -> None:
        """Makes sure that a folder can be listed, from the region that was given.

        Args:
            folder: The folder.
            setting: The setting that names it.
            filled: Whether something must be in it: without that there is no folder in S3.

        Raises:
            SettingError: The bucket is missing, denied, or in another region, or the folder missing.
        """
        from botocore.exceptions import ClientError

        bucket, prefix = _split(folder)
        try:
            with aws_settings():
                below = f"{prefix}/" if prefix else ""
                found = self.aws.s3.list_objects_v2(Bucket=bucket, Prefix=below, MaxKeys=1)
                region = self._region(bucket)
        except ClientError as error:
            raise SettingError(_refusal(error, bucket, setting, self.aws.region)) from None
        if region not in (None, self.aws.region):
            raise SettingError(
                f"{setting}: the bucket {bucket} is in {region}, but AWS_REGION is {self.aws.region}: "
                "give the region of the bucket."
            )
        if filled and not found["KeyCount"]:
            raise SettingError(f"{setting} is {folder}, but there is nothing below it.")

    def _region(self, bucket: str) -> str | None:
        """The region that the server says the bucket is in, if it says one."""
        answer: dict[str, Any] = self.aws.s3.head_bucket(Bucket=bucket)
        region: str | None = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
        return region


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix(S3_SCHEME).partition("/")
    return bucket, key


def _refusal(error: Any, bucket: str, setting: str, region: str) -> str:
    code = error.response.get("Error", {}).get("Code", "no code")
    if code in ("NoSuchBucket", "404"):
        return f"{setting}: there is no bucket {bucket}: create it, or check AWS_REGION and AWS_ENDPOINT_URL."
    if code in ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"):
        return (
            f"{setting}: the bucket {bucket} is not in {region}: set AWS_REGION to the region of the bucket."
        )
    return (
        f"{setting}: access to the bucket {bucket} is denied ({code}): check AWS_PROFILE and its permissions."
    )
