"""Files of any name and kind: each is ingested once, refused by name, or left alone."""

import os

import pytest

from stedi_assets.lake.storage import Aws
from stedi_assets_tests.support.lakes import TestLake, new_lake, reading, write_landing
from stedi_assets_tests.support.s3 import lake_in_s3, put
from stedi_assets_tests.support.states import arrow, assert_nothing_is_lost
from stedi_assets_tests.support.town import day

pytestmark = [
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("key"),
]

AS_OF = day(20)
ACCELEROMETER = "accelerometer_landing"


def of_phone(lake: TestLake, **options) -> tuple[list[float], dict[str, tuple[str, str | None]]]:
    """The x of all landed readings, and the outcome of every file with its reason."""
    lake.built(select=ACCELEROMETER, as_of=AS_OF, **options)
    assert_nothing_is_lost(lake)
    entries = arrow(lake, "ledger").to_pylist()
    return (
        sorted(row["x"] for row in arrow(lake, ACCELEROMETER).to_pylist()),
        {entry["path"].partition("landing/")[2]: (entry["outcome"], entry["reason"]) for entry in entries},
    )


def test_a_file_that_cannot_be_read_is_refused_and_taken_once_it_can(tmp_path):
    lake = new_lake(tmp_path)
    folder = (
        write_landing(lake.landing, {"accelerometer/landing/a.json": reading(x=1)}) / "accelerometer/landing"
    )
    (folder / "bad.json").symlink_to("/proc/self/mem")
    refused = ("refused", "It is a link that leads out of the landing zone: put a copy in its place.")
    assert of_phone(lake) == ([1], {"a.json": ("ingested", None), "bad.json": refused})
    (folder / "bad.json").unlink()
    (folder / "bad.json").write_text(reading(x=2))
    xs, files = of_phone(lake)
    assert (xs, files["bad.json"]) == ([1, 2], ("ingested", None))


def test_what_is_named_like_a_file_and_is_none_is_left_alone(tmp_path):
    lake = new_lake(tmp_path)
    folder = (
        write_landing(lake.landing, {"accelerometer/landing/a.json": reading(x=1)}) / "accelerometer/landing"
    )
    (folder / "dangling.json").symlink_to("nowhere")
    (folder / "loop.json").symlink_to("loop.json")
    (folder / "folder.json").mkdir()
    (folder / "folder.json" / "b.json").write_text(reading(x=2))
    (folder / "folder.json" / "round").symlink_to(folder)
    os.mkfifo(folder / "pipe.json")
    (folder / "empty.json").touch()
    xs, files = of_phone(lake)
    assert xs == [1, 2]
    assert {name for name, (outcome, _) in files.items() if outcome == "ingested"} == {
        "a.json", "folder.json/b.json", "empty.json"
    }  # fmt: skip


NAMES = (
    "with space.json", " leading.json", "trailing .json", "ünï — ☃.json", "e\u0301.json", "\u00e9.json",
    "a..b.json",  "new\nline.json", "tab\t.json", "cr\r.json",
    "per%20cent.json", "100%.json", "%2e%2e%2f.json", "%0A.json", "back\\slash.json", "star*.json",
    "[a-z].json", "{a,b}.json", "quote'.json", 'quote".json', "question?.json", "hash#1.json",
    "plus+and&.json", "a=b/c.json", "_hidden.json", "_delta_log/x.json", "$HOME.json", "~.json",
    "-rf.json", ":.json", "s3:/x.json", "\u202egnp.json", "UPPER.JSON",
)  # fmt: skip


def test_files_are_read_whatever_their_names(tmp_path):
    lake = new_lake(tmp_path)
    files = {name: reading(x=number / 10) for number, name in enumerate(NAMES)}
    write_landing(lake.landing, {f"accelerometer/landing/{name}": line for name, line in files.items()})
    with open(os.fsencode(lake.landing / "accelerometer/landing") + b"/\xff.json", "w") as file:
        file.write(reading(x=9))
    xs, found = of_phone(lake)
    assert {name: found[name][0] for name in NAMES} == dict.fromkeys(NAMES, "ingested")
    assert xs == [number / 10 for number in range(len(NAMES))]
    assert found["\\udcff.json"] == ("refused", "Its name is not valid UTF-8: rename it.")
    write_landing(lake.landing, {"accelerometer/landing/more.json": reading(x=9)})
    assert len(of_phone(lake)[0]) == len(NAMES) + 1


def test_keys_in_s3_that_are_no_files_or_cannot_be_named_stop_nothing(glue, tmp_path, monkeypatch):
    # SeaweedFS refuses some of these keys, as AWS does not; moto takes all.
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", glue.url)
    client = Aws("us-east-1").s3
    for bucket in ("landing", "lake"):
        client.create_bucket(Bucket=bucket)
    lake = lake_in_s3(tmp_path)
    root = f"{lake.settings['STEDI_LANDING']}/accelerometer/landing"
    for marker in ("/", "/year/", "/year.json/"):
        put(f"{root}{marker}", client=client)
    put(f"{root}/zero.json", client=client)
    names = ("with space.json", "per%20cent.json", "ünï☃.json", "a..b.json", "year/c.json")
    for number, name in enumerate(names):
        put(f"{root}/{name}", reading(x=number / 10).encode(), client)
    unnamable = ("empty//name.json", "a/../b.json", "./c.json")
    for name in unnamable:
        put(f"{root}/{name}", reading(x=9).encode(), client)
    xs, found = of_phone(lake)
    assert xs == [number / 10 for number in range(len(names))]
    sentence = "Its key has an empty folder name, or one of dots only: rename it."
    assert {name: found.pop(name) for name in unnamable} == dict.fromkeys(unnamable, ("refused", sentence))
    assert found == dict.fromkeys((*names, "zero.json"), ("ingested", None))


@pytest.mark.nightly
def test_ten_thousand_files_in_one_folder(tmp_path):
    lake = new_lake(tmp_path)
    lines = {
        f"{number:05}.json": reading(x=number % 1_600 / 100, timestamp=AS_OF - number)
        for number in range(10_000)
    }
    write_landing(lake.landing, {f"accelerometer/landing/{name}": line for name, line in lines.items()})
    xs, found = of_phone(lake)
    assert (len(xs), len(found)) == (10_000, 10_000)
