"""Whether the landing zone has gone quiet: an amber check on every table of it that gets no new rows.

It looks at when files with rows arrived, not at materializations: runs that find nothing new make them.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dagster as dg

from stedi_assets.errors import StediError
from stedi_assets.lake import Lake, last_arrival, storage_errors
from stedi_assets.orchestration.naming import Naming
from stedi_assets.tables import TableSpec

LANDING_IS_QUIET = "landing_is_quiet"
DESCRIPTION = """New rows arrived within the last {hours:g} hours (`STEDI_QUIET_HOURS`).

If broken, it is amber: whatever sends the landing files may have stopped. Nothing is held up."""


@dataclass(frozen=True)
class Freshness:
    """Whether a table of the landing zone has gone quiet.

    Attributes:
        spec: The table.
        arrived: When it last got new rows, epoch ms; None if never.
        passed: Whether that is recent enough.
        hours: How long is recent enough.
    """

    spec: TableSpec
    arrived: int | None
    passed: bool
    hours: float

    @property
    def metadata(self) -> dict[str, Any]:
        """What Dagster is told."""
        last = "never" if self.arrived is None else dg.MetadataValue.timestamp(self.arrived / 1000)
        return {"last new rows": last, "hours until quiet": self.hours}


def freshness_of(lake: Lake, spec: TableSpec, hours: float, now: float) -> Freshness:
    """Looks whether a table of the landing zone has gone quiet.

    Args:
        lake: The lake.
        spec: The table.
        hours: How long it may get no rows.
        now: The time, epoch seconds.

    Raises:
        SettingError: The lake or the catalog cannot be reached.
        LakeError: Storage is in trouble.
    """
    with storage_errors(spec.name):
        arrived = last_arrival(lake, spec, int(now * 1000))
    passed = arrived is not None and now - arrived / 1000 <= timedelta(hours=hours).total_seconds()
    return Freshness(spec, arrived, passed, hours)


def freshness_keys(naming: Naming) -> dict[str, dg.AssetCheckKey]:
    """The checks by table."""
    return {
        spec.name: dg.AssetCheckKey(naming.key(spec.name), LANDING_IS_QUIET) for spec in naming.tables.landing
    }


def build_freshness(naming: Naming, hours: float) -> dg.AssetChecksDefinition:
    """The checks of all tables of the landing zone.

    Args:
        naming: What assets are called.
        hours: How long a table may get no rows.
    """
    keys = freshness_keys(naming)

    @dg.multi_asset_check(
        name="__".join([*naming.prefix, LANDING_IS_QUIET]),
        specs=[
            dg.AssetCheckSpec(key.name, asset=key.asset_key, description=DESCRIPTION.format(hours=hours))
            for key in keys.values()
        ],
        can_subset=True,
    )
    def landing_is_quiet(context: dg.AssetCheckExecutionContext, lake: Lake) -> Iterator[dg.AssetCheckResult]:
        for spec in naming.tables.landing:
            if keys[spec.name] in context.selected_asset_check_keys:
                try:
                    found = freshness_of(lake, spec, hours, time.time())
                except StediError as error:
                    raise dg.Failure(str(error), allow_retries=False) from None
                yield dg.AssetCheckResult(
                    asset_key=keys[spec.name].asset_key,
                    check_name=LANDING_IS_QUIET,
                    passed=found.passed,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata=found.metadata,
                )

    return landing_is_quiet
