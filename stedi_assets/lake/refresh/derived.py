"""Refreshing a derived table: its planned days are computed from its inputs and staged, chunk by chunk.

A day whose rows come out the same keeps its data files (`unchanged`). Rows of people who withdrew leave in
publishes of their own (`removal`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.iceberg.catalog import split_salt
from stedi_assets.lake.iceberg.commit import describe_files
from stedi_assets.lake.iceberg.record import Plan, Record
from stedi_assets.lake.iceberg.staging import Frames, StagingArea, chunked_frames, stage
from stedi_assets.lake.iceberg.table import PinnedTable, TableFiles, content_of
from stedi_assets.lake.model import Outcome, Run, Staged, Transform
from stedi_assets.lake.progress import report
from stedi_assets.lake.refresh.active_days import with_activity
from stedi_assets.lake.refresh.plan import with_quarantine
from stedi_assets.lake.refresh.unchanged import without_unchanged
from stedi_assets.lake.resource import Lake
from stedi_assets.tables import TableSpec
from stedi_assets.transforms import pseudonyms

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table


def refresh_derived(
    lake: Lake,
    plan: Plan,
    inputs: Mapping[str, PinnedTable],
    *,
    run: Run,
    transform: Transform,
    next_change: Transform | None = None,
) -> Outcome:
    """Brings a table up to its inputs, up to the publish.

    Args:
        lake: The lake.
        plan: The plan of the table.
        inputs: Its inputs by name.
        run: The run.
        transform: Makes the rows from the inputs; of a table with days, from a chunk of days.
        next_change: Makes one row with the time at which time alone changes the rows, if it can.

    Raises:
        LakeError: The engine stopped.
    """
    spec = plan.spec
    published = lake.pinned(spec.name)
    if plan.nothing:
        return _up_to_date(plan, published)
    inputs = with_activity(lake, spec, with_quarantine(lake, spec, inputs))

    def write(area: StagingArea, table: "Table") -> Record:
        chunks = _with_subjects(lake, spec, table, chunked_frames(lake.spark, spec, inputs, plan.days))
        stage(area, chunks, lambda frames: transform(frames, run))
        record = plan.record
        if next_change is not None:
            frames = {name: pinned.frame(lake.spark) for name, pinned in inputs.items()}
            with engine_errors(spec.name, "looking for the next change"):
                [row] = next_change(frames, run).collect()
            record = replace(record, next_change=row["instant"])
        for pinned in inputs.values():
            pinned.check_rows(lake.spark, plan.days if pinned.spec.partitioned else None)
        return record

    removed, kept = parted(published, plan.days) if plan.base else ([], [])
    outcome = stage_rows(lake, plan, write, removed=removed, kept=kept)
    try:
        return without_unchanged(lake, outcome, published, run)
    except BaseException:
        lake.discard(outcome)
        raise


def stage_rows(
    lake: Lake,
    plan: Plan,
    write: "Callable[[StagingArea, Table], Record]",
    *,
    removed: "list[DataFile]",
    kept: "list[DataFile]",
) -> Outcome:
    """Stages rows of a derived table.

    Args:
        lake: The lake.
        plan: The plan of the table.
        write: Writes the rows to a staging area, and returns what they were computed from.
        removed: Data files that the publish removes.
        kept: Data files that stay.

    Raises:
        LakeError: The engine stopped.
    """
    spec = plan.spec
    table = lake.existing_table(spec)
    area = lake.staging_area(spec)
    try:
        record = write(area, table)
        added = describe_files(table, area.staged_files())
        area.tidy()
    except BaseException:
        area.discard()
        raise
    snapshot_id = table.metadata.new_snapshot_id()
    return Outcome(
        plan=plan,
        snapshot_id=snapshot_id,
        content=content_of(spec, [*kept, *added]),
        record=replace(record, version=str(snapshot_id)),
        files=TableFiles(spec, added, "the staged files"),
        staged=Staged(removed=removed, added=added, area=area, kept=kept),
    )


def parted(table: TableFiles, days: Collection[date] | None) -> "tuple[list[DataFile], list[DataFile]]":
    """The data files of some days, and all others."""
    files = table.on(days)
    paths = {file.file_path for file in files}
    return files, [file for file in table.files if file.file_path not in paths]


def _up_to_date(plan: Plan, published: PinnedTable) -> Outcome:
    assert plan.previous is not None
    report(plan.spec.name, "up to date", published.content.rows)
    return Outcome(
        plan=plan,
        snapshot_id=published.snapshot_id,
        content=published.content,
        record=plan.previous,
        files=published,
    )


def _with_subjects(lake: Lake, spec: TableSpec, table: "Table", chunks: Iterator[Frames]) -> Iterator[Frames]:
    """Adds the frame `subjects` to the inputs of a table that holds people by pseudonym only."""
    if spec.subjects is None:
        yield from chunks
        return
    subjects = None
    for frames in chunks:
        if subjects is None:
            subjects = pseudonyms.subjects(frames[spec.subjects], lake.key.read(), split_salt(table))
        yield {**frames, "subjects": subjects}
