"""The pseudonym key: where it comes from. It never appears in a log, in metadata or in a plan."""

import os
import secrets
from pathlib import Path

import dagster as dg

from stedi_assets.errors import SettingError
from stedi_assets.lake.progress import report

SHORTEST_KEY = 32


class PseudonymKey(dg.ConfigurableResource[None]):
    """The key that turns people into subjects.

    Attributes:
        given: The key, from the setting STEDI_PSEUDONYM_KEY; empty when it was not given.
        file: Where a key is made once and kept, mode 0600, when none was given.
    """

    given: str = ""
    file: str = ""

    def read(self) -> bytes:
        """The key; its text as bytes.

        Raises:
            SettingError: The key is too short to be one.
        """
        text, origin = (self.given, "STEDI_PSEUDONYM_KEY") if self.given else (self._kept(), self.file)
        if len(text) < SHORTEST_KEY:
            raise SettingError(
                f"The pseudonym key in {origin} has fewer than {SHORTEST_KEY} characters: "
                "make one with `openssl rand -hex 32`."
            )
        return text.encode()

    def _kept(self) -> str:
        path = Path(self.file)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Written under another name first: a run killed here must not leave half a key.
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                stream.write(secrets.token_hex(32))
            try:
                os.link(draft, path)  # unlike a rename it never replaces a key made meanwhile
                report("machine_learning_curated", f"made a pseudonym key, kept in {path} (mode 0600)")
            except FileExistsError:
                pass
            draft.unlink()
        return path.read_text().strip()
