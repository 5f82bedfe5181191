"""How long a landing file takes to get into machine_learning_curated while `dagster dev` is up.

A server of its own, in a temporary home, with an empty lake and a copy of the landing folder, ingests that
folder by itself. Then a file with one reading is dropped, which makes one row more, again and again; drops
are spread over the interval of the sensor. The clock stops at the instant of the snapshot.

Run: python -m benchmarks.sensor_latency --landing DIR
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stedi_assets_tests.support.browser import DagsterUI, dagster_dev
from stedi_assets_tests.support.lakes import EPOCH, TestLake, customer, write_landing
from stedi_assets_tests.support.zones import awkward_zone

TABLE = "machine_learning_curated"
EMAIL, DEVICE = "latency@example.com", "latency-device"
FIRST_SECONDS, DROP_SECONDS = 1_800, 300
RUNS = "query Runs { runsOrError { ... on Runs { results { creationTime startTime endTime status } } } }"


@dataclass(frozen=True)
class Latency:
    """Seconds from the drop of a file.

    Attributes:
        requested: Until the run was made.
        started: Until it started.
        published: Until the snapshot.
    """

    requested: float
    started: float
    published: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--landing", type=Path, default=awkward_zone(), help="landing folder; a copy of it is used"
    )
    parser.add_argument("--interval", type=int, default=10, help="seconds between two looks of the sensor")
    parser.add_argument("--drops", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stedi-latency-") as name:
        lake = TestLake(
            Path(name), landing(arguments.landing or awkward_zone(), Path(name) / "in", arguments.drops)
        )
        settings = {
            "STEDI_LANDING": str(lake.landing),
            "STEDI_LAKE": str(lake.folder / "lake"),
            "STEDI_SENSOR_SECONDS": str(arguments.interval),
        }
        with dagster_dev(settings) as ui:
            found = list(latencies(ui, lake, arguments.drops, arguments.interval))
            runs = ui.ask(RUNS)["runsOrError"]["results"]
    print("drop  requested  started  published")
    for number, one in enumerate(found, start=1):
        print(f"{number:4}  {one.requested:9.1f}  {one.started:7.1f}  {one.published:9.1f}")
    print(f"median of {len(found)}: {statistics.median(one.published for one in found):.1f} s")
    print(f"runs: {len(runs)}, of which one for the landing folder and one for each drop are needed")


def landing(given: Path, root: Path, drops: int) -> Path:
    """A copy of a landing folder, with a person whose device has a reading for every drop."""
    shutil.copytree(given, root)
    steps = (
        {"sensorReadingTime": EPOCH + 10_000 + drop, "serialNumber": DEVICE, "distanceFromObject": 200}
        for drop in range(drops)
    )
    return write_landing(
        root,
        {
            "customer/landing/latency.json": customer(EMAIL, 1_000, serial=DEVICE),
            "step_trainer/landing/latency.json": "\n".join(map(json.dumps, steps)),
        },
    )


def latencies(ui: DagsterUI, lake: TestLake, drops: int, interval: int) -> Iterator[Latency]:
    """Drops the files, one after the other was published."""
    deadline = time.monotonic() + FIRST_SECONDS
    while not (runs := finished(ui)):
        assert time.monotonic() < deadline, f"no run ended:\n{ui.log.read_text()}"
        time.sleep(1)
    assert runs[0]["status"] == "SUCCESS", runs
    for drop in range(drops):
        time.sleep(interval * (1 + drop / drops))
        before = snapshot(lake)
        reading = {"user": EMAIL, "timestamp": EPOCH + 10_000 + drop, "x": 0.1, "y": 0.2, "z": 0.3}
        dropped = time.time()
        write_landing(lake.landing, {f"accelerometer/landing/latency-{drop}.json": json.dumps(reading)})
        while (after := snapshot(lake)).snapshot_id == before.snapshot_id:
            assert time.time() < dropped + DROP_SECONDS, f"nothing was published:\n{ui.log.read_text()}"
            time.sleep(0.5)
        assert rows(after) == rows(before) + 1
        run = ui.ask(RUNS)["runsOrError"]["results"][0]
        yield Latency(
            run["creationTime"] - dropped, run["startTime"] - dropped, after.timestamp_ms / 1000 - dropped
        )


def finished(ui: DagsterUI) -> list[dict[str, Any]]:
    """The runs that have ended."""
    return [run for run in ui.ask(RUNS)["runsOrError"]["results"] if run["endTime"]]


def snapshot(lake: TestLake) -> Any:
    """The current snapshot of the table."""
    return lake.table(TABLE).current_snapshot()


def rows(of: Any) -> int:
    """Rows of a snapshot."""
    return int(of.summary["total-records"])


if __name__ == "__main__":
    main()
