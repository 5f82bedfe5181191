"""A lake of its own for a test: runs the whole graph on it and reads its tables back with PyIceberg."""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stedi_assets.assets import TABLES
from stedi_assets.cli.in_process import RunOptions, refresh
from stedi_assets.cli.run_result import RunResult
from stedi_assets.lake import Progress
from stedi_assets.lake.iceberg.catalog import open_catalog
from stedi_assets.lake.storage import Aws
from stedi_assets.settings import Settings

REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "data"
PUBLIC = REPOSITORY.parent / "shared" / "stedi-public"

# 2024-03-05 00:00 UTC: after everything in the sample zone but its consents of the far future.
AS_OF = 1_709_596_800_000
EPOCH = 1_600_000_000_000
"""2020-09-13: when the time of small tests begins."""


@dataclass
class TestLake:
    """A lake in a temporary folder."""

    __test__ = False

    folder: Path
    landing: Path = SAMPLE
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
        run_options = RunOptions(full=full, as_of=as_of, **options)
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
