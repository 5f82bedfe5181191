"""The resources of the asset graph, built from settings. No other code knows where it runs.

The only place that builds the lake, the engine, and the names that depend on them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from stedi_assets.assets import TABLES
from stedi_assets.engines.sail import SailResource
from stedi_assets.engines.spark import SparkResource
from stedi_assets.lake import Lake, LakeIOManager, SecretKey, storage_errors
from stedi_assets.locations import S3
from stedi_assets.orchestration.failures import Webhook
from stedi_assets.orchestration.naming import Naming
from stedi_assets.orchestration.refreshing.run_options import Refresh
from stedi_assets.settings import Settings
from stedi_assets.tables import Tables, Zone


def build_resources(settings: Settings, tables: Tables = TABLES) -> dict[str, Any]:
    """All resources of the asset graph; does no I/O.

    Args:
        settings: Where the lake is and what works on it.
        tables: The declared tables.
    """
    engine = build_engine(settings)
    lake = _build_lake(settings, tables, engine)
    return {
        "pyspark": engine,
        "lake": lake,
        **{f"{zone}_io_manager": LakeIOManager(lake=lake, zone=zone) for zone in get_args(Zone)},
        "refresh": Refresh.configure_at_launch(),
        "webhook": Webhook(url=dg.EnvVar("STEDI_WEBHOOK_URL") if settings.webhook_given else ""),
    }


@contextmanager
def opened_lake(
    settings: Settings, tables: Tables = TABLES, instance: dg.DagsterInstance | None = None
) -> Iterator[Lake]:
    """Opens the lake outside of a run, and stops its engine at the end, if it was started.

    Args:
        settings: Where the lake is and what works on it.
        tables: The declared tables.
        instance: The Dagster instance, if one is open; without it Dagster makes one in memory.

    Raises:
        LakeError: The storage refused something while the lake was open.
    """
    engine = build_engine(settings)
    resources = {"pyspark": engine, "lake": _build_lake(settings, tables, engine)}
    with dg.build_resources(resources, instance=instance) as built, storage_errors("The lake"):
        yield built.lake


def build_engine(settings: Settings) -> LazyPySparkResource:
    """The engine; it starts when its session is used first."""
    if settings.engine == "sail":
        return SailResource(memory_mb=settings.memory_mb)
    uses_s3 = any(uri.startswith(S3) for uri in (settings.landing, settings.lake))
    return SparkResource(master=settings.engine, uses_s3=uses_s3, region=settings.region)


def build_naming(settings: Settings, tables: Tables = TABLES) -> Naming:
    """The names of assets and tables of a lake."""
    prefix = () if settings.policy == "strict" else (settings.database,)
    return Naming(
        tables=tables,
        lake=settings.lake,
        catalog=settings.catalog,
        database=settings.database,
        policy=settings.policy,
        prefix=prefix,
    )


def _build_lake(settings: Settings, tables: Tables, engine: LazyPySparkResource) -> Lake:
    # The variable's name, not its value: Dagster reads secrets when a run starts and shows them nowhere.
    key = dg.EnvVar("STEDI_PSEUDONYM_KEY") if settings.key_given else ""
    return Lake(
        tables=tables,
        landing=settings.landing,
        uri=settings.lake,
        catalog_uri=settings.catalog,
        database=settings.database,
        policy=settings.policy,
        pyspark=engine,
        key=SecretKey(given=key, file=settings.key_file),
        keep_days=settings.keep_days,
        erasure=settings.erasure,
        erasure_key=SecretKey(
            given=dg.EnvVar("STEDI_ERASURE_KEY") if settings.erasure_key_given else "",
            file=settings.erasure_key_file,
            setting="STEDI_ERASURE_KEY",
            named="key of erasures",
        ),
        region=settings.region,
        batch_files=settings.batch_files,
        batch_bytes=settings.batch_mb * 1024**2,
        longest_line=settings.record_bytes,
        access=settings.file_access,
        removal_share=settings.removal_share,
    )
