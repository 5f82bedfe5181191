"""Days that come out the same: they keep their data files, so that nothing downstream is refreshed."""

from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.table import PinnedTable, TableFiles, file_day
from stedi_assets.lake.model import Outcome, Run, Staged
from stedi_assets.lake.resource import Lake
from stedi_assets.tables import DAY, TableSpec
from stedi_assets.transforms import facts

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyspark.sql import DataFrame


def without_unchanged(lake: Lake, outcome: Outcome, published: PinnedTable, run: Run) -> Outcome:
    """The outcome without the days, or the whole, whose staged rows the table has already.

    Args:
        lake: The lake.
        outcome: What was staged.
        published: The table.
        run: The run; one that forces all days keeps what it staged.
    """
    plan, staged, recorded = outcome.plan, outcome.staged, outcome.plan.previous
    assert staged is not None
    if recorded is None or run.full or run.rekey:
        return _dated(outcome, staged, None)
    same = _same(lake, plan.spec, staged, published.named)
    if not same:
        return _dated(outcome, staged, recorded)
    group = partial(_group, plan.spec)
    again = (file for file in staged.added if group(file) in same)
    differing = Staged(
        removed=[file for file in staged.removed if group(file) not in same],
        added=[file for file in staged.added if group(file) not in same],
        area=staged.area,
        kept=[*staged.kept, *(file for file in staged.removed if group(file) in same)],
        unused=tuple(sorted({file.file_path.rpartition("/")[0] for file in again})),
    )
    return _dated(outcome, differing, recorded)


def _dated(outcome: Outcome, staged: Staged, recorded: Record | None) -> Outcome:
    """The outcome with a record that says which days change."""
    spec, days = outcome.plan.spec, None
    if not staged.removed and not staged.added and recorded is not None:
        version = recorded.version or str(outcome.plan.base)
        record = replace(outcome.record, version=version, days=[])
        return replace(outcome, record=record, staged=staged)
    if spec.partitioned and (outcome.plan.days is not None or staged.kept):
        days = sorted({file_day(file).isoformat() for file in (*staged.removed, *staged.added)})
    return replace(outcome, record=replace(outcome.record, days=days), staged=staged)


def _group(spec: TableSpec, file: "DataFile") -> date | None:
    """The day of a data file; None in a table without days."""
    return file_day(file) if spec.partitioned else None


def _same(lake: Lake, spec: TableSpec, staged: Staged, named: str) -> set[date | None]:
    """The days, or the whole (None), whose staged rows the table has already."""
    before, after = _rows(staged.removed, spec), _rows(staged.added, spec)
    alike = {group for group in before if before[group] == after.get(group)}
    if not alike:
        return set()
    found = []
    for files, name in ((staged.removed, named), (staged.added, "the staged files")):
        rows = TableFiles(spec, [file for file in files if _group(spec, file) in alike], name)
        with engine_errors(spec.name, "comparing rows"):
            found.append(_fingerprints(rows.frame(lake.spark), spec))
    return {group for group in alike if found[0][group] == found[1][group]}


def _rows(files: "list[DataFile]", spec: TableSpec) -> dict[date | None, int]:
    rows: dict[date | None, int] = {}
    for file in files:
        rows[_group(spec, file)] = rows.get(_group(spec, file), 0) + file.record_count
    return rows


def _fingerprints(rows: "DataFrame", spec: TableSpec) -> dict[date | None, tuple[Any, ...]]:
    by = [DAY] if spec.partitioned else []
    found = facts.fingerprints(rows, spec.columns, by).collect()
    return {row[DAY] if by else None: (row["rows"], row["low"], row["high"]) for row in found}
