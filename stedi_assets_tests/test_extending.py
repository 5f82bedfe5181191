"""docs/extending.md: its worked examples, applied to a copy of the package, do what the page says."""

import json
import re
import shutil
from pathlib import Path

import pytest

from stedi_assets_tests.support.commands import KEY, stedi
from stedi_assets_tests.support.lakes import EPOCH, REPOSITORY, customer, write_landing

PAGE = REPOSITORY / "docs" / "extending.md"
DAY = 86_400_000
ADA, BO = "ada@example.com", "bo@example.com"
SERIAL = "6b1a4f7e-0c5d-4f7e-9a51-1f0d2c3b4a59"


def applied(package_root: Path, diff: str) -> None:
    """Applies a diff of the page: every hunk must match one place; one of new lines alone is appended."""
    head, *hunks = re.split(r"^@@.*\n|(?<=\.py)\n", diff, flags=re.MULTILINE)
    file = package_root / head.removeprefix("--- ")
    text = file.read_text()
    for hunk in filter(None, hunks):
        lines = hunk.splitlines()
        assert all(line[:1] in {" ", "+", "-"} for line in lines), hunk
        before = "".join(f"{line[1:]}\n" for line in lines if line[0] != "+")
        after = "".join(f"{line[1:]}\n" for line in lines if line[0] != "-")
        assert not before or text.count(before) == 1, f"{file.name}: not one place for\n{before}"
        text = text.replace(before, after) if before else text + after
    file.write_text(text)


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A folder with the extended package, which commands that run there import, and a landing zone."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(
        REPOSITORY / "stedi_assets", folder / "stedi_assets", ignore=shutil.ignore_patterns("__pycache__")
    )
    for diff in re.findall(r"^```diff\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        applied(folder, diff)
    write_landing(
        folder / "landing",
        {
            "customer/landing/1.json": "\n".join(
                (customer(ADA, consent=1, serial=SERIAL), customer(BO, consent=None, serial="another"))
            ),
            "accelerometer/landing/1.json": "\n".join(
                (
                    reading("Ada@example.com", 10),
                    reading(ADA, 20),
                    reading(ADA, DAY),
                    reading(BO, 10),
                )
            ),
            "step_trainer/landing/1.json": "\n".join(
                (step(10), step(20, batteryLevel=80), step(30, batteryLevel=140))
            ),
        },
    )
    run(folder)
    return folder


def reading(user: str, at: int) -> str:
    return json.dumps({"user": user, "timestamp": EPOCH + at, "x": 0.5, "y": 0.5, "z": 0.5})


def step(at: int, **more: int) -> str:
    return json.dumps(
        {"sensorReadingTime": EPOCH + at, "serialNumber": SERIAL, "distanceFromObject": 7, **more}
    )


def run(folder: Path) -> None:
    stedi(folder, "run", "--landing", "landing", "--lake", "lake", STEDI_PSEUDONYM_KEY=KEY)


def rows(folder: Path, query: str) -> list[str]:
    lines = stedi(folder, "sql", "--lake", "lake", query, STEDI_PSEUDONYM_KEY=KEY).stdout.splitlines()
    return [line.replace(" ", "") for line in lines]


def test_the_column_is_in_the_landing_and_the_trusted_table(extended):
    assert rows(extended, "SELECT 1") == []
