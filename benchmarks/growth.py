"""The cost of one more day in lakes of different ages: work, CPU and memory must not grow with the history.

For each age, a landing zone of that many generated days is ingested. Then days are added one by one, in turns
with the other lakes, each with its readings and a new customer. Each refresh is measured. Customers who
change their consent are left out, because that rebuilds all days on which they were active.

Run: python -m benchmarks.growth --workdir DIR
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import run_measured
from stedi_assets.samples import generate
from stedi_assets_tests.support.lakes import customer, write_landing

STEDI = [sys.executable, "-c", "from stedi_assets.cli.main import main; main()"]


@dataclass
class Lake:
    """A lake of some days; `later` are the landing files of the days that are still to come."""

    days: int
    folder: Path
    later: list[list[Path]]
    work: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def refresh(self) -> tuple[float, float, float, float]:
        """Seconds of work, of CPU and of the whole process, and its peak memory in MB."""
        printed, *figures = self.measured("run", "--format", "json")
        return (json.loads(printed)["seconds"], *figures)

    def measured(self, *command: str) -> tuple[str, float, float, float]:
        """What a command prints, its seconds of CPU and of the whole process, and its peak memory in MB."""
        environ = os.environ | {
            "STEDI_LANDING": str(self.folder / "landing"),
            "STEDI_LAKE": str(self.folder / "lake"),
            "DAGSTER_HOME": str(self.folder / "dagster"),
        }
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = run_measured([*STEDI, *command], environ, self.folder / "run.log")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return done.stdout, cpu, done.wall_seconds, (done.peak_bytes or 0) / 1e6

    def erase(self, people: list[str]) -> tuple[float, float, float]:
        """Erases people; seconds of CPU and of both commands, and the higher peak of memory in MB."""
        request = self.folder / "request.txt"
        request.write_text("\n".join(people))
        _, *planned = self.measured("erase", "plan", "--people", str(request))
        works = self.folder / "dagster-erasures"
        [digest] = [path.stem for path in works.glob("*.json")]
        _, *erased = self.measured("erase", "run", digest)
        return planned[0] + erased[0], planned[1] + erased[1], max(planned[2], erased[2])

    def add_a_day(self) -> None:
        """Delivers the next day and measures the refresh."""
        for file in self.later.pop(0):
            target = self.folder / "landing" / file.relative_to(self.folder / "all")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(file, target)
        person = customer(f"new-{len(self.later)}@example.com", 1_000, serial=f"new-{len(self.later)}")
        write_landing(self.folder / "landing", {f"customer/landing/new-{len(self.later)}.json": person})
        for figures, value in zip((self.work, self.cpu, self.wall, self.memory), self.refresh(), strict=True):
            figures.append(value)


def built(days: int, added: int, customers: int, folder: Path) -> Lake:
    """A lake of so many days, with the files of further ones at hand."""
    generate(folder / "all", customers, days + added, seed=1)
    files = sorted(path for path in (folder / "all").rglob("*.json"))
    dated: dict[str, list[Path]] = {}
    for path in files:
        day = "" if path.stem.startswith("customer") else "-".join(path.stem.split("-")[1:4])
        dated.setdefault(day, []).append(path)
    ordered = [dated[day] for day in sorted(dated)]
    lake = Lake(days, folder, ordered[days + 1 : days + 1 + added])
    for path in (path for group in ordered[: days + 1] for path in group):
        target = folder / "landing" / path.relative_to(folder / "all")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
    print(f"{days} days: built in {lake.refresh()[2]:.0f} s", flush=True)
    return lake


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--days", default="10,100,1000", help="ages of the lakes, in days")
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--added", type=int, default=5, help="days added to each")
    parser.add_argument("--erased", type=int, default=0, help="erase one person, and then so many together")
    parser.add_argument("--workdir", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stedi-growth-", dir=arguments.workdir) as name:
        ages = [int(days) for days in arguments.days.split(",")]
        lakes = [
            built(days, arguments.added + 1, arguments.customers, Path(name) / str(days)) for days in ages
        ]
        for number in range(arguments.added + 1):
            for lake in lakes:
                lake.add_a_day()
                if number == 0:  # the first one warms the file system
                    for figures in (lake.work, lake.cpu, lake.wall, lake.memory):
                        figures.clear()
        for lake in lakes if arguments.erased else ():
            print_erasures(lake, arguments.erased)
    print("| days | work, s | CPU, s | whole process, s | peak memory, MB |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    first = lakes[0]
    for lake in lakes:
        medians = [statistics.median(it) for it in (lake.work, lake.cpu, lake.wall, lake.memory)]
        base = [statistics.median(it) for it in (first.work, first.cpu, first.wall, first.memory)]
        shown = (f"{value:,.1f} ({value / of:.2f})" for value, of in zip(medians, base, strict=True))
        print(f"| {lake.days} | {' | '.join(shown)} |")


def print_erasures(lake: Lake, together: int) -> None:
    """Erases one person and then several, and prints what that costs beside one more day."""
    day, memory = statistics.median(lake.cpu), statistics.median(lake.memory)
    lines = (lake.folder / "landing").rglob("customer*.json")
    emails = sorted({json.loads(line)["email"] for path in lines for line in path.open() if line.strip()})
    for people in (emails[:1], emails[1 : 1 + together]):
        cpu, wall, peak = lake.erase(people)
        print(
            f"{lake.days} days, {len(people)} erased: CPU {cpu:,.1f} s ({cpu / day:.2f} of one more day), "
            f"{wall:,.1f} s, peak memory {peak:,.0f} MB ({peak / memory:.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
