"""`stedi rekey`: another pseudonym key for everybody, splits as they were."""

import stat

import pytest

from stedi_assets.assets import DECLARED
from stedi_assets.cli import in_process
from stedi_assets.cli.commands import rekey as rekeying
from stedi_assets.errors import SettingError
from stedi_assets_tests.support.lakes import AS_OF, TestLake, present_at


def rekey(lake):
    with present_at(AS_OF):
        return rekeying.rekey(lake.environment, lambda progress: None, DECLARED)


def key_file(lake):
    return lake.folder / "lake.pseudonym-key"


def without_subject(lake):
    """The rows of the machine-learning table but for subject_id: splits among them."""
    return sorted(row[1:] for row in lake.rows("machine_learning_curated").elements())


def subjects(lake):
    return {row[0] for row in lake.rows("machine_learning_curated")}


@pytest.mark.slow
def test_every_policy_gets_a_new_key_and_splits_stay(tmp_path):
    lakes = [TestLake(tmp_path), TestLake(tmp_path, settings={"STEDI_POLICY": "reference"})]
    for lake in lakes:
        lake.built()
    key = key_file(lakes[0]).read_text()
    before = [(subjects(lake), without_subject(lake)) for lake in lakes]
    results = rekey(lakes[0])
    changed = [[name for name, table in result.tables.items() if table.changed] for result in results]
    assert changed == [["machine_learning_curated"]] * 2
    assert results[0].tables["machine_learning_curated"].what_changed == "another pseudonym key"
    for lake, (former, rows) in zip(lakes, before, strict=True):
        assert not subjects(lake) & former
        assert len(subjects(lake)) == len(former)
        assert without_subject(lake) == rows
        assert not lake.built().tables["machine_learning_curated"].changed
    assert key_file(lakes[0]).read_text() != key
    assert stat.S_IMODE(key_file(lakes[0]).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*key*")] == ["lake.pseudonym-key"]


@pytest.mark.slow
def test_a_given_key_replaces_the_kept_one(tmp_path, monkeypatch):
    lake = TestLake(tmp_path)
    lake.built()
    former = subjects(lake)
    monkeypatch.setenv("STEDI_PSEUDONYM_KEY", "n" * 40)
    lake.settings = {"STEDI_PSEUDONYM_KEY": "n" * 40}
    [sentence] = lake.run().failures
    assert "`stedi rekey`" in sentence
    rekey(lake)
    assert not subjects(lake) & former
    assert not lake.built().tables["machine_learning_curated"].changed


@pytest.mark.slow
def test_an_interrupted_rekey_is_finished_by_the_next_one_with_the_same_key(tmp_path, monkeypatch):
    lake = TestLake(tmp_path)
    lake.built()
    refresh = in_process.refresh

    def interrupted(*arguments, **options):
        refresh(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(in_process, "refresh", interrupted)
        with pytest.raises(KeyboardInterrupt):
            rekey(lake)
    made = subjects(lake)
    assert lake.run().failures  # the former key is still the kept one
    rekey(lake)
    assert subjects(lake) == made
    assert not lake.built().tables["machine_learning_curated"].changed


def test_a_lake_without_pseudonyms_is_refused_and_no_key_made(tmp_path):
    lake = TestLake(tmp_path)
    lake.built(select="customer_landing")
    with pytest.raises(SettingError, match=r"No table of .* was made with a pseudonym key yet"):
        rekey(lake)
    assert not list(tmp_path.glob("*key*"))
