"""Verifies receipts of erasures: `python scripts/verify_receipt.py FOLDER [--key PUBLIC]`.

Imports nothing of stedi_assets, so that anyone can read it and run it; it needs `cryptography`.
Exit code 0: every signature is good, and no receipt was taken out of the chain.
"""

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def faults_of(path: Path, number: int, before: str, key: str) -> list[str]:
    """What is wrong with a receipt.

    Args:
        path: The receipt.
        number: The number that it should have.
        before: The SHA-256 that it should name.
        key: The public key in base64.
    """
    try:
        given = json.loads(path.read_bytes())
        content, signature = given["receipt"], base64.b64decode(given["signature"])
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key)).verify(signature, text.encode())
    except InvalidSignature:
        return ["its signature is wrong"]
    except (ValueError, KeyError, TypeError):
        return ["it is no receipt"]
    checks = {
        "it is out of its place in the chain": content.get("number") != number,
        "it does not name the receipt before it": content.get("before") != before,
        "it does not say what is out of reach": not content.get("out of reach"),
    }
    return [fault for fault, found in checks.items() if found]


def main() -> int:
    """Verifies all receipts of a folder; returns the exit code."""
    parser = argparse.ArgumentParser(description="Verifies the receipts of erasures in a folder.")
    parser.add_argument("folder", type=Path, help="the folder with 000001.json, 000002.json, …")
    parser.add_argument("--key", help="the public key in base64; by default that of the first receipt")
    parser.add_argument("--count", type=int, help="how many receipts there must be, at least")
    given = parser.parse_args()
    receipts = sorted(given.folder.glob("*.json"))
    before, bad = "", not receipts or len(receipts) < (given.count or 0)
    key = given.key or (json.loads(receipts[0].read_bytes())["receipt"]["public key"] if receipts else "")
    for number, path in enumerate(receipts, start=1):
        faults = faults_of(path, number, before, key)
        before = hashlib.sha256(path.read_bytes()).hexdigest()
        bad = bad or bool(faults)
        print(f"{path.name}: {'; '.join(faults) or 'good'}")
    print(f"{len(receipts)} receipts, public key {key}: {'NOT good' if bad else 'all good'}")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
