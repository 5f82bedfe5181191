"""The IO manager of every zone: publishes what an asset staged, hands published tables to assets.

It works the same for a local folder and for S3, because the lake does.
"""

import dagster as dg
from dagster import ResourceDependency

from stedi_assets.errors import StediError
from stedi_assets.lake.boundary import storage_errors
from stedi_assets.lake.handles import TableHandle
from stedi_assets.lake.outcomes import Outcome
from stedi_assets.lake.publish import Conflict
from stedi_assets.lake.resource import Lake


class LakeIOManager(dg.ConfigurableIOManager):
    """Publishes outcomes and loads table handles."""

    lake: ResourceDependency[Lake]

    def handle_output(self, context: dg.OutputContext, obj: Outcome) -> None:
        """Publishes a staged table in one commit; does nothing for one that is up to date."""
        try:
            with storage_errors(obj.plan.spec.name):
                self.lake.publish(obj)
        except StediError as error:
            raise dg.Failure(str(error), allow_retries=isinstance(error, Conflict)) from None

    def load_input(self, context: dg.InputContext) -> TableHandle:
        """The upstream table; a lazy handle, so that nothing is read before it is needed."""
        return self.lake.handle(context.asset_key.path[-1])
