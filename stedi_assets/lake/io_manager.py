"""The IO manager of every zone: publishes what an asset staged, hands published tables to assets.

It works the same for a local folder and for S3, because the lake does.
"""

from typing import NoReturn

import dagster as dg
from dagster import ResourceDependency

from stedi_assets.errors import StediError
from stedi_assets.lake.boundary import storage_errors
from stedi_assets.lake.iceberg.commit import Conflict
from stedi_assets.lake.iceberg.table import PinnedTable
from stedi_assets.lake.model import Outcome
from stedi_assets.lake.resource import Lake

CONFLICTS = 3  # times that another run may be faster


def fail_step(error: StediError) -> NoReturn:
    """Fails the step with a sentence; after a conflict it is done again, planned from what the table is now.

    A retry policy would do so after every error that is not ours, too.
    """
    failure = dg.Failure(str(error), allow_retries=False)
    if isinstance(error, Conflict):
        raise dg.RetryRequested(CONFLICTS, seconds_to_wait=0.5) from failure
    raise failure from None


class LakeIOManager(dg.ConfigurableIOManager):
    """Publishes outcomes and loads table handles."""

    lake: ResourceDependency[Lake]

    def handle_output(self, context: dg.OutputContext, obj: Outcome) -> None:
        """Publishes a staged table in one commit; does nothing for one that is up to date."""
        try:
            with storage_errors(obj.plan.spec.name):
                self.lake.publish(obj)
        except StediError as error:
            fail_step(error)

    def load_input(self, context: dg.InputContext) -> PinnedTable:
        """The upstream table; a lazy handle, so that nothing is read before it is needed."""
        return self.lake.pinned(context.asset_key.path[-1])
