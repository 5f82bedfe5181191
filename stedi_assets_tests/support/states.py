"""What a lake holds, whichever way it got there; and landing files made of the oracle's rows.

Left out is what says how rows were delivered: files, batches, runs.
"""

from collections import Counter
from typing import Any

import pyarrow as pa

from stedi_assets.assets import TABLES
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets_tests.support.lakes import TestLake, json_line
from stedi_assets_tests.support.oracle import Acceleration, Customer, Step
from stedi_assets_tests.support.town import LANDING

Content = tuple[Customer | Acceleration | Step | str, ...]
"""The lines of a landing file: rows, and lines that are none."""

SYSTEM = {
    "quarantine": ("table_name", "line_number", "reason", "raw", "people"),
    "activity": ("table_name", "who", "event_date", "reading_count", "first_instant", "last_instant"),
    "ledger": ("table_name", "content", "lines", "rows", "quarantined", "empty_lines", "days", "reasons"),
}


def text(source: str, content: Content) -> str:
    """A landing file."""
    return "".join(f"{row}\n" if isinstance(row, str) else json_line(source, row) for row in content)


def arrow(lake: TestLake, name: str) -> pa.Table:
    """The rows of a table; none where nothing was ever written to it."""
    with opened_lake(lake.environment) as opened:
        there = opened.pinned(name).exists
    return lake.table(name).scan().to_arrow() if there else pa.table({})


def rows(lake: TestLake, name: str) -> Counter[tuple[Any, ...]]:
    """The rows of a table, in no order; of the ledger the files whose rows the landing tables have."""
    found = arrow(lake, name)
    if name == "ledger" and found.num_rows:
        found = found.filter(pa.compute.equal(found["outcome"], "ingested"))
    columns = SYSTEM.get(name) or [it for it in TABLES[name].columns if it not in ("source_file", "batch_id")]
    if not found.num_columns:
        return Counter()
    return Counter(zip(*(found[column].to_pylist() for column in columns), strict=True))


def state(lake: TestLake) -> dict[str, Counter[tuple[Any, ...]]]:
    """All tables."""
    return {name: rows(lake, name) for name in (*TABLES, *SYSTEM)}


def assert_nothing_is_lost(lake: TestLake) -> None:
    """Every line of every landing file is accounted for, and is where the ledger says it is."""
    entries = [entry for entry in arrow(lake, "ledger").to_pylist() if entry["outcome"] == "ingested"]
    for entry in entries:
        assert entry["lines"] == entry["rows"] + entry["quarantined"] + entry["empty_lines"], entry["path"]
    for name in LANDING:
        of_table = {entry["path"]: entry for entry in entries if entry["table_name"] == name}
        for column, table in (("rows", name), ("quarantined", "quarantine")):
            there = arrow(lake, table).to_pylist()
            if table == "quarantine":
                there = [row for row in there if row["table_name"] == name]
            said = Counter({path: entry[column] for path, entry in of_table.items() if entry[column]})
            assert Counter(row["source_file"] for row in there) == said, (name, column)


def contents(lake: TestLake) -> dict[str, Counter[tuple[Any, ...]]]:
    """The rows of all tables, without the batch, which is named by file versions: times here, ETags there."""
    found = lake.contents()
    for name, spec in TABLES.specs.items():
        if spec.source:
            found[name] = Counter({row[:-1]: count for row, count in found[name].items()})
    return found
