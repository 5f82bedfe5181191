"""The store of tombstones and the mark in the lake: neither can be put back without the other unnoticed."""

import pytest

from stedi_assets.errors import LakeError, SettingError
from stedi_assets.lake.erasures import ErasureStore, check_mark, keyed_hash
from stedi_assets.lake.storage import LocalStorage
from stedi_assets.settings import Settings


@pytest.fixture
def store(tmp_path):
    return ErasureStore(f"file://{tmp_path}/store", LocalStorage())


def two(store):
    first = store.append(store.read(), at=1, people=["a", "b"], devices=["d"], shared=["s"])
    return first, store.append(first, at=2, people=["c"], lifted=["a"])


def test_what_stands_is_what_was_added_and_not_lifted(store):
    two(store)
    erasures = store.read()
    assert erasures.people == {"b", "c"}
    assert dict(erasures.devices) == {"d": 1}
    assert erasures.shared == {"s"}


def test_a_lake_that_has_seen_all_is_accepted(store):
    _, both = two(store)
    check_mark(store.read(), both.mark)
    check_mark(ErasureStore("file:///nowhere/at-all", LocalStorage()).read(), None)


def test_a_lake_that_is_behind_is_told_to_reapply(store):
    first, _ = two(store)
    for mark in (first.mark, None):
        with pytest.raises(LakeError, match="stedi erase reapply"):
            check_mark(store.read(), mark)


def test_a_store_that_is_behind_or_another_one_is_refused(store, tmp_path):
    _, both = two(store)
    (tmp_path / "store/tombstones/000002.json").unlink()
    with pytest.raises(LakeError, match="put the tombstones back"):
        check_mark(store.read(), both.mark)
    other = ErasureStore(f"file://{tmp_path}/other", LocalStorage())
    one = other.append(other.read(), at=1, people=["z"])
    with pytest.raises(LakeError, match="other erasures"):
        check_mark(store.read(), one.mark)


def test_a_file_that_was_taken_away_is_missed(store, tmp_path):
    two(store)
    (tmp_path / "store/tombstones/000001.json").unlink()
    with pytest.raises(LakeError, match="not whole"):
        store.read()


def test_hashes_of_different_kinds_never_meet():
    hashes = {keyed_hash(b"k" * 32, kind, "x") for kind in ("person", "device", "content")}
    assert len(hashes) == 3
    assert keyed_hash(b"l" * 32, "person", "x") not in hashes


def test_a_lake_that_is_a_whole_bucket_has_no_place_for_tombstones_until_one_is_given():
    key = {"STEDI_LAKE": "s3://bucket", "STEDI_CATALOG": "glue", "STEDI_PSEUDONYM_KEY": "k" * 32}
    unset = ErasureStore(Settings.from_settings(key).erasure, LocalStorage())
    assert unset.read().entries == ()
    with pytest.raises(SettingError, match="STEDI_LAKE is a whole bucket: give the tombstones a place"):
        unset.check_place()
    with pytest.raises(SettingError, match="lie one in the other"):
        Settings.from_settings({**key, "STEDI_ERASURE": "s3://bucket/erasures"})
    assert (
        Settings.from_settings({**key, "STEDI_ERASURE": "s3://other/erasures"}).erasure
        == "s3://other/erasures"
    )
    assert (
        Settings.from_settings({**key, "STEDI_LAKE": "s3://bucket/lake"}).erasure
        == "s3://bucket/lake.erasure"
    )
