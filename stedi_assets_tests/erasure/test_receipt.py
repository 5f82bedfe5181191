"""Receipts: signed and chained, verified by a script that knows nothing of this project."""

import json
import re
from pathlib import Path

import pytest

from scripts import verify_receipt
from stedi_assets.erasure.receipt import Receipts
from stedi_assets.errors import LakeError
from stedi_assets.lake.storage import LocalStorage

KEY = b"a key of erasures of 32 letters!"


@pytest.fixture
def receipts(tmp_path):
    receipts = Receipts(f"file://{tmp_path}", LocalStorage(), KEY)
    for number in range(3):
        receipts.sign({"people": number})
    return receipts


@pytest.fixture
def verify(tmp_path, monkeypatch, receipts):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["verify_receipt", str(tmp_path / "receipts"), *arguments])
        return verify_receipt.main()

    return run


def test_a_whole_chain_is_good(verify, capsys):
    assert verify("--count", "3") == 0
    assert "all good" in capsys.readouterr().out


def test_none_can_be_taken_away(verify, tmp_path, capsys):
    (tmp_path / "receipts/000002.json").unlink()
    assert verify() == 1
    assert "out of its place" in capsys.readouterr().out


def test_the_last_one_is_missed_by_its_count(verify, tmp_path):
    (tmp_path / "receipts/000003.json").unlink()
    assert verify() == 0
    assert verify("--count", "3") == 1


@pytest.mark.parametrize("change", ["people", "out of reach", "number"])
def test_a_changed_receipt_is_found(verify, receipts, tmp_path, change):
    path = tmp_path / "receipts/000003.json"
    given = json.loads(path.read_bytes())
    given["receipt"][change] = []
    path.write_text(json.dumps(given))
    assert verify() == 1
    with pytest.raises(LakeError, match="was changed"):
        receipts.check(path.read_bytes())


def test_one_that_is_signed_anew_with_another_key_is_found(receipts, verify, tmp_path):
    other = Receipts(f"file://{tmp_path}/other", LocalStorage(), KEY[::-1])
    data = Path(other.sign({"people": 2}).removeprefix("file://")).read_bytes()
    (tmp_path / "receipts/000003.json").write_bytes(data)
    assert verify() == 1


def test_the_verifier_is_short_and_imports_nothing_of_ours():
    text = Path(verify_receipt.__file__).read_text()
    assert len(text.splitlines()) < 80
    assert not re.search(r"^(?:import|from) stedi_assets", text, re.MULTILINE)
