"""Receipts: signed, chained to the one before, without personal data."""

import base64
import hashlib
import hmac
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stedi_assets.errors import LakeError
from stedi_assets.lake.storage import Storage

OUT_OF_REACH = (
    "backups of the lake, of the landing root and of the catalog",
    "replicas of buckets",
    "data that left the lake: exports, results of queries, models that were trained",
    "the lake and the tombstones, if both are put back together from one backup",
    "records that name no one, such as a cut-off line without an email",
)
"""What no erasure here can reach; a receipt without it is invalid."""


def canonical_json(value: Any) -> bytes:
    """JSON in one spelling: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class Receipts:
    """The receipts below a place.

    Attributes:
        place: URI of the folder.
        storage: Its storage.
        key: The key of erasures, from which the signing key is derived.
    """

    place: str
    storage: Storage = field(repr=False)
    key: bytes = field(repr=False)

    def sign(self, facts: Mapping[str, Any]) -> str:
        """Signs and stores a receipt.

        Args:
            facts: What it says; see `eraser.erase`.

        Returns:
            URI of the receipt.
        """
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        number, before = self._last()
        signer = self._signer()
        public = signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        content = {
            "number": number + 1,
            "before": before,
            "out of reach": [*OUT_OF_REACH],
            "public key": base64.b64encode(public).decode(),
            **facts,
        }
        signature = base64.b64encode(signer.sign(canonical_json(content))).decode()
        uri = f"{self.place}/receipts/{number + 1:06}.json"
        data = canonical_json({"receipt": content, "signature": signature})
        self.storage.write(uri, io.BytesIO(data))
        return uri

    def check(self, data: bytes) -> Mapping[str, Any]:
        """Checks the signature of a receipt.

        Raises:
            LakeError: It is not one of ours, or was changed.
        """
        from cryptography.exceptions import InvalidSignature

        try:
            given = json.loads(data)
            content: Mapping[str, Any] = given["receipt"]
            self._signer().public_key().verify(base64.b64decode(given["signature"]), canonical_json(content))
        except (InvalidSignature, ValueError, KeyError, TypeError):
            raise LakeError(
                "The receipt was changed, or was signed with another key: use the file as it was written."
            ) from None
        if not content.get("out of reach"):
            raise LakeError("The receipt does not say what is out of reach, so it is invalid.")
        return content

    def _last(self) -> tuple[int, str]:
        """The number and the hash of the last receipt; 0 and nothing if there is none."""
        number, before = 0, ""
        for file in self.storage.list(f"{self.place}/receipts"):
            if file.path.endswith(".json"):
                data = self.storage.read(file.uri)
                assert data is not None
                number, before = number + 1, hashlib.sha256(data).hexdigest()
        return number, before

    def _signer(self) -> Any:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        seed = hmac.new(self.key, b"stedi receipt", hashlib.sha256).digest()
        return Ed25519PrivateKey.from_private_bytes(seed)
