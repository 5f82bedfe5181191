"""Jobs: named ways to refresh tables."""

import dagster as dg

REFRESH = "refresh"

JOBS = [
    dg.define_asset_job(
        REFRESH,
        selection=dg.AssetSelection.all(),
        description="Brings all eight tables up to the landing files; tables that are up to date stay.",
    )
]
