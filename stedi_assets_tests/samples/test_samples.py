"""The invented landing zones: same bytes for the same seed, sensible signals, every story of consent."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stedi_assets.samples import Generated, generate, zone
from stedi_assets_tests.support.zones import DATA, SOURCES, bytes_of

CUSTOMERS, DAYS, FILES_PER_DAY = 40, 3, 2
DAY_MS = 86_400_000
FIRST_INSTANT = 1_709_251_200_000  # 2024-03-01T00:00:00Z
LATE_EXPORT = "customer/landing/customer-2024-03-04-00.json"  # the day after the last reading
NEVER, SILENT = 8, 1  # customers of twenty, see people.STORIES


def records(folder: Path, source: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted((folder / source / "landing").glob(f"{source}-*.json"))
        for line in path.read_text().splitlines()
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Generated]:
    out = tmp_path_factory.mktemp("zone")
    return out, generate(out, CUSTOMERS, DAYS, seed=1, files_per_day=FILES_PER_DAY)


def test_the_same_arguments_give_the_same_bytes(made: tuple[Path, Generated], tmp_path: Path) -> None:
    assert generate(tmp_path, CUSTOMERS, DAYS, seed=1, files_per_day=FILES_PER_DAY) == made[1]
    assert bytes_of(tmp_path) == bytes_of(made[0])


def test_another_seed_gives_other_readings_and_devices(made: tuple[Path, Generated], tmp_path: Path) -> None:
    generate(tmp_path, CUSTOMERS, DAYS, seed=2, files_per_day=FILES_PER_DAY)
    other, this = bytes_of(tmp_path), bytes_of(made[0])
    same = {path for path in this if other.get(path) == this[path]}
    assert same == set()


def test_files_are_laid_out_like_the_public_bucket(made: tuple[Path, Generated]) -> None:
    readings = {
        f"{source}/landing/{source}-2024-03-0{day}-0{part}.json"
        for source in ("accelerometer", "step_trainer")
        for day in (1, 2, 3)
        for part in (0, 1)
    }
    exports = {f"customer/landing/customer-2024-03-0{day}-00.json" for day in (1, 2, 3, 4)}
    assert set(bytes_of(made[0])) == readings | exports


def test_keys_are_spelt_as_in_the_public_data(made: tuple[Path, Generated]) -> None:
    always = {
        "customerName",
        "email",
        "phone",
        "birthDay",
        "serialNumber",
        "registrationDate",
        "lastUpdateDate",
    }
    shares = {f"shareWith{whom}AsOfDate" for whom in ("Research", "Public", "Friends")}
    assert {key for record in records(made[0], "customer") for key in record} == always | shares
    assert all(always <= set(record) for record in records(made[0], "customer"))
    assert {tuple(r) for r in records(made[0], "accelerometer")} == {("user", "timestamp", "x", "y", "z")}
    assert {tuple(r) for r in records(made[0], "step_trainer")} == {
        ("sensorReadingTime", "serialNumber", "distanceFromObject")
    }


def test_what_was_written_is_counted(made: tuple[Path, Generated]) -> None:
    out, generated = made
    files = bytes_of(out)
    customers, accelerometer, step_trainer = (len(records(out, source)) for source in SOURCES)
    size = sum(map(len, files.values()))
    assert generated == Generated(customers, accelerometer, step_trainer, len(files), size)


def test_a_customer_has_about_160_readings_a_day(made: tuple[Path, Generated]) -> None:
    _, generated = made
    walkers_and_days = (CUSTOMERS - CUSTOMERS // 20 * SILENT) * DAYS
    assert 38 <= generated.step_trainer / walkers_and_days <= 42
    assert 2.9 <= generated.accelerometer / generated.step_trainer <= 3.1


def test_several_readings_share_an_instant_but_none_is_repeated(made: tuple[Path, Generated]) -> None:
    readings = [tuple(record.values()) for record in records(made[0], "accelerometer")]
    assert len(set(readings)) == len(readings)
    assert set(Counter(reading[:2] for reading in readings).values()) == {2, 3, 4}


def test_every_instant_has_both_kinds_of_readings(made: tuple[Path, Generated]) -> None:
    device = {record["email"]: record["serialNumber"] for record in records(made[0], "customer")}
    felt = {(device[r["user"]], r["timestamp"]) for r in records(made[0], "accelerometer")}
    seen = {(r["serialNumber"], r["sensorReadingTime"]) for r in records(made[0], "step_trainer")}
    assert felt == seen


def test_readings_lie_in_the_part_of_the_utc_day_that_their_file_names(made: tuple[Path, Generated]) -> None:
    for path, text in bytes_of(made[0]).items():
        if path.startswith("customer"):
            continue
        key = "timestamp" if path.startswith("accelerometer") else "sensorReadingTime"
        day, part = re.search(r"-(\d{4}-\d\d-\d\d)-(\d\d)\.json", path).groups()  # type: ignore[union-attr]
        instants = [json.loads(line)[key] for line in text.splitlines()]
        begins = (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY_MS + int(part) * DAY_MS // 2
        assert begins <= min(instants) <= max(instants) < begins + DAY_MS // 2


def test_signals_are_those_of_people_who_walk(made: tuple[Path, Generated]) -> None:
    readings = records(made[0], "accelerometer")
    axes = np.array([[r["x"], r["y"], r["z"]] for r in readings])
    assert np.abs(axes).max() < 2
    assert np.allclose(axes, axes.round(3), atol=1e-12)
    assert np.abs(axes.mean(axis=0) - [0, 0, 1]).max() < 0.05  # gravity is on z
    distances = [r["distanceFromObject"] for r in records(made[0], "step_trainer")]
    assert all(isinstance(distance, int) for distance in distances)
    assert 150 <= min(distances) < 300 < 700 < max(distances) <= 900


def test_people_take_between_one_and_a_half_and_two_and_a_half_steps_a_second(tmp_path: Path) -> None:
    generate(tmp_path, 10, 1, seed=3)
    walks: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for reading in records(tmp_path, "accelerometer"):
        walks[reading["user"]].append((reading["timestamp"], reading["z"] - 1))
    frequencies = np.arange(0.5, 4, 0.05)
    for walk in walks.values():
        seconds, z = (np.array(walk) - [walk[0][0], 0]).T * [[0.001], [1]]
        power = np.abs(np.exp(-2j * np.pi * frequencies[:, None] * seconds) @ z)
        assert 1.4 <= frequencies[power.argmax()] <= 2.6


def test_customers_are_plainly_invented(made: tuple[Path, Generated]) -> None:
    for customer in records(made[0], "customer"):
        assert customer["email"].endswith("@example.com")
        assert re.fullmatch(r"555-01\d\d", customer["phone"])
        assert "1940-01-01" <= customer["birthDay"] <= "2005-12-31"
        assert customer["registrationDate"] < FIRST_INSTANT


def test_every_story_of_consent_is_told(made: tuple[Path, Generated]) -> None:
    told: dict[str, list[bool]] = defaultdict(list)
    owners: dict[str, set[str]] = defaultdict(set)
    for customer in records(made[0], "customer"):
        told[customer["email"]].append("shareWithResearchAsOfDate" in customer)
        owners[customer["serialNumber"]].add(customer["email"])
    readers = {reading["user"] for reading in records(made[0], "accelerometer")}
    late = {json.loads(line)["email"] for line in bytes_of(made[0])[LATE_EXPORT].splitlines()}

    stories = Counter(tuple(story) for story in told.values())
    assert len(told) == CUSTOMERS
    assert stories == {
        (True,): 18,
        (False,): 2 * NEVER,
        (False, True): 2,
        (True, False): 2,
        (True, False, True): 2,
    }
    assert sorted(Counter(map(len, owners.values())).items()) == [(1, 36), (2, 2)]
    assert len(set(told) - readers) == 2 * SILENT
    assert len(late) == 2
    assert late <= readers


def test_some_consent_lies_between_readings(made: tuple[Path, Generated]) -> None:
    consents = [record.get("shareWithResearchAsOfDate", 0) for record in records(made[0], "customer")]
    between = [consent for consent in consents if FIRST_INSTANT < consent < FIRST_INSTANT + DAYS * DAY_MS]
    assert len(between) == 4  # two who agreed later, two who agreed again


ONE_CUSTOMER_DAY: dict[str, Any] = {"customers": 1, "days": 1, "seed": 0}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"customers": 0}, "customers is 0: ask for at least 1 customer."),
        ({"days": 0}, "days is 0: ask for at least 1 day."),
        ({"seed": -1}, "seed is -1: give a seed of 0 or more."),
        ({"files_per_day": 0}, "files_per_day is 0: give a number from 1 to 40."),
        ({"files_per_day": 41}, "files_per_day is 41: give a number from 1 to 40."),
    ],
)
def test_an_argument_out_of_range_is_refused(tmp_path: Path, change: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        generate(tmp_path, **ONE_CUSTOMER_DAY | change)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_landing_files_is_refused(tmp_path: Path) -> None:
    nested = tmp_path / "step_trainer/landing/2024/own.json"
    nested.parent.mkdir(parents=True)
    nested.write_text("{}\n")
    with pytest.raises(ValueError, match=r"^out already holds landing files .*: give an empty folder"):
        generate(tmp_path, 1, 1, seed=0)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [nested]


def test_the_smallest_and_the_most_divided_zone_have_no_empty_file(tmp_path: Path) -> None:
    generate(tmp_path, 1, 1, seed=0, files_per_day=40)
    sizes = {path: len(text) for path, text in bytes_of(tmp_path).items()}
    assert len(sizes) == 81
    assert min(sizes.values()) > 0


def test_memory_is_bounded_by_a_block_of_customers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zone, "_BLOCK", 4)
    from stedi_assets.samples.walks import Walkers

    lines_of_block = Walkers.lines
    written: list[int] = []

    def watched(block: Walkers, day: int, walk: int, walks: int) -> tuple[memoryview, int, memoryview, int]:
        text = lines_of_block(block, day, walk, walks)
        written.append(text[3])
        return text

    monkeypatch.setattr(Walkers, "lines", watched)
    generated = generate(tmp_path, 11, 2, seed=0)
    assert len(written) == 3 * 2
    assert max(written) <= 4 * 44
    assert sum(written) == generated.step_trainer


def test_numpy_is_imported_by_generating_only() -> None:
    code = "import sys, stedi_assets.samples; sys.exit(bool({'numpy', 'pyarrow'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=DATA.parent)
