"""The options of a run, as the launchpad shows them."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

import dagster as dg

from stedi_assets.lake import Lake, Range, Run
from stedi_assets.lake.ingestion import shared_devices
from stedi_assets.orchestration import clock
from stedi_assets.orchestration.naming import REKEY, RETRY
from stedi_assets.orchestration.run_lock import at_work
from stedi_assets.settings import Policy

TRUST_CLOCK = "stedi/trust_clock"
"""Tag of a run that publishes although a snapshot lies in the future of this machine's clock."""


class Refresh(dg.ConfigurableResource[None]):
    """The options of a run.

    Attributes:
        full: Rebuild all days, also if nothing changed.
        days: Days to rebuild in any case, such as 2024-03-01..2024-03-31.
    """

    full: bool = False
    days: str | None = None

    @contextmanager
    def yield_for_execution(  # type: ignore[override]
        self, context: dg.InitResourceContext
    ) -> Generator["Refresh", None, None]:
        """Holds the lock of the run while this process works on it."""
        if context.run is None or context.instance is None:
            yield self
            return
        with at_work(context.instance, context.run.run_id):
            yield self


def run_of(context: dg.AssetExecutionContext, lake: Lake, refresh: Refresh) -> Run:
    """The run that a step belongs to."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    # All steps of a run judge consent at the same time, in whichever process they run.
    started = record.start_time if record and record.start_time else time.time()
    days = None if refresh.days is None else Range.parse(refresh.days)
    policy = cast(Policy, lake.policy)
    return Run(
        id=context.run.run_id,
        as_of=clock.present(started),
        policy=policy,
        full=refresh.full,
        rekey=context.run.job_name == REKEY,
        retry=context.run.job_name == RETRY,
        days=days,
        trust_clock=TRUST_CLOCK in context.run.tags,
        shared=shared_devices(lake),
    )
