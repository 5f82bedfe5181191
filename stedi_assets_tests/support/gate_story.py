"""A lake whose people change their minds: six people, their deliveries, and the tables after each run."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from stedi_assets.assets import TABLES
from stedi_assets.cli.main import main
from stedi_assets.lake.iceberg.catalog import open_catalog
from stedi_assets.lake.storage import Aws
from stedi_assets_tests.support.lakes import EPOCH, TestLake, customer, present_at, write_landing

DAY = 86_400_000
BEFORE, AFTER, NEXT_DAY = 1_000, 3_000, DAY + 1_000
"""The times of everybody's readings: before and after Cy's later consent, and the day after."""
NOW = EPOCH + 3 * DAY
LATER = EPOCH + 9 * DAY
ADA, BO, CY, DEE, EVE, FIN = PEOPLE = [
    f"{name}@example.com" for name in ("ada", "bo", "cy", "dee", "eve", "fin")
]
DERIVED = [name for name, spec in TABLES.specs.items() if spec.inputs]


def everybody(root: Path) -> Path:
    """Six people who agree to share, with a device each."""
    lines: dict[str, list[str]] = {"customer": [], "accelerometer": [], "step_trainer": []}
    for number, email in enumerate(PEOPLE):
        lines["customer"].append(customer(email, 500, serial=f"device-{email}"))
        for at in (BEFORE, AFTER, NEXT_DAY):
            reading = {"user": email, "timestamp": EPOCH + at, "x": number / 10, "y": 1.0, "z": -1.0}
            step = {
                "sensorReadingTime": EPOCH + at, "serialNumber": f"device-{email}",
                "distanceFromObject": number,
            }  # fmt: skip
            lines["accelerometer"].append(json.dumps(reading))
            lines["step_trainer"].append(json.dumps(step))
    return write_landing(root, {f"{source}/landing/a.json": "\n".join(lines[source]) for source in lines})


def change_of_minds(root: Path) -> None:
    """Ada withdraws, Cy's consent begins later, Dee's line cannot be read; Eve withdraws on day 6."""
    lines = [
        customer(ADA, None, updated=5_000, serial=f"device-{ADA}"),
        customer(CY, 2_000, updated=5_000, serial=f"device-{CY}"),
        customer(DEE, None, updated=5_000, serial=f"device-{DEE}")[:-40],
        customer(EVE, None, updated=6 * DAY, serial=f"device-{EVE}"),
    ]
    write_landing(root, {"customer/landing/b.json": "\n".join(lines)})


def withdrawal_of_bo(root: Path) -> None:
    """Bo withdraws on day 7."""
    line = customer(BO, None, updated=7 * DAY, serial=f"device-{BO}")
    write_landing(root, {"customer/landing/c.json": line})


@dataclass
class Chapter:
    """The lake after a run of `stedi run --format json`."""

    run: Any
    contents: dict[str, Counter]
    snapshots: dict[str, int]
    orphans: set[str]
    shown: Any = None
    check: Any = None

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.run.stdout)

    @property
    def rows(self) -> dict[str, int]:
        """Rows of the tables that are made of others."""
        return {name: self.contents[name].total() for name in DERIVED}

    def people(self, table: str) -> Counter:
        """Rows by person, of a table that says whose they are."""
        spelled = {name: email for email in PEOPLE for name in (email, f"device-{email}")}
        found = Counter()
        for row, count in self.contents[table].items():
            [who] = {spelled[value] for value in row if value in spelled}
            found[who] += count
        return found


@dataclass(frozen=True)
class Story:
    """A lake, and its runs."""

    lake: TestLake

    def chapter(self, as_of: int, select: Sequence[str] = tuple(TABLES)) -> Chapter:
        where = ["--landing", str(self.lake.landing), "--select", ",".join(select)]
        with present_at(as_of):
            run = stedi(self.lake, "run", "--format", "json", *where)
        snapshots = {name: len(self.lake.table(name).snapshots()) for name in TABLES}
        return Chapter(run, self.lake.contents(), snapshots, orphans(self.lake))


def stedi(lake: TestLake, *arguments: str) -> Any:
    """Runs the command on a lake, in this process."""
    where = ["--lake", str(lake.folder / "lake"), "--policy", lake.settings.get("STEDI_POLICY", "strict")]
    environment = {"STEDI_LANDING": str(lake.landing)}
    return CliRunner().invoke(main, [*arguments, *where], env=environment)


def orphans(lake: TestLake) -> set[str]:
    """Data files that belong to no snapshot of any table."""
    found = {str(path) for path in (lake.folder / "lake").rglob("*.parquet")}
    catalog = open_catalog(lake.environment.catalog, lake.environment.lake, Aws(""))
    for name in catalog.list_tables(lake.environment.database):
        table = catalog.load_table(name)
        for snapshot in table.snapshots():
            files = (
                task.file.file_path for task in table.scan(snapshot_id=snapshot.snapshot_id).plan_files()
            )
            found -= {path.removeprefix("file://") for path in files}
    return found
