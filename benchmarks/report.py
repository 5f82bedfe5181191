"""What the comparison found, as Markdown: no measuring and no judging of rows here."""

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Literal

PACKAGES = ("stedi_assets", "dagster", "pysail", "pyspark", "pyiceberg", "duckdb")
TITLES = {"landing": "Landing folder", "generated": "Generated readings"}
MEASURES = {"wall_seconds": "whole process", "work_seconds": "work"}
NOTHING = "-"
Measure = Literal["wall_seconds", "work_seconds"]


@dataclass(frozen=True)
class Run:
    """One run of a contender; `work_seconds` is None where there is no work to speak of.

    `audit_seconds` is the part of the work that audits the tables, which only ours does.
    """

    wall_seconds: float
    work_seconds: float | None
    peak_bytes: int | None
    rows: dict[str, int]
    audit_seconds: float = 0.0

    @property
    def audit_share(self) -> float:
        """What the audit adds to the wall time of the process, as a part of the rest of it."""
        return self.audit_seconds / (self.wall_seconds - self.audit_seconds)


@dataclass(frozen=True)
class Outcome:
    """All runs on one data set, by contender."""

    data: str
    runs: dict[str, list[Run]]

    def median_of(self, contender: str, measure: Measure) -> float | None:
        values = seconds(self.runs.get(contender, []), measure)
        return median(values) if values else None


@dataclass(frozen=True)
class Goal:
    """The ratio of two contenders' medians, and its bound."""

    data: str
    upper: str
    lower: str
    measure: Measure
    relation: Literal["<=", ">="]
    bound: float

    def row(self, outcome: Outcome) -> list[str] | None:
        """One line of the table of goals; None when one of the two contenders did not run."""
        above, below = (outcome.median_of(name, self.measure) for name in (self.upper, self.lower))
        if above is None or below is None:
            return None
        ratio = above / below
        met = ratio <= self.bound if self.relation == "<=" else ratio >= self.bound
        name = f"{self.upper} / {self.lower}, {MEASURES[self.measure]}"
        return [name, f"{ratio:.2f}", f"{self.relation} {self.bound}", "yes" if met else "no"]


def markdown(machine: str, outcomes: Iterable[Outcome], goals: Iterable[Goal]) -> str:
    goals = list(goals)
    return "\n\n".join([machine, *(section(outcome, goals) for outcome in outcomes)])


def section(outcome: Outcome, goals: list[Goal]) -> str:
    parts = [f"## {TITLES[outcome.data]}{size(outcome)}", times(outcome)]
    if shares := [run.audit_share for run in outcome.runs.get("ours", [])]:
        parts.append(
            f"The audit adds {median(shares):.0%} to our process ({', '.join(f'{it:.0%}' for it in shares)})."
        )
    judged = [row for goal in goals if goal.data == outcome.data and (row := goal.row(outcome))]
    if judged:
        parts.append(grid(["ratio of medians", "value", "goal", "met"], judged))
    counted = rows(outcome)
    return "\n\n".join([*parts, counted] if counted else parts)


def size(outcome: Outcome) -> str:
    for runs in outcome.runs.values():
        landed = runs[0].rows
        if "accelerometer_landing" in landed:
            return f": {landed['accelerometer_landing'] + landed['step_trainer_landing']:,} readings"
    return ""


def times(outcome: Outcome) -> str:
    header = ["contender", "whole process, s", "all runs", "work, s", "all runs", "peak memory, MB"]
    lines = []
    for name, runs in outcome.runs.items():
        peaks = [run.peak_bytes for run in runs if run.peak_bytes]
        peak = f"{max(peaks) / 1e6:,.0f}" if peaks else NOTHING
        lines.append(
            [name, *spread(seconds(runs, "wall_seconds")), *spread(seconds(runs, "work_seconds")), peak]
        )
    return grid(header, lines)


def rows(outcome: Outcome) -> str:
    counted = {name: runs[0].rows for name, runs in outcome.runs.items() if runs[0].rows}
    if not counted:
        return ""
    tables = max(counted.values(), key=len)
    lines = [
        [table, *(f"{found[table]:,}" if table in found else NOTHING for found in counted.values())]
        for table in tables
    ]
    return grid(["rows", *counted], lines)


def seconds(runs: list[Run], measure: Measure) -> list[float]:
    return [value for run in runs if (value := getattr(run, measure)) is not None]


def spread(values: list[float]) -> list[str]:
    if not values:
        return [NOTHING, NOTHING]
    return [f"{median(values):.2f}", " ".join(f"{value:.2f}" for value in values)]


def grid(header: list[str], lines: list[list[str]]) -> str:
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *lines])


def machine_line() -> str:
    """Cores, memory, load, Python and package versions: without them a figure means nothing."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    facts = [
        f"{os.cpu_count()} cores ({processor()})",
        f"{memory:.0f} GB",
        f"load {os.getloadavg()[0]:.1f} at the start",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
    ]
    return "; ".join(facts + [f"{name} {version(name)}" for name in PACKAGES])


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
