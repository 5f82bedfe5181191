"""Compares `stedi run` with hand-written DuckDB, the plain PySpark exercise and eight idle Dagster assets.

Each contender runs as a whole process from nothing: a fresh output folder and a fresh DAGSTER_HOME every
time. They take turns, so that noise on the machine hits all alike. Row counts are verified wherever two
contenders follow the same rule; a wrong count stops the comparison. A goal that is not met is reported, it is
not an error.

Run: python benchmarks/compare.py [--landing DIR] [--readings N] [--repeat 3] [--only ours,duckdb,spark,idle]
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from counts import ALL_TABLES, REFERENCE_TABLES, CountChecker, WrongCountError, is_public_data
from measure import CommandFailedError, run_measured
from report import Goal, Outcome, Run, machine_line, markdown

HERE = Path(__file__).resolve().parent
PUBLIC_DATA = HERE.parent.parent / "shared" / "stedi-public"
READINGS_PER_CUSTOMER_DAY = 160
GENERATED_DAYS = 60

GOALS = (
    Goal("landing", "spark", "ours", "wall_seconds", ">=", 4.0),
    Goal("landing", "ours", "idle", "wall_seconds", "<=", 1.5),
    Goal("generated", "ours", "duckdb", "work_seconds", "<=", 1.5),
    Goal("generated", "ours", "duckdb", "wall_seconds", "<=", 2.5),
    Goal("generated", "spark", "ours", "wall_seconds", ">=", 5.0),
)


@dataclass(frozen=True)
class Contender:
    """One way to do the work; `command` gets the landing folder and an output folder still to be made."""

    name: str
    command: Callable[[Path, Path], list[str]]
    policy: str = "strict"
    tables: frozenset[str] = ALL_TABLES
    data: frozenset[str] = frozenset({"landing", "generated"})


def contenders(stedi: str) -> list[Contender]:
    def ours(landing: Path, out: Path) -> list[str]:
        return [stedi, "run", "--landing", str(landing), "--lake", str(out), "--format", "json"]

    def script(name: str) -> Callable[[Path, Path], list[str]]:
        return lambda landing, out: [sys.executable, str(HERE / name), str(landing), str(out)]

    def idle(landing: Path, out: Path) -> list[str]:
        assets = ["--select", "*", "-f", str(HERE / "idle_assets.py")]
        return [sys.executable, "-m", "dagster", "asset", "materialize", *assets]

    return [
        Contender("ours", ours),
        Contender("duckdb", script("duckdb_lake.py")),
        Contender("spark", script("spark_exercise.py"), policy="reference", tables=REFERENCE_TABLES),
        Contender("idle", idle, tables=frozenset(), data=frozenset({"landing"})),
    ]


def run_once(contender: Contender, landing: Path, workdir: Path) -> Run:
    with tempfile.TemporaryDirectory(prefix=f"{contender.name}-", dir=workdir) as scratch:
        home = Path(scratch, "dagster_home")
        home.mkdir()
        measured = run_measured(
            contender.command(landing, Path(scratch, "lake")),
            {**os.environ, "DAGSTER_HOME": str(home)},
            workdir / f"{contender.name}.log",
        )
    if not contender.tables:
        return Run(measured.wall_seconds, None, measured.peak_bytes, {})
    printed = last_json(measured.stdout)
    if printed.get("policy", contender.policy) != contender.policy:
        raise WrongCountError(
            f"{contender.name} ran under {printed['policy']}, not {contender.policy}: unset STEDI_POLICY"
        )
    rows = {table: figures["rows"] for table, figures in printed["tables"].items()}
    audits = [figures.get("audit_seconds", 0.0) for figures in printed["tables"].values()]
    return Run(measured.wall_seconds, printed["seconds"], measured.peak_bytes, rows, sum(audits))


def last_json(stdout: str) -> dict:
    """The last JSON object of the output, on one line or indented over several."""
    return json.loads(stdout[stdout.rfind("\n{") + 1 :])


def compare(data: str, landing: Path, rivals: list[Contender], repeat: int, workdir: Path) -> Outcome:
    """Runs every rival `repeat` times, in turn, on one landing folder."""
    checker = CountChecker(public_data=is_public_data(landing))
    runs: dict[str, list[Run]] = {rival.name: [] for rival in rivals if data in rival.data}
    for turn in range(1, repeat + 1):
        for rival in rivals:
            if rival.name not in runs:
                continue
            run = run_once(rival, landing, workdir)
            checker.check(rival.name, rival.policy, rival.tables, run.rows)
            runs[rival.name].append(run)
            log(f"{data} {turn}/{repeat} {rival.name}: {run.wall_seconds:.1f} s")
    return Outcome(data, runs)


def generated_landing(stedi: str, readings: int, workdir: Path) -> Path:
    """A landing folder of about that many readings; made once and kept in `workdir`."""
    customers = max(1, round(readings / READINGS_PER_CUSTOMER_DAY / GENERATED_DAYS))
    folder = workdir / f"generated-{customers}x{GENERATED_DAYS}"
    if folder.exists():
        return folder
    log(f"generating {customers} customers x {GENERATED_DAYS} days")
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    size = ["--customers", str(customers), "--days", str(GENERATED_DAYS), "--seed", "1"]
    run_measured(
        [stedi, "generate", *size, "--out", str(unfinished)], dict(os.environ), workdir / "generate.log"
    )
    return unfinished.rename(folder)


def log(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def stedi_beside_python() -> str:
    beside = Path(sys.executable).parent / "stedi"
    return str(beside) if beside.exists() else shutil.which("stedi") or "stedi"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--landing", type=Path, help=f"landing folder, default {PUBLIC_DATA} when it exists")
    parser.add_argument(
        "--readings", type=int, default=12_000_000, help="generated readings; 0 leaves them out"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of each contender, default 3")
    parser.add_argument("--only", default="ours,duckdb,spark,idle", help="contenders, comma-separated")
    parser.add_argument(
        "--stedi", default=stedi_beside_python(), help="the stedi command, default beside this python"
    )
    parser.add_argument("--workdir", type=Path, default=Path(tempfile.gettempdir(), "stedi-benchmarks"))
    parser.add_argument("--out", type=Path, help="also write the Markdown to this file")
    parsed = parser.parse_args()
    parsed.only = parsed.only.split(",")
    unknown = set(parsed.only) - {contender.name for contender in contenders(parsed.stedi)}
    if unknown:
        parser.error(f"--only knows ours, duckdb, spark, idle; not {', '.join(sorted(unknown))}")
    if parsed.repeat < 1:
        parser.error("--repeat must be at least 1")
    if parsed.landing and not parsed.landing.is_dir():
        parser.error(f"--landing {parsed.landing} is not a folder")
    return parsed


def main() -> None:
    chosen = options()
    chosen.workdir.mkdir(parents=True, exist_ok=True)
    workdir = chosen.workdir.resolve()
    rivals = [contender for contender in contenders(chosen.stedi) if contender.name in chosen.only]
    landing = chosen.landing or (PUBLIC_DATA if PUBLIC_DATA.is_dir() else None)
    machine = machine_line()
    outcomes = []
    try:
        if landing:
            outcomes.append(compare("landing", landing.resolve(), rivals, chosen.repeat, workdir))
        if chosen.readings:
            generated = generated_landing(chosen.stedi, chosen.readings, workdir)
            outcomes.append(compare("generated", generated, rivals, chosen.repeat, workdir))
    except (CommandFailedError, WrongCountError) as failure:
        sys.exit(f"{type(failure).__name__}: {failure}")
    text = markdown(machine, outcomes, GOALS)
    print(text)
    if chosen.out:
        chosen.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
