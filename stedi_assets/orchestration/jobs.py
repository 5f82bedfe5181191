"""The jobs that refresh, audit and maintain tables, and their schedules."""

import dataclasses
import time
from typing import Any

import dagster as dg

from stedi_assets.assets import Declared
from stedi_assets.errors import SettingError
from stedi_assets.lake import Lake, fail_step
from stedi_assets.lake.maintenance import TableReport, maintain
from stedi_assets.orchestration.erasing import DIGEST, erasing_job
from stedi_assets.orchestration.home import claim
from stedi_assets.orchestration.naming import AUDIT, MAINTAIN, PRUNE, REFRESH, REKEY, RETRY, Naming
from stedi_assets.orchestration.pruning import prune
from stedi_assets.orchestration.sensors.freshness import freshness_keys
from stedi_assets.settings import Settings
from stedi_assets.tables import SYSTEM_TABLES, Tables, TableSpec

OPTIONS = {
    "full": dg.Field(bool, default_value=False, description="Rebuild all days, even if nothing changed."),
    "days": dg.Field(
        dg.Noneable(str),
        default_value=None,
        description="Days to rebuild in any case, such as 2024-03-01..2024-03-31.",
    ),
}
"""All that a launch of `refresh` may choose."""

CONFIRMED = "replace all pseudonyms"
CONFIRMATION = {
    "confirm": dg.Field(
        dg.Enum("Confirmation", [dg.EnumValue(CONFIRMED)]),
        description="All subjects get another pseudonym, and no old one can be traced.",
    )
}
"""What a launch of `rekey` must say."""

COUNTS = tuple(
    field.name for field in dataclasses.fields(TableReport) if field.name not in ("table", "failures")
)
"""The counts that maintenance reports for a table."""


def count_name(name: str) -> str:
    """The label of a count."""
    return name.replace("_", " ")


def maintenance_op(spec: TableSpec) -> dg.OpDefinition:
    """The op that maintains one table, so that a failure of one table does not stop the others."""

    @dg.op(
        name=f"{MAINTAIN}_{spec.name}",
        description=f"Compacts {spec.name}, expires its old snapshots, deletes files that no snapshot names.",
        out=dg.Out(dg.Nothing),
    )
    def maintain_table(context: dg.OpExecutionContext, lake: Lake) -> None:
        try:
            claim(context.instance, lake.uri)
        except SettingError as error:
            fail_step(error, [])
        done = maintain(lake, spec)
        counts = {name: getattr(done, name) for name in COUNTS}
        metadata = {count_name(name): value for name, value in counts.items() if value is not None}
        if done.failures:
            raise dg.Failure(" ".join(done.failures), metadata=metadata, allow_retries=False)
        context.add_output_metadata(metadata)

    return maintain_table


def maintenance_job(tables: Tables, config: dg.ConfigMapping) -> dg.JobDefinition:
    """The job that maintains all tables."""

    @dg.job(
        name=MAINTAIN,
        config=config,
        description="Compacts small files, expires old snapshots, deletes files that no snapshot names. The "
        "tables keep their rows, so nothing has to be refreshed afterwards.",
    )
    def maintain_all() -> None:
        for spec in (*tables.values(), *SYSTEM_TABLES.values()):
            maintenance_op(spec)()

    return maintain_all


def pruning_job(keep_days: int, config: dg.ConfigMapping) -> dg.JobDefinition:
    """The job that deletes old runs."""

    @dg.op(description="Deletes old runs and their events.", out=dg.Out(dg.Nothing))
    def prune_runs(context: dg.OpExecutionContext) -> None:
        done = prune(context.instance, keep_days, time.time())
        context.add_output_metadata(
            {"runs deleted": done.runs, "bytes before": done.before, "bytes after": done.after}
        )

    @dg.job(
        name=PRUNE,
        config=config,
        description=f"Deletes runs that are older than {keep_days} days from the Dagster home. The latest of "
        "each table and check stay, and the tables do not change.",
    )
    def prune_all() -> None:
        prune_runs()

    return prune_all


def build_jobs(
    naming: Naming, settings: Settings, declared: Declared, console: str | None = None
) -> list[Any]:
    """The jobs. A launch can choose nothing but what a job offers.

    Args:
        naming: Names of the assets.
        settings: The settings of the code location.
        declared: The tables.
        console: The least level of the messages that runs print; None for Dagster's.
    """
    loggers = {} if console is None else {"loggers": {"console": {"config": {"log_level": console}}}}

    def offering(options: dict[str, dg.Field], to: str | None = None) -> dg.ConfigMapping:
        """The config of a job that offers some options, and passes them on to a resource."""
        return dg.ConfigMapping(
            config_schema=options,
            config_fn=lambda chosen: {
                **loggers,
                "resources": {} if to is None else {to: {"config": dict(chosen)}},
            },
        )

    nothing = offering({})
    offering_digest = dg.ConfigMapping(
        config_schema=DIGEST,
        config_fn=lambda chosen: {**loggers, "ops": {"erase_people": {"config": dict(chosen)}}},
    )
    # Files that stop arriving break no contract.
    quiet = dg.AssetSelection.checks(*freshness_keys(naming).values())
    return [
        dg.define_asset_job(
            REFRESH,
            selection=dg.AssetSelection.all(),
            config=offering(OPTIONS, to="refresh"),
            description="Brings all tables up to date with the landing files; nothing else changes.",
        ),
        dg.define_asset_job(
            RETRY,
            selection=dg.AssetSelection.all(),
            config=nothing,
            description="Reads landing files with quarantined lines again; refreshes what depends on them.",
        ),
        dg.define_asset_job(
            REKEY,
            # All that people may have to leave, as consents may have ended since the last run.
            selection=dg.AssetSelection.assets(*(naming.key(spec.name) for spec in naming.tables.derived)),
            config=offering(CONFIRMATION),
            description="Replaces the pseudonyms of tables that were made with another key than the present.",
        ),
        dg.define_asset_job(
            AUDIT,
            selection=dg.AssetSelection.all_asset_checks() - quiet,
            config=nothing,
            description="Audits the published tables against their contracts; writes nothing.",
        ),
        maintenance_job(naming.tables, nothing),
        pruning_job(settings.keep_runs, nothing),
        erasing_job(settings, declared, naming, offering_digest),
    ]


def _schedule(name: str, job: str, cron: str, description: str) -> dg.ScheduleDefinition:
    """A schedule in UTC that is on from the start."""
    return dg.ScheduleDefinition(
        name=name,
        job_name=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        description=description,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


SCHEDULES = [
    _schedule(
        *("daily_audit", AUDIT, "0 5 * * *"),
        "Audits all tables daily, because people may have withdrawn since the last publish.",
    ),
    _schedule(
        *("weekly_maintenance", MAINTAIN, "0 3 * * 0"),
        "Compacts and cleans all tables: rows that left a table leave its old data files here.",
    ),
    _schedule(
        *("weekly_pruning", PRUNE, "0 4 * * 0"),
        "Deletes old runs and their events, so that the Dagster home stays small.",
    ),
]
