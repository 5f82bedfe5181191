"""The IO managers, one for each zone: they publish what an asset staged and load published tables as inputs.

It works the same for a local folder and for S3, because the lake does.
"""

from collections.abc import Sequence
from typing import NoReturn

import dagster as dg
from dagster import ResourceDependency

from stedi_assets.errors import StediError
from stedi_assets.lake.boundary import storage_errors
from stedi_assets.lake.iceberg.commit import Conflict
from stedi_assets.lake.iceberg.table import PinnedTable
from stedi_assets.lake.model import Outcome
from stedi_assets.lake.publishing import publish
from stedi_assets.lake.resource import Lake
from stedi_assets.lake.unexpected import unexpected_errors

CONFLICTS = 3  # times that another run may be faster


def fail_step(error: StediError, others: Sequence[str] = ()) -> NoReturn:
    """Fails the step with a sentence; after a conflict the step runs again and plans from the table as it is.

    A retry policy would do so after every error that is not ours, too.

    Args:
        error: Why the step failed.
        others: Sentences about other tables.
    """
    failure = dg.Failure(" ".join([str(error), *others]), allow_retries=False)
    if isinstance(error, Conflict):
        raise dg.RetryRequested(CONFLICTS, seconds_to_wait=0.5) from failure
    raise failure from None


class LakeIOManager(dg.ConfigurableIOManager):
    """Publishes the tables of one zone, and loads the inputs of assets.

    Attributes:
        lake: The lake.
        zone: The zone; a table of another zone is refused.
    """

    lake: ResourceDependency[Lake]
    zone: str

    def handle_output(self, context: dg.OutputContext, obj: Outcome) -> None:
        """Publishes a staged table in one commit; does nothing for one that is up to date."""
        spec = obj.plan.spec
        if spec.zone != self.zone:
            raise dg.Failure(
                f"{spec.name} is a table of the {spec.zone} zone, but its asset uses {self.zone}_io_manager: "
                f"use {spec.zone}_io_manager.",
                allow_retries=False,
            )
        try:
            with unexpected_errors(spec.name), storage_errors(spec.name):
                publish(self.lake, obj)
        except StediError as error:
            fail_step(error)

    def load_input(self, context: dg.InputContext) -> PinnedTable:
        """The upstream table; lazy, so that nothing is read before it is needed."""
        return self.lake.pinned(context.asset_key.path[-1])
