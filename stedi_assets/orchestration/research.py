"""Assets of the group research: what is made of the data set, on demand and outside of every job."""

import dagster as dg

from stedi_assets.errors import StediError
from stedi_assets.orchestration.naming import Naming
from stedi_assets.settings import Settings

CARD = "machine_learning_data_card"
DATA_SET = "machine_learning_curated"


def build_research(naming: Naming, settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets of the group.

    Args:
        naming: Names of the assets.
        settings: Where the lake is.
    """

    @dg.asset(
        key=naming.key(CARD),
        deps=[naming.key(DATA_SET)],
        group_name="research",
        kinds={"markdown"},
        owners=[naming.tables[DATA_SET].owner],
        description="The data card of the readings for training: what they are, consent, counts, what is in "
        "the signal, limits, how to cite. Groups of fewer than five people are not counted. It is made by "
        "hand; `stedi export` writes the same card.",
    )
    def machine_learning_data_card() -> dg.MaterializeResult[None]:
        from stedi_assets.ml.data_card import data_card
        from stedi_assets.ml.pinned_readings import readings_of

        try:
            readings = readings_of(settings)
            card = data_card(readings)
        except StediError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        return dg.MaterializeResult(
            metadata={"card": dg.MetadataValue.md(card), "citation": readings.citation},
            data_version=dg.DataVersion(str(readings.snapshot)),
        )

    return [machine_learning_data_card]
