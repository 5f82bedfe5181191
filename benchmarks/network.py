"""Compares `stedi run` on a local folder with the same on a local S3 server, under two catalogs.

The S3 server is SeaweedFS on the loopback address, so this is what requests cost, not what distance does.
Every run starts from an empty lake and a fresh DAGSTER_HOME; they take turns, so that noise hits all alike.
Counts are verified after every run; a goal that is not met is reported, it is not an error.

Run: python -m benchmarks.network [--landing DIR] [--repeat 5]
"""

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))  # the modules beside this one are scripts too

from compare import PUBLIC_DATA, last_json, log, stedi_beside_python
from counts import ALL_TABLES, CountChecker, is_public_data
from measure import run_measured
from report import Goal, Outcome, Run, grid, machine_line, markdown

from scripts.local_s3 import ACCESS, REGION, ObjectStore, object_store

KEY = "a key for benchmarks that keeps no secret"
GOALS = [Goal("landing", place, "local", "wall_seconds", "<=", 1.5) for place in ("s3-sqlite", "s3-rest")]


def settings(place: str, landing: Path, store: ObjectStore, turn: int, scratch: Path) -> dict[str, str]:
    """Where a run of a place finds the landing files, and an empty lake."""
    if place == "local":
        return {"STEDI_LANDING": str(landing), "STEDI_LAKE": str(scratch / "lake")}
    if place == "s3-sqlite":
        lake, catalog = f"s3://lake/{turn}", f"sqlite:///{scratch}/catalog.db"
    else:
        lake, catalog = f"s3://warehouse-{turn}", store.rest
    return {"STEDI_LANDING": "s3://landing", "STEDI_LAKE": lake, "STEDI_CATALOG": catalog}


def run_once(place: str, given: Mapping[str, str], scratch: Path, logs: Path) -> Run:
    """One run as a whole process."""
    home = scratch / "dagster_home"
    home.mkdir()
    environment = {**os.environ, **given, "STEDI_PSEUDONYM_KEY": KEY, "DAGSTER_HOME": str(home)}
    measured = run_measured(
        [stedi_beside_python(), "run", "--format", "json"], environment, logs / f"{place}.log"
    )
    printed = last_json(measured.stdout)
    rows = {table: figures["rows"] for table, figures in printed["tables"].items()}
    return Run(measured.wall_seconds, printed["seconds"], measured.peak_bytes, rows)


def cpu_seconds() -> float:
    """What the runs so far have used of all cores; it says more than time on a machine that others use."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def upload(landing: Path, store: ObjectStore) -> None:
    """Copies a landing root to the bucket `landing`."""
    import boto3

    keys = {name.lower(): value for name, value in ACCESS.items()}
    client = boto3.client("s3", endpoint_url=store.s3, region_name=REGION, **keys)
    for file in landing.rglob("*.json*"):
        client.upload_file(str(file), "landing", file.relative_to(landing).as_posix())


def main() -> None:
    """Measures and prints the figures as Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--landing", type=Path, default=PUBLIC_DATA, help="landing root; the public data")
    parser.add_argument("--repeat", type=int, default=5, help="runs in each place, default 5")
    chosen = parser.parse_args()
    landing = chosen.landing.resolve()
    checker = CountChecker(public_data=is_public_data(landing))
    machine = machine_line()
    runs: dict[str, list[Run]] = {place: [] for place in ("local", "s3-sqlite", "s3-rest")}
    cpu: dict[str, list[float]] = {place: [] for place in runs}
    with object_store() as store, tempfile.TemporaryDirectory(prefix="stedi-network-") as logs:
        upload(landing, store)
        for turn in range(chosen.repeat):
            for place, done in runs.items():
                with tempfile.TemporaryDirectory(dir=logs) as folder:
                    given = settings(place, landing, store, turn, Path(folder))
                    if place != "local":
                        given |= store.variables()
                    before = cpu_seconds()
                    run = run_once(place, given, Path(folder), Path(logs))
                    cpu[place].append(cpu_seconds() - before)
                checker.check(place, "strict", ALL_TABLES, run.rows)
                done.append(run)
                log(f"{turn + 1}/{chosen.repeat} {place}: {run.wall_seconds:.1f} s")
    print(markdown(machine, [Outcome("landing", runs)], GOALS))
    used = [[place, f"{median(seconds):.2f}"] for place, seconds in cpu.items()]
    print("", grid(["contender", "CPU, s"], used), sep="\n")


if __name__ == "__main__":
    main()
