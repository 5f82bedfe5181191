"""What tests of maintenance do to the files of a lake."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stedi_assets.assets import TABLES
from stedi_assets.lake.iceberg.commit import describe_files, replace_files
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.maintenance.steps import maintain
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets.tables import SYSTEM_TABLES
from stedi_assets_tests.support.lakes import TestLake


def published_again(lake: TestLake, name: str, uris: list[str], **changes: str) -> None:
    """Puts files in the place of those of a table, in a snapshot that tells the same but for some changes."""
    table = lake.table(name)
    current = table.current_snapshot()
    record = None if name in SYSTEM_TABLES else Record.of(current)
    old = [task.file for task in table.scan().plan_files()]
    replace_files(
        table,
        old,
        describe_files(table, uris),
        snapshot_id=table.metadata.new_snapshot_id(),
        properties={**(record.properties() if record else {}), **changes},
    )


def scatter(lake: TestLake, name: str) -> None:
    """Publishes the rows of a table again, a row in a file."""
    table = lake.table(name)
    uris = []
    for task in table.scan().plan_files():
        with table.io.new_input(task.file.file_path).open() as stream:
            rows = pq.read_table(stream)
        for start in range(rows.num_rows):
            uris.append(f"{table.location()}/data/scattered/{len(uris)}.parquet")
            with table.io.new_output(uris[-1]).create() as stream:
                pq.write_table(rows.slice(start, 1), stream)
    published_again(lake, name, uris)


def maintained(lake: TestLake, name: str = "customer_landing", *, later: int = 0) -> Any:
    """Maintains a table as if it were later, in milliseconds."""
    with opened_lake(lake.environment) as found:
        return maintain(found, {**TABLES.specs, **SYSTEM_TABLES}[name], int(time.time() * 1000) + later)


def files_of(lake: TestLake, name: str) -> list[Any]:
    """The data files of a table."""
    return [task.file for task in lake.table(name).scan().plan_files()]


def paths_below(lake: TestLake, name: str) -> set[Path]:
    """All files below the folder of a table."""
    root = Path(lake.table(name).location().removeprefix("file://"))
    return {path for path in root.rglob("*") if path.is_file()}


def aged(path: Path, hours: float) -> Path:
    """Makes a file as old as that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    then = time.time() - hours * 3_600
    os.utime(path, (then, then))
    return path


def expire_history(lake: TestLake) -> None:
    """What maintenance does: inputs get snapshots with the same rows, and those before them expire."""
    for name in ("customer_trusted", "customer_curated", "accelerometer_landing", "accelerometer_trusted"):
        table = lake.table(name)
        carried = replace(Record.of(table.current_snapshot()), days=[])
        replace_files(
            table, [], [], snapshot_id=table.metadata.new_snapshot_id(), properties=carried.properties()
        )
        table.refresh()
        current = table.current_snapshot().snapshot_id
        expire = table.maintenance.expire_snapshots()
        for snapshot in table.snapshots():
            if snapshot.snapshot_id != current:
                expire = expire.by_id(snapshot.snapshot_id)
        expire.commit()
