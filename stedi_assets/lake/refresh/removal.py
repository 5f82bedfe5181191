"""Removals: publishes that only remove rows of people who withdrew.

They come before anything that a broken rule could refuse. Here belongs how rows are removed; the contract of
a table decides whose rows leave.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from stedi_assets.errors import StediError
from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.staging import StagingArea, day_chunks
from stedi_assets.lake.iceberg.table import TableFiles
from stedi_assets.lake.model import Facts, Outcome, Plan, Run
from stedi_assets.lake.refresh.audit_input import Days
from stedi_assets.lake.refresh.derived import parted, stage_rows
from stedi_assets.lake.refresh.plan import WITHDRAWN, days_of, recorded_facts
from stedi_assets.lake.resource import Lake

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyspark.sql import DataFrame


def without_rows(
    lake: Lake,
    published: Outcome,
    remaining: "Callable[[Days], DataFrame]",
    *,
    days: Collection[date] | None,
    run: Run,
) -> Outcome:
    """Stages a table without some of its rows; other changes are left for the next refresh.

    Args:
        lake: The lake.
        published: The table.
        remaining: Makes the rows of some days that stay.
        days: The days that lose rows; None for a table without days.
        run: The run.
    """
    spec, recorded = published.plan.spec, published.record
    going, staying = parted(published.resulting, days)
    lost = None if days is None else sorted(day.isoformat() for day in days)
    record = replace(
        recorded, owed=sorted({*(recorded.owed or ()), *(lost or ())}), checks={}, run=run.id, days=lost
    )
    plan = Plan(spec=spec, base=published.snapshot_id, record=record, reasons=(WITHDRAWN,))
    chunks = iter([None]) if days is None else day_chunks([TableFiles(spec, going, published.files.named)])

    def write(area: StagingArea, _table: "Table") -> Record:
        for chunk in chunks:
            with engine_errors(spec.name, "removing rows"):
                rows = remaining(chunk)
            area.write(rows)
        return record

    return stage_rows(lake, plan, write, removed=going, kept=staying)


def doubtful_days(
    lake: Lake,
    published: Outcome,
    withdrawn: "Callable[[DataFrame], DataFrame | None]",
    *,
    facts: Facts,
    run: Run,
) -> Days:
    """The days that may have rows of people who withdrew; None for all days.

    Args:
        lake: The lake.
        published: A table with days.
        withdrawn: Selects the people or devices that may not be in the table any more from the facts that the
            table was computed with; None if there are none.
        facts: These facts.
        run: The run.
    """
    customers = {name: lake.pinned(name) for name in lake.tables.customers_of(published.plan.spec)}
    try:
        known = recorded_facts(lake, customers, published.record, run=run, known=facts)
    except StediError:
        return None  # an input cannot be read, so every day is in doubt
    if known is None:
        return None
    who = withdrawn(known)
    return frozenset() if who is None else days_of(lake, who, facts.activity_of)
