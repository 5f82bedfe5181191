"""Exports: standard programs read them, they equal the table, and the lake remembers where they are."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from stedi_assets.cli.main import main
from stedi_assets.lake.storage import Aws
from stedi_assets.ml import open_readings
from stedi_assets.ml.data_card import FEW
from stedi_assets_tests.support.lakes import customer, write_landing
from stedi_assets_tests.support.paired import PEOPLE

SPLITS = ("train", "validation", "test")


def stedi(lake, *args):
    return CliRunner().invoke(main, [*args, "--lake", str(lake.folder / "lake")], env=dict(lake.settings))


def exported(lake, out, *more):
    done = stedi(lake, "export", "--out", str(out), *more)
    assert done.exit_code == 0, done.output
    return out


READ = """
import json, sys
import mlcroissant

data = mlcroissant.Dataset(jsonld=sys.argv[1])
issues = data.metadata.issues
assert not issues.errors | issues.warnings, issues
plain = lambda value: value.decode() if isinstance(value, bytes) else str(value)
for split in ("train", "validation", "test"):
    for record in data.records(f"{split}_readings"):
        print(json.dumps({name.rpartition("/")[2]: plain(value) for name, value in record.items()}))
"""


def read_by_mlcroissant(out):
    """The rows of all splits, read by a process of its own, as its logging takes over that of the tests."""
    read = [sys.executable, "-c", READ, str(out / "croissant.json")]
    return subprocess.run(read, capture_output=True, text=True)


def plain(record):
    texts = {name: str(record[name]) for name in ("subject_id", "split")}
    texts["event_date"] = str(record["event_date"])[:10]
    numbers = {name: float(value) for name, value in record.items() if name not in texts}
    return tuple(sorted((texts | numbers).items()))


def test_what_mlcroissant_reads_is_the_table(lake, tmp_path):
    read = read_by_mlcroissant(exported(lake, tmp_path / "out"))
    assert read.returncode == 0, read.stderr
    assert "@context" not in read.stderr
    rows = open_readings(str(lake.folder / "lake")).to_arrow().to_pylist()
    assert rows
    assert Counter(plain(json.loads(line)) for line in read.stdout.splitlines()) == Counter(map(plain, rows))


def test_each_split_is_a_file_and_a_person_is_in_one_of_them(lake, tmp_path):
    out = exported(lake, tmp_path / "out")
    people = [set(pq.read_table(out / f"data/{split}.parquet")["subject_id"].to_pylist()) for split in SPLITS]
    assert sum(map(len, people)) == len(set().union(*people)) == len(PEOPLE)


def test_a_changed_byte_is_found_by_two_programs(lake, tmp_path):
    out = exported(lake, tmp_path / "out")
    assert subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=out, capture_output=True).returncode == 0
    data = out / "data/train.parquet"
    data.write_bytes(data.read_bytes()[:-1] + b"X")
    assert subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=out, capture_output=True).returncode == 1
    read = read_by_mlcroissant(out)
    assert read.returncode == 1
    assert "GenerationError" in read.stderr


def test_the_same_snapshot_gives_the_same_bytes(lake, tmp_path):
    one, other = (exported(lake, tmp_path / name) for name in ("one", "other"))
    assert (one / "SHA256SUMS").read_text() == (other / "SHA256SUMS").read_text()


def test_the_description_says_what_the_rows_were_made_of(lake, tmp_path):
    out = exported(lake, tmp_path / "out", "--licence", "https://example.com/licence")
    described = json.loads((out / "croissant.json").read_text())
    assert described["license"] == "https://example.com/licence"
    assert described["citeAs"] == open_readings(str(lake.folder / "lake")).citation
    inputs = {name["@id"].rpartition("@")[0] for name in described["prov:wasDerivedFrom"]}
    assert {"stedi:accelerometer_trusted", "stedi:step_trainer_trusted"} <= inputs


def test_the_card_counts_no_group_of_fewer_than_five_people(lake, tmp_path):
    card = (exported(lake, tmp_path / "out") / "README.md").read_text()
    for split in SPLITS:
        people = len(set(open_readings(str(lake.folder / "lake"), split=split).to_arrow()["subject_id"]))
        [line] = [line for line in card.splitlines() if line.startswith(f"| {split} | ")]
        assert (FEW in line) == (people < 5)


def test_nothing_of_a_person_but_the_pseudonym_is_in_it(lake, tmp_path):
    out = exported(lake, tmp_path / "out")
    for file in out.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert not [value for pair in PEOPLE.items() for value in pair if value.encode() in content]


def test_an_erasure_names_the_exports_that_it_does_not_reach(lake, tmp_path):
    out = exported(lake, tmp_path / "out")
    asked = tmp_path / "request.txt"
    asked.write_text(f"{next(iter(PEOPLE))}\n")
    done = stedi(lake, "erase", "plan", "--people", str(asked), "--landing", str(lake.landing))
    assert done.exit_code == 0, done.output
    assert f"file://{out}" in done.output
    assert "is out of reach" in done.output


def test_an_export_to_s3_has_the_bytes_of_one_to_a_folder(lake, tmp_path, s3):
    bucket = Aws("us-east-1").s3
    bucket.create_bucket(Bucket="exports")
    out = exported(lake, tmp_path / "out")
    exported(lake, "s3://exports/readings")
    for file in filter(Path.is_file, out.rglob("*")):
        key = f"readings/{file.relative_to(out)}"
        assert bucket.get_object(Bucket="exports", Key=key)["Body"].read() == file.read_bytes()


def test_a_snapshot_with_people_who_left_is_not_exported(lake, tmp_path):
    citation = open_readings(str(lake.folder / "lake")).citation
    email, device = next(iter(PEOPLE.items()))
    gone = customer(email, None, updated=2_000, serial=device)
    write_landing(lake.landing, {"customer/landing/gone.json": gone})
    lake.built()
    done = stedi(lake, "export", "--out", str(tmp_path / "out"), "--snapshot", citation)
    assert done.exit_code == 1
    assert "left the current table" in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("where", ["full", "lake"])
def test_a_folder_that_is_taken_is_refused_and_not_registered(lake, tmp_path, where):
    out = tmp_path if where == "full" else lake.folder / "lake" / "out"
    (tmp_path / "file").write_text("taken")
    done = stedi(lake, "export", "--out", str(out))
    assert done.exit_code == 2
    assert "give it" in done.output
    assert not [name for name in lake.table("machine_learning_curated").properties if "export" in name]


def test_a_refresh_after_an_export_has_nothing_to_do(lake, tmp_path):
    exported(lake, tmp_path / "out")
    before = lake.snapshots()
    lake.built()
    assert lake.snapshots() == before
