"""The loader of the machine-learning table: pinned, cited, without an engine."""

import importlib.util
import subprocess
import sys
from collections import Counter

import pytest

from stedi_assets.errors import LakeError, SettingError
from stedi_assets.ml import GoneSubjects, open_readings
from stedi_assets_tests.support.lakes import customer, write_landing
from stedi_assets_tests.support.paired import PEOPLE

TABLE = "machine_learning_curated"


def opened(lake, **options):
    return open_readings(lake.environment.lake, **options)


def rows_of(table):
    return Counter(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_the_import_loads_neither_dagster_nor_an_engine():
    code = (
        "import sys; from stedi_assets.ml import open_readings; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"dagster", "pyspark", "pysail", "pandera"} & {*loaded.split()}


def test_every_way_to_load_gives_the_rows_of_the_table(lake):
    pinned, rows = opened(lake), lake.rows(TABLE)
    assert rows_of(pinned.to_arrow()) == rows
    assert sum(rows.values()) == len(PEOPLE) * 30
    assert len(pinned.to_pandas(["subject_id", "x"]).columns) == 2
    for seed in (None, 1):
        loaded = [*pinned.batches(50, seed=seed)]
        assert max(map(len, loaded)) <= 50
        assert sum((rows_of(batch) for batch in loaded), Counter()) == rows


def test_polars_loads_the_rows_too(lake):
    if importlib.util.find_spec("polars") is None:
        pytest.skip("polars is not installed.")
    assert opened(lake).to_polars().height == len(PEOPLE) * 30


def test_torch_workers_share_the_rows(lake):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed.")
    from torch.utils.data import DataLoader

    loaded = DataLoader(opened(lake).torch(10), batch_size=None, num_workers=2)
    assert sum(len(batch["x"]) for batch in loaded) == len(PEOPLE) * 30


def test_splits_hold_each_row_once(lake):
    parts = [opened(lake, split=split).to_arrow() for split in ("train", "validation", "test")]
    assert sum(map(rows_of, parts), Counter()) == lake.rows(TABLE)
    with pytest.raises(SettingError, match="split is all, but must be train, validation, test"):
        opened(lake, split="all")


def test_a_seed_gives_the_same_order_again(lake):
    orders = [[batch.to_pylist() for batch in opened(lake).batches(7, seed=seed)] for seed in (3, 3, 4)]
    assert orders[0] == orders[1] != orders[2]


def test_windows_are_of_one_subject(lake):
    windows = opened(lake).windows(0.5)
    assert windows.values.shape == (len(PEOPLE) * 2 * 3, 5, 4)
    assert len(set(windows.subjects)) == len(PEOPLE)


def test_a_citation_opens_the_same_rows_when_the_table_has_changed(lake):
    pinned = opened(lake)
    rows = rows_of(pinned.to_arrow())
    write_landing(lake.landing, {"customer/landing/0.json": customer("ada@example.com", None, updated=2_000)})
    lake.built()
    assert opened(lake).citation != pinned.citation
    with pytest.warns(GoneSubjects, match=r"^1 subject of snapshot \d+ of machine_learning_curated left "):
        again = opened(lake, snapshot=pinned.citation)
    assert rows_of(again.to_arrow()) == rows
    with pytest.raises(LakeError, match="1 subject of snapshot"):
        opened(lake, snapshot=pinned.snapshot, strict=True)
    other = pinned.citation[:-16] + "0" * 16
    with pytest.raises(LakeError, match="is not the one that was cited"):
        opened(lake, snapshot=other)


def test_after_a_rekey_no_one_can_tell_who_left(lake, monkeypatch):
    before = opened(lake)
    monkeypatch.setenv("STEDI_PSEUDONYM_KEY", "b" * 64)
    lake.built(rekey=True, select=TABLE)
    with pytest.warns(GoneSubjects, match="was made with another pseudonym key"):
        opened(lake, snapshot=before.snapshot)
    with pytest.raises(LakeError, match="another pseudonym key"):
        opened(lake, snapshot=before.snapshot, strict=True)


@pytest.mark.parametrize("snapshot", ["yesterday", "stedi:other@1#0123456789abcdef"])
def test_what_is_no_snapshot_is_said_in_a_sentence(lake, snapshot):
    with pytest.raises(SettingError, match="neither an id nor a citation"):
        opened(lake, snapshot=snapshot)


def test_an_expired_snapshot_is_said_in_a_sentence(lake):
    with pytest.raises(LakeError, match="Snapshot 5 of machine_learning_curated has expired or never was"):
        opened(lake, snapshot=5)


def test_a_lake_that_is_not_there_is_said_in_a_sentence(tmp_path):
    with pytest.raises(SettingError, match="There is no lake at "):
        open_readings(str(tmp_path / "nowhere"))
    assert not [*tmp_path.iterdir()]
