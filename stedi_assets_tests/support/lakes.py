"""A lake of its own for a test: runs the whole graph on it and reads its tables back with PyIceberg."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stedi_assets.assets import TABLES
from stedi_assets.cli.in_process import RunOptions, refresh
from stedi_assets.cli.run_result import RunResult
from stedi_assets.lake import Progress
from stedi_assets.lake.iceberg.catalog import open_catalog
from stedi_assets.lake.storage import Aws
from stedi_assets.orchestration import clock
from stedi_assets.settings import Settings
from stedi_assets_tests.support.oracle import Acceleration, Customer, Step
from stedi_assets_tests.support.zones import awkward_zone

REPOSITORY = Path(__file__).parents[2]
PUBLIC = REPOSITORY.parent / "shared" / "stedi-public"

# 2024-03-05 00:00 UTC: after everything in the sample zone but its consents of the far future.
AS_OF = 1_709_596_800_000
EPOCH = 1_600_000_000_000
"""2020-09-13: when the time of small tests begins."""

KEY = "an invented pseudonym key of 40 letters!"
"""The pseudonym key of all tests that give one."""


@contextmanager
def present_at(as_of: int | None) -> Iterator[None]:
    """What is run in this process happens at a time, epoch ms; None for the present."""
    with pytest.MonkeyPatch.context() as patch:
        if as_of is not None:
            patch.setattr(clock, "present", lambda _started: as_of)
        yield


@dataclass
class TestLake:
    """A lake in a temporary folder."""

    __test__ = False

    folder: Path
    landing: Path = field(default_factory=awkward_zone)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> Settings:
        given = {"STEDI_LANDING": str(self.landing), "STEDI_LAKE": str(self.folder / "lake")}
        return Settings.from_settings(given | self.settings, region=os.environ.get("AWS_REGION", ""))

    def run(
        self,
        select: str | None = None,
        *,
        full: bool = False,
        as_of: int | None = AS_OF,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        **options: Any,
    ) -> RunResult:
        """Runs the graph; the caller decides what to make of failures."""
        run_options = RunOptions(full=full, **options)
        with present_at(as_of):
            return refresh(self.environment, on_progress, select=select, options=run_options)

    def built(self, **options: Any) -> RunResult:
        """Runs the graph, which must succeed."""
        result = self.run(**options)
        assert not result.failures, result.failures
        return result

    def table(self, name: str) -> Any:
        """The Iceberg table as another program would load it."""
        environment = self.environment
        catalog = open_catalog(environment.catalog, environment.lake, Aws(environment.region))
        return catalog.load_table((environment.database, name))

    def rows(self, name: str) -> Counter[tuple[Any, ...]]:
        """The published rows of a table, in no order."""
        columns = self.table(name).scan().to_arrow()
        return Counter(zip(*(column.to_pylist() for column in columns.columns), strict=True))

    def contents(self) -> dict[str, Counter[tuple[Any, ...]]]:
        """The published rows of all tables."""
        return {name: self.rows(name) for name in TABLES}

    def snapshots(self) -> dict[str, int]:
        """The current snapshot of all tables."""
        return {name: self.table(name).current_snapshot().snapshot_id for name in TABLES}


def customer(email: str, consent: int | None, updated: int = 1_000, serial: str = "device-1") -> str:
    """The line of a customer record; instants are milliseconds after EPOCH, zero is no consent."""
    return json.dumps(
        {
            "customerName": "Quill Fern", "email": email, "phone": "555-0100", "birthDay": "1980-01-01",
            "serialNumber": serial, "registrationDate": EPOCH, "lastUpdateDate": EPOCH + updated,
            "shareWithResearchAsOfDate": EPOCH + consent if consent else consent,
        }
    )  # fmt: skip


def reading(user="ada@example.com", timestamp=1_700_000_000_000, x=0.1, y=0.2, z=0.3) -> str:  # type: ignore[no-untyped-def]
    """The line of an accelerometer reading, without its end; values of any type, as lines may be faulty."""
    return json.dumps({"user": user, "timestamp": timestamp, "x": x, "y": y, "z": z})


def step(time: int, serial: str = "device-1", distance: int = 200) -> str:
    """The line of a step-trainer reading, without its end."""
    return json.dumps({"sensorReadingTime": time, "serialNumber": serial, "distanceFromObject": distance})


def write_landing(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes landing files, by path below the root; every table gets its folder."""
    for spec in TABLES.values():
        if spec.source:
            (root / spec.source.folder).mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def new_lake(folder: Path, **settings: str) -> TestLake:
    """A lake with an empty landing zone and the key that the tests share."""
    return TestLake(folder, write_landing(folder / "in", {}), {"STEDI_PSEUDONYM_KEY": KEY, **settings})


def json_line(source: str, row: Customer | Acceleration | Step) -> str:
    """The line of a landing file that holds a row of the oracle."""
    [spec] = [spec for spec in TABLES.values() if spec.source and spec.source.folder == f"{source}/landing"]
    columns = spec.source.record.to_schema().columns
    keys = {name: (column.metadata or {}).get("key") or name for name, column in columns.items()}
    return json.dumps({keys[name]: value for name, value in row._asdict().items()}) + "\n"


def counts(lake: TestLake, table: str) -> dict[str, int]:
    """The counts of lines that the current snapshot of a landing table tells."""
    properties = lake.table(table).current_snapshot().summary.additional_properties
    found: dict[str, int] = json.loads(properties["stedi.counts"])
    return found


def one_person(email: str = "ada@example.com", serial: str = "device-1") -> dict[str, str]:
    """Landing files of a person who consents, with one reading of each sensor at the same time."""
    return {
        "customer/landing/1.json": customer(email, 500),
        "accelerometer/landing/1.json": reading(email),
        "step_trainer/landing/1.json": step(1_700_000_000_000, serial),
    }
