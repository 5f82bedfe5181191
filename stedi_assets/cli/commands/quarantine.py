"""What the command tells of the quarantine: how many lines of which file and why; the lines on demand."""

from collections.abc import Iterator
from typing import Any

from pyspark.sql import functions as F

from stedi_assets.lake import Lake, engine_errors
from stedi_assets.lake.ingestion import reasons
from stedi_assets.tables import QUARANTINE

COUNTED = ("table", "file", "reason", "in words", "lines")
SHOWN = ("table", "file", "line", "reason", "text")


def counted(lake: Lake) -> Iterator[tuple[Any, ...]]:
    """The number of lines by table, file and reason, in this order; holds no value of a line."""
    names = ("table_name", "source_file", "reason")
    lines = (
        lake.pinned(QUARANTINE.name).frame(lake.spark).groupBy(*names).agg(F.count(F.lit(1)).alias("lines"))
    )
    meanings = reasons(spec.source for spec in lake.tables.landing if spec.source)
    with engine_errors(QUARANTINE.name, "counting lines"):
        for row in lines.orderBy(*names).collect():
            yield *row[:3], meanings.get(row["reason"]), row["lines"]


def shown(lake: Lake) -> Iterator[tuple[Any, ...]]:
    """The lines in the order of tables, files and line numbers; bytes that are no UTF-8 appear escaped."""
    names = ("table_name", "source_file", "line_number")
    lines = lake.pinned(QUARANTINE.name).frame(lake.spark).orderBy(*names)
    with engine_errors(QUARANTINE.name, "reading lines"):
        for row in lines.select(*names, "reason", "raw").toLocalIterator():
            yield *row[:4], bytes(row["raw"]).decode(errors="backslashreplace")
