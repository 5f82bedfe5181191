"""Refreshing what is computed from other tables: staging the planned days, and taking rows out."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.iceberg.catalog import split_salt
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.staging import Frames, StagingArea, chunked_frames, day_chunks, stage
from stedi_assets.lake.iceberg.table import PinnedTable, TableFiles, file_day
from stedi_assets.lake.model import Outcome, Plan, Run, Staged, Transform
from stedi_assets.lake.progress import report
from stedi_assets.lake.refresh.active_days import with_activity
from stedi_assets.lake.refresh.audit_input import Days
from stedi_assets.lake.refresh.plan import WITHDRAWN, with_quarantine
from stedi_assets.tables import DAY, TableSpec
from stedi_assets.transforms import facts, pseudonyms

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyspark.sql import DataFrame

    from stedi_assets.lake.resource import Lake


def refresh_derived(
    lake: "Lake",
    plan: Plan,
    inputs: Mapping[str, PinnedTable],
    run: Run,
    transform: Transform,
    next_change: Transform | None = None,
) -> Outcome:
    """Brings a table up to its inputs, up to the publish.

    Args:
        lake: The lake.
        plan: What is to be done.
        inputs: The table's inputs by name.
        run: The run.
        transform: Makes the rows from the inputs; from a chunk of days of them where there are days.
        next_change: One row with the instant at which time alone changes the rows, if it can.

    Raises:
        LakeError: The engine stopped.
    """
    spec = plan.spec
    published = lake.pinned(spec.name)
    if plan.nothing:
        assert plan.previous is not None
        report(spec.name, "up to date", published.content.rows)
        return Outcome(plan, published.snapshot_id, published.content, plan.previous, published)
    inputs = with_activity(lake, spec, with_quarantine(lake, spec, inputs))

    def write(area: StagingArea, table: "Table") -> Record:
        chunks = _with_subjects(lake, spec, table, chunked_frames(lake.spark, spec, inputs, plan.days))
        stage(area, chunks, lambda frames: transform(frames, run))
        record = plan.record
        if next_change is not None:
            frames = {name: handle.frame(lake.spark) for name, handle in inputs.items()}
            with engine_errors(spec.name, "looking for the next change"):
                [row] = next_change(frames, run).collect()
            record = replace(record, next_change=row["instant"])
        for handle in inputs.values():
            handle.check_rows(lake.spark, plan.days if handle.spec.partitioned else None)
        return record

    removed, kept = _parted(published, plan.days) if plan.base else ([], [])
    outcome = lake.staged(plan, write, removed, kept)
    try:
        return _without_same_rows(lake, outcome, published, run)
    except BaseException:
        lake.discard(outcome)
        raise


def without_rows(
    lake: "Lake",
    published: Outcome,
    days: Collection[date] | None,
    remaining: Callable[[Days], "DataFrame"],
    run: Run,
) -> Outcome:
    """Stages a table of which some rows go; what else has changed is left for the next refresh.

    Args:
        lake: The lake.
        published: The table.
        days: The days from which rows go; None where there are no days.
        remaining: Makes the rows of some days that stay.
        run: The run.
    """
    spec, recorded = published.plan.spec, published.record
    going, staying = _parted(published.resulting, days)
    gone = None if days is None else sorted(day.isoformat() for day in days)
    owed = sorted({*(recorded.owed or ()), *(gone or ())})
    record = replace(recorded, owed=owed, checks={}, run=run.id, days=gone)
    plan = Plan(spec, published.snapshot_id, record, (WITHDRAWN,))
    chunks = iter([None]) if days is None else day_chunks([TableFiles(spec, going, published.files.named)])

    def write(area: StagingArea, _table: "Table") -> Record:
        for chunk in chunks:
            with engine_errors(spec.name, "removing rows"):
                rows = remaining(chunk)
            area.write(rows)
        return record

    return lake.staged(plan, write, going, staying)


def _parted(table: TableFiles, days: Collection[date] | None) -> "tuple[list[DataFile], list[DataFile]]":
    """The data files of some days, and the others."""
    files = table.on(days)
    paths = {file.file_path for file in files}
    return files, [file for file in table.files if file.file_path not in paths]


def _without_same_rows(lake: "Lake", outcome: Outcome, published: PinnedTable, run: Run) -> Outcome:
    """What was staged without the days, or the whole, that the table has in just that way already."""
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
        [file for file in staged.removed if group(file) not in same],
        [file for file in staged.added if group(file) not in same],
        staged.area,
        [*staged.kept, *(file for file in staged.removed if group(file) in same)],
        tuple(sorted({file.file_path.rpartition("/")[0] for file in again})),
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
    """The day of a data file, where there are days."""
    return file_day(file) if spec.partitioned else None


def _same(lake: "Lake", spec: TableSpec, staged: Staged, named: str) -> set[date | None]:
    """The days, or the whole (None), of which the staged rows are those that the table has."""
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


def _with_subjects(
    lake: "Lake", spec: TableSpec, table: "Table", chunks: Iterator[Frames]
) -> Iterator[Frames]:
    """Adds the frame `subjects` to the inputs of a table that knows people by pseudonym only."""
    if spec.subjects is None:
        yield from chunks
        return
    subjects = None
    for frames in chunks:
        if subjects is None:
            subjects = pseudonyms.subjects(frames[spec.subjects], lake.key.read(), split_salt(table))
        yield {**frames, "subjects": subjects}
