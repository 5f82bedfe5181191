"""Keys and their sources: of pseudonyms, of erasures. None appears in a log, in metadata or in a plan."""

import os
import secrets
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from stedi_assets.errors import SettingError
from stedi_assets.lake.progress import report
from stedi_assets.lake.storage import Aws, aws_settings

SHORTEST_KEY = 32
SECRET_ARN = "arn:aws"


class SecretKey(dg.ConfigurableResource[None]):
    """A key: by default the one that turns people into subjects.

    Attributes:
        given: The value of its setting: the key, or the ARN of a Secrets Manager secret that
            holds it; empty if it was not given.
        file: File in which a key is made once and kept, mode 0600, if none was given.
        setting: Its setting.
        named: What it is called.
    """

    given: str = ""
    file: str = ""
    setting: str = "STEDI_PSEUDONYM_KEY"
    named: str = "pseudonym key"

    _key: bytes | None = PrivateAttr(default=None)

    def read(self) -> bytes:
        """The key; its text as bytes.

        Raises:
            SettingError: There is no key, or it is too short to be one.
        """
        if self._key is None:
            self._key = self._read()
        return self._key

    def _read(self) -> bytes:
        if self.given.startswith(SECRET_ARN):
            text, origin = read_secret(self.given, self.setting), self.given
        elif self.given:
            text, origin = self.given, self.setting
        elif not self.file:
            raise SettingError(
                f"{self.setting} is not given, but the lake is in S3, where no key is kept: give a key "
                "(`openssl rand -hex 32`), or the ARN of a Secrets Manager secret that holds it."
            )
        else:
            text, origin = self._kept(), self.file
        if len(text) < SHORTEST_KEY:
            raise SettingError(
                f"The {self.named} in {origin} has fewer than {SHORTEST_KEY} characters: "
                "make one with `openssl rand -hex 32`."
            )
        return text.encode()

    def _kept(self) -> str:
        path = Path(self.file)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Written under another name first, so that a run killed here leaves no half of a key.
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                stream.write(secrets.token_hex(32))
            try:
                os.link(draft, path)  # unlike a rename it never replaces a key made meanwhile
                report(self.named, f"made one, kept in {path} (mode 0600)")
            except FileExistsError:
                pass
            draft.unlink()
        return path.read_text().strip()


def read_secret(arn: str, setting: str) -> str:
    """The text of a Secrets Manager secret, which a setting names.

    Raises:
        SettingError: The secret does not exist, is denied, or holds no text.
    """
    from botocore.exceptions import ClientError

    try:
        with aws_settings():
            session = Aws(arn.split(":")[3]).session  # a secret lives in the region that its ARN names
            answer = session.client("secretsmanager").get_secret_value(SecretId=arn)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "no code")
        raise SettingError(
            f"{setting}: the secret {arn} cannot be read ({code}): check the ARN and AWS_PROFILE."
        ) from None
    text: str | None = answer.get("SecretString")
    if text is None:
        raise SettingError(f"{setting}: the secret {arn} is binary: store the key as plain text.")
    return text.strip()
