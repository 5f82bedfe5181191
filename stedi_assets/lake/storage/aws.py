"""The setup of AWS clients, so that all libraries read the standard AWS variables alike.

boto3 decides on region, endpoint and credentials. Arrow and PyIceberg know fewer of the variables and receive
the rest as properties. Credentials are passed on only if Arrow cannot find them, and never leave the process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stedi_assets.errors import SettingError
from stedi_assets.lake.storage.streams import credentials_for_arrow, own_endpoint

if TYPE_CHECKING:
    from boto3 import Session


@dataclass(frozen=True)
class Aws:
    """AWS as the standard variables describe it.

    Attributes:
        given_region: AWS_REGION, which boto3 does not read; empty if another variable names the region.
        make_client: Makes the S3 client of a region; None for boto3's own. The lake gives dagster-aws's.
    """

    given_region: str = ""
    make_client: Callable[[str], Any] | None = None

    @cached_property
    def session(self) -> "Session":
        """The boto3 session."""
        import boto3

        with aws_settings():
            return boto3.Session(region_name=self.given_region or None)

    @property
    def region(self) -> str:
        """The region.

        Raises:
            SettingError: No region was given.
        """
        region: str | None = self.session.region_name
        if not region:
            raise SettingError("AWS_REGION is not given: set it to the region of the bucket.")
        return region

    @cached_property
    def s3(self) -> Any:
        """The S3 client."""
        region = self.region
        with aws_settings():
            if self.make_client is not None:
                return self.make_client(region)
            return self.session.client("s3", region_name=region)

    @cached_property
    def endpoint(self) -> str | None:
        """URL of the S3 server; None if it is AWS."""
        return own_endpoint(self.s3)  # to make another client for it takes a tenth of a second

    def file_io(self) -> dict[str, str]:
        """PyIceberg's properties of the S3 server. They may hold credentials: never show them."""
        properties = {"client.region": self.region, "s3.region": self.region}
        if self.endpoint:
            properties["s3.endpoint"] = self.endpoint
        names = {
            "access_key": "s3.access-key-id",
            "secret_key": "s3.secret-access-key",
            "session_token": "s3.session-token",
        }
        credentials = credentials_for_arrow(self.session)
        return properties | {names[name]: value for name, value in credentials.items() if value}


@contextmanager
def aws_settings() -> Iterator[None]:
    """Turns errors about the AWS settings of the process into a sentence.

    Raises:
        SettingError: A variable or profile is missing or wrong, or the server cannot be reached.
    """
    from botocore import exceptions

    try:
        yield
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise SettingError(
            "There are no AWS credentials: set AWS_PROFILE, or another of the standard AWS variables."
        ) from None
    except exceptions.ProfileNotFound as error:
        raise SettingError(f"{error}: check AWS_PROFILE.") from None
    except exceptions.CredentialRetrievalError as error:
        raise SettingError(
            f"The AWS credentials cannot be retrieved ({type(error).__name__}): log in again."
        ) from None
    except ValueError as error:  # an endpoint that is not a URL
        if "endpoint" not in str(error).lower():
            raise
        raise SettingError(f"{error}: check AWS_ENDPOINT_URL.") from None
    except (exceptions.EndpointConnectionError, exceptions.HTTPClientError) as error:
        # The URL of a request may name keys of the bucket.
        url = urlsplit(error.kwargs.get("endpoint_url", ""))
        server = f"{url.scheme}://{url.netloc}" if url.netloc else "The AWS endpoint"
        raise SettingError(
            f"{server} does not answer ({type(error).__name__}): check AWS_ENDPOINT_URL and AWS_REGION."
        ) from None
