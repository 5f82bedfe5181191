"""Refreshing what is computed from other tables: plan, stage, and what an audit looks at."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.catalog import split_salt
from stedi_assets.lake.evidence import Days, Evidence
from stedi_assets.lake.handles import TableFiles, TableHandle, file_day
from stedi_assets.lake.outcomes import Outcome, Run, Transform
from stedi_assets.lake.plan import WITHDRAWN, Plan, Record, check_key
from stedi_assets.lake.staging import Frames, StagingArea, chunked_frames, day_chunks, stage
from stedi_assets.tables import QUARANTINE, TABLES, TableSpec
from stedi_assets.transforms import pseudonyms
from stedi_assets.transforms.consent import person
from stedi_assets.transforms.quarantine import held_people

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyspark.sql import DataFrame

    from stedi_assets.lake.resource import Lake


def plan_derived(lake: "Lake", spec: TableSpec, inputs: Mapping[str, TableHandle], run: Run) -> Plan:
    """Plans a table that is computed from others.

    Raises:
        LakeError: An input is not published, or the pseudonym key is another one.
    """
    inputs = _with_quarantine(lake, spec, inputs)
    plan = lake.plan(spec, {name: _version(name, inputs, spec) for name in inputs}, run)
    snapshots = {name: inputs[name].snapshot_id for name in spec.inputs}
    return replace(plan, record=replace(plan.record, snapshots=snapshots))


def refresh_derived(
    lake: "Lake",
    plan: Plan,
    inputs: Mapping[str, TableHandle],
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
    spec, inputs = plan.spec, _with_quarantine(lake, plan.spec, inputs)

    def write(area: StagingArea, table: "Table") -> Record:
        chunks = _with_subjects(lake, spec, table, chunked_frames(lake.spark, spec, inputs))
        stage(area, chunks, lambda frames: transform(frames, run))
        record = plan.record
        if next_change is not None:
            frames = {name: handle.frame(lake.spark) for name, handle in inputs.items()}
            with engine_errors(spec.name, "looking for the next change"):
                [row] = next_change(frames, run).collect()
            record = replace(record, next_change=row["instant"])
        for handle in inputs.values():
            handle.check_rows(lake.spark)
        return record

    return lake.staged_unless_up_to_date(plan, write)


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
    spec = published.plan.spec
    going = [file for file in published.files.files if days is None or file_day(file) in days]
    staying = [file for file in published.files.files if file not in going]
    gone = None if days is None else sorted(day.isoformat() for day in days)
    record = replace(published.record, inputs={}, checks={}, run=run.id, days=gone)
    plan = Plan(spec, published.snapshot_id, record, (WITHDRAWN,))
    chunks = iter([None]) if days is None else day_chunks([TableFiles(spec, going, published.files.named)])

    def write(area: StagingArea, _table: "Table") -> Record:
        for chunk in chunks:
            with engine_errors(spec.name, "removing rows"):
                rows = remaining(chunk)
            area.write(rows)
        return record

    return lake.staged(plan, write, going, staying)


def evidence_of(
    lake: "Lake",
    outcome: Outcome,
    inputs: Mapping[str, TableFiles],
    run: Run,
    landed: Outcome | None = None,
) -> Evidence:
    """What an audit of a table looks at.

    Args:
        lake: The lake.
        outcome: The table, staged or published.
        inputs: Inputs that are pinned already; other tables are taken as they are now.
        run: The run.
        landed: A landing table to judge by that is staged, and not published yet.

    Raises:
        LakeError: The table knows people by pseudonyms of another key.
    """
    others: dict[str, TableFiles] = {name: inputs.get(name) or lake.handle(name) for name in TABLES}
    quarantine: TableFiles = lake.quarantine("customer_landing")
    if landed is not None:
        others[landed.plan.spec.name] = landed.resulting
        if landed.batch is not None:
            quarantine = landed.batch.lines
    spec = outcome.plan.spec

    @cache
    def subjects() -> "DataFrame":
        people = (
            others["customer_landing"].frame(lake.spark).select(person("email").alias("email")).distinct()
        )
        table = lake.existing_table(spec)
        check_key(spec, outcome.record.key, pseudonyms.fingerprint(lake.key.read()))
        return pseudonyms.subjects(people, lake.key.read(), split_salt(table))

    @cache
    def held() -> "DataFrame":
        return held_people(quarantine.frame(lake.spark))

    return Evidence(
        *(lake.spark, outcome.files, outcome.content, outcome.record, run.policy, run.as_of),
        *(others, held, subjects),
    )


def _with_quarantine(
    lake: "Lake", spec: TableSpec, inputs: Mapping[str, TableHandle]
) -> Mapping[str, TableHandle]:
    """The inputs with the quarantined lines that a table depends on, if it does."""
    if spec.quarantine_of is None:
        return inputs
    lake.settle(spec.quarantine_of)
    return {**inputs, QUARANTINE.name: lake.quarantine(spec.quarantine_of)}


def _version(name: str, inputs: Mapping[str, TableHandle], spec: TableSpec) -> str:
    """The content version of an input; that of quarantined lines is known to their landing table."""
    if name != QUARANTINE.name or spec.quarantine_of is None:
        return inputs[name].version
    record = inputs[spec.quarantine_of].record
    return record.inputs.get(name, "") if record else ""


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
