"""Jobs, named ways to refresh and audit tables, and when they run by themselves."""

import dagster as dg

REFRESH = "refresh"
AUDIT = "audit"

JOBS = [
    dg.define_asset_job(
        REFRESH,
        selection=dg.AssetSelection.all(),
        description="Brings all eight tables up to the landing files; tables that are up to date stay.",
    ),
    dg.define_asset_job(
        AUDIT,
        selection=dg.AssetSelection.all_asset_checks(),
        description="Holds the published tables against their contracts; writes nothing.",
    ),
]

SCHEDULES = [
    dg.ScheduleDefinition(
        name="daily_audit",
        job_name=AUDIT,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        description="Consent may have been withdrawn since a table was published, so all are audited daily.",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
]
