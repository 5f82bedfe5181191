"""Files in S3."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from stedi_assets.errors import LakeError, SettingError
from stedi_assets.lake.packing import bounded
from stedi_assets.lake.storage.aws import Aws, aws_settings
from stedi_assets.lake.storage.base import StoredFile
from stedi_assets.locations import S3

MOST_DELETED = 1_000  # keys that S3 deletes in one request
# Codes by which S3 says that a bucket is in another region, and that it does not know the credentials.
ELSEWHERE = ("301", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")
UNKNOWN = (
    "ExpiredToken",
    "InvalidToken",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
)


class _Version(NamedTuple):
    """A version of an object."""

    key: str
    id: str
    latest: bool
    marker: bool


@dataclass(frozen=True)
class S3Storage:
    """Files in buckets, see `Storage`."""

    aws: Aws

    def list(self, folder: str, *, within: str | None = None) -> Iterator[StoredFile]:
        """See `Storage`; there are no links."""
        bucket, prefix = _split(folder)
        below = f"{prefix}/" if prefix else ""
        pages = self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below)
        with aws_settings():
            for page in pages:
                for found in page.get("Contents", []):
                    path = found["Key"].removeprefix(below)
                    if not path or path.endswith("/"):  # a key that stands for a folder
                        continue
                    yield StoredFile(
                        path=path,
                        uri=f"{S3}{bucket}/{found['Key']}",
                        size=found["Size"],
                        # The same bytes, written again, are the same version.
                        version=found["ETag"].strip('"'),
                        modified=int(found["LastModified"].timestamp() * 1000),
                    )

    def read(self, uri: str) -> bytes | None:
        """See `Storage`."""
        bucket, key = _split(uri)
        with aws_settings():
            try:
                data: bytes = self.aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            except self.aws.s3.exceptions.NoSuchKey:
                return None
        return data

    def write(self, uri: str, data: BinaryIO) -> None:
        """See `Storage`."""
        bucket, key = _split(uri)
        with aws_settings():
            self.aws.s3.upload_fileobj(data, bucket, key)

    def found(self, uri: str) -> StoredFile | None:
        """See `Storage`."""
        from botocore.exceptions import ClientError

        bucket, key = _split(uri)
        with aws_settings():
            try:
                head = self.aws.s3.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                    return None
                raise
        modified = int(head["LastModified"].timestamp() * 1000)
        return StoredFile("", uri, head["ContentLength"], head["ETag"].strip('"'), modified)

    def locked(self, uri: str) -> str | None:
        """See `Storage`."""
        from botocore.exceptions import ClientError

        bucket, key = _split(uri)
        with aws_settings():
            for version in self._versions(bucket, key):
                if version.marker or version.key != key:
                    continue
                known = {"VersionId": version.id} if version.id != "null" else {}
                try:
                    head = self.aws.s3.head_object(Bucket=bucket, Key=key, **known)
                except ClientError as error:
                    return f"s3://{bucket}/{key} is denied ({error.response['Error'].get('Code')})."
                mode = head.get("ObjectLockMode") or head.get("ObjectLockLegalHoldStatus")
                if mode and mode != "OFF":
                    return f"s3://{bucket}/{key} is locked ({mode}): its retention has to end first."
        return None

    def remove_versions(self, uri: str, *, all_of_them: bool) -> None:
        """See `Storage`."""
        bucket, key = _split(uri)
        with aws_settings():
            found = [part for part in self._versions(bucket, key) if part.key == key]
            self._delete_versions(bucket, [part for part in found if all_of_them or not part.latest])
            if all_of_them and not found:
                self.aws.s3.delete_object(Bucket=bucket, Key=key)

    def remove_former_versions(self, folder: str) -> None:
        """See `Storage`."""
        bucket, prefix = _split(folder)
        with aws_settings():
            found = self._versions(bucket, f"{prefix}/")
            self._delete_versions(bucket, (part for part in found if part.marker or not part.latest))

    def _versions(self, bucket: str, prefix: str) -> Iterator[_Version]:
        """The versions of the objects whose keys begin with a prefix."""
        pages = self.aws.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for kind in ("Versions", "DeleteMarkers"):
                for found in page.get(kind, []):
                    marker = kind == "DeleteMarkers"
                    yield _Version(found["Key"], found["VersionId"], found["IsLatest"], marker)

    def _delete_versions(self, bucket: str, versions: Iterable[_Version]) -> None:
        for group in bounded(versions, lambda _: 1, MOST_DELETED):
            named = [{"Key": version.key, "VersionId": version.id} for version in group]
            answer = self.aws.s3.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
            if refused := answer.get("Errors", []):
                raise LakeError(
                    f"The bucket {bucket}: {len(refused):,} former versions could not be deleted "
                    f"({refused[0].get('Code', 'no code')}): check AWS_PROFILE, its permissions, Object Lock."
                )

    def remove(self, folder: str) -> None:
        """See `Storage`."""
        # Not with Arrow, which leaves an empty object in place of every folder that it empties.
        self.remove_files([*self.list(folder)])

    def remove_files(self, files: Iterable[StoredFile]) -> None:
        """See `Storage`."""
        groups = bounded(files, lambda _: 1, MOST_DELETED)
        if refused := [error for group in groups for error in self._delete(group)]:
            bucket, code = refused[0]
            raise LakeError(
                f"The bucket {bucket}: {len(refused):,} files could not be removed ({code}): check "
                "AWS_PROFILE and its permissions."
            )

    def check(self, folder: str, setting: str, *, filled: bool = True) -> None:
        """See `Storage`."""
        bucket, prefix = _split(folder)
        with _refusals(f"{setting}: the bucket {bucket}", self.aws.region):
            below = f"{prefix}/" if prefix else ""
            found = self.aws.s3.list_objects_v2(Bucket=bucket, Prefix=below, MaxKeys=1)
            region = self._region(bucket)
        if region not in (None, self.aws.region):
            raise SettingError(_elsewhere(f"{setting}: the bucket {bucket}", region, self.aws.region))
        if filled and not found["KeyCount"]:
            raise SettingError(
                f"{setting} is {folder}, but there is nothing below it: check the prefix, or put files there."
            )

    def check_writable(self, folder: str, setting: str) -> None:
        """See `Storage`; starts an upload and aborts it."""
        bucket, prefix = _split(folder)
        # An upload that was started is not an object, so no listing shows it. Below data/, because catalogs
        # that watch over a table's folder allow files only there.
        target = {"Bucket": bucket, "Key": f"{prefix}/data/write-check"}
        with _refusals(f"{setting}: writing to {folder}", self.aws.region):
            upload = self.aws.s3.create_multipart_upload(**target)
            self.aws.s3.abort_multipart_upload(**target, UploadId=upload["UploadId"])

    def _delete(self, files: Sequence[StoredFile]) -> Iterator[tuple[str, str]]:
        """Deletes files of one bucket; yields bucket and error code of every key that S3 refuses."""
        places = [_split(file.uri) for file in files]
        bucket = places[0][0]
        keys = {"Objects": [{"Key": key} for _, key in places], "Quiet": True}
        answer = self.aws.s3.delete_objects(Bucket=bucket, Delete=keys)
        for error in answer.get("Errors", []):
            yield bucket, error.get("Code", "no code")

    def _region(self, bucket: str) -> str | None:
        """The region of a bucket; None if the server knows no regions."""
        answer: dict[str, Any] = self.aws.s3.head_bucket(Bucket=bucket)
        region: str | None = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
        return region


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix(S3).partition("/")
    return bucket, key


@contextmanager
def _refusals(what: str, region: str) -> Iterator[None]:
    """Turns a refusal of S3 into a sentence.

    Args:
        what: The request, beginning with the setting that names the place.
        region: The region that was given.

    Raises:
        SettingError: The place does not exist or is not allowed.
        LakeError: S3 is in trouble.
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
