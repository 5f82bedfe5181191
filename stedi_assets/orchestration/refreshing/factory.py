"""How a declared table becomes a Dagster asset.

Dagster is told every result of the audit first; then the table is handed over to the IO manager, or refused.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import dagster as dg

from stedi_assets.contracts import contract
from stedi_assets.errors import StediError
from stedi_assets.lake import (
    Lake,
    Outcome,
    PinnedTable,
    Range,
    Removal,
    Run,
    Transform,
    fail_step,
    storage_errors,
)
from stedi_assets.orchestration.refreshing.gate import Audited, Gate, LakeTable, audit_published
from stedi_assets.orchestration.refreshing.metadata import (
    batch_event,
    breakdowns,
    check_result,
    check_spec,
    definition_metadata,
    outcome_metadata,
    profile_metadata,
    recorded_profile,
    refusal,
    removal_event,
)
from stedi_assets.orchestration.run_lock import at_work
from stedi_assets.orchestration.sensors.automation import follows_inputs
from stedi_assets.tables import TABLES, TableSpec, table_location
from stedi_assets.transforms.consent import Policy


class Refresh(dg.ConfigurableResource[None]):
    """What a run can be told at its launch.

    Attributes:
        full: Make all days anew, also when nothing changed.
        as_of: Instant at which consent is judged, epoch ms; by default the start of the run.
        rekey: Make tables anew that were made with another pseudonym key, instead of refusing to.
        retry: Read landing files with quarantined lines again.
        days: Days to make anew in any case, such as 2024-03-01..2024-03-31.
    """

    full: bool = False
    as_of: int | None = None
    rekey: bool = False
    retry: bool = False
    days: str | None = None

    @contextmanager
    def yield_for_execution(  # type: ignore[override]
        self, context: dg.InitResourceContext
    ) -> Generator["Refresh", None, None]:
        """Says, for as long as the run lasts, that this process works on it."""
        if context.run is None or context.instance is None:
            yield self
            return
        with at_work(context.instance, context.run.run_id):
            yield self


@dataclass(frozen=True)
class Naming:
    """What depends on where the lake is.

    Attributes:
        lake: URI of the lake.
        database: Database of the catalog.
        policy: The consent policy.
        prefix: Prefix of asset keys, empty for the strict policy.
    """

    lake: str
    database: str
    policy: Policy = "strict"
    prefix: tuple[str, ...] = ()

    def key(self, table: str) -> dg.AssetKey:
        """The asset key of a table."""
        return dg.AssetKey([*self.prefix, table])

    @property
    def keys(self) -> list[dg.AssetKey]:
        """The asset keys of all tables."""
        return [self.key(name) for name in TABLES]

    @property
    def pool(self) -> str:
        """What runs that write these tables share, so that they can be made to wait for each other."""
        return self.database

    @property
    def kinds(self) -> set[str]:
        """What the tables are made with and kept in."""
        return {"pyspark", "iceberg", *(["s3"] if self.lake.startswith("s3://") else [])}

    def storage(self, spec: TableSpec) -> dict[str, str]:
        """Metadata that says where a table is found."""
        return {
            "dagster/table_name": f"{self.database}.{spec.name}",
            "dagster/uri": table_location(self.lake, self.database, spec),
        }


def landing_table(spec: TableSpec) -> LakeTable:
    """Declares a table of the landing zone, whose rows are the lines of its landing files."""
    return LakeTable(spec)


def lake_table(
    spec: TableSpec, *, next_change: Transform | None = None
) -> Callable[[Callable[..., object]], LakeTable]:
    """Declares a table around the function that makes its rows.

    The function takes the inputs as frames by their names, `subjects` where the spec says so, and `run`.

    Args:
        spec: The table.
        next_change: See `Lake.refresh_derived`.
    """

    def declare(function: Callable[..., object]) -> LakeTable:
        return LakeTable(spec, lambda frames, run: function(**frames, run=run), next_change)  # type: ignore[arg-type,return-value]

    return declare


@dataclass(frozen=True)
class AssetFactory:
    """Builds assets from declared tables."""

    naming: Naming

    def build(self, table: LakeTable) -> dg.AssetsDefinition:
        """The asset of a table."""
        spec, naming = table.spec, self.naming
        keys = {name: naming.key(name) for name in spec.inputs}
        key = naming.key(spec.name)
        rules = contract(spec, naming.policy).rules

        @dg.multi_asset(
            name="__".join(key.path),
            outs={
                spec.name: dg.AssetOut(
                    key=key,
                    is_required=False,
                    io_manager_key="io_manager",
                    group_name=spec.zone,
                    description=spec.description,
                    owners=[spec.owner],
                    code_version=spec.code_version,
                    kinds=naming.kinds,
                    tags={"zone": spec.zone, "personal_data": spec.personal_data},
                    automation_condition=follows_inputs() if spec.inputs else None,
                    metadata=definition_metadata(spec, keys) | naming.storage(spec),
                )
            },
            ins={name: dg.AssetIn(key=keys[name]) for name in spec.inputs},
            check_specs=[check_spec(rule, key) for rule in rules],
            can_subset=True,
            pool=naming.pool,
        )
        def refresh(
            context: dg.AssetExecutionContext, lake: Lake, refresh: Refresh, **inputs: PinnedTable
        ) -> Iterator[dg.MaterializeResult[Outcome] | dg.AssetCheckResult]:
            started = time.monotonic()
            writes = key in context.op_execution_context.selected_asset_keys
            try:
                run = _run(context, lake, refresh)
                with storage_errors(spec.name):
                    if writes:
                        gate = Gate(table, lake, run, inputs)
                        for gone in gate.publish_early():
                            context.log_event(_event(gone, keys | {spec.name: key}, naming, run))
                        audited = gate.last
                        profile = _profile(context, gate, spec, audited, key)
                    else:
                        audited = audit_published(spec, lake, run)
            except StediError as error:
                fail_step(error)
            asked = {check.name for check in context.selected_asset_check_keys}
            days = audited.outcome.content.days
            yield from (check_result(it, key, days) for it in audited.results if it.rule.name in asked)
            if audited.refused:
                lake.discard(audited.outcome)
                raise dg.Failure(refusal(spec, audited.refused, published=not writes), allow_retries=False)
            if writes:
                seconds = time.monotonic() - started
                yield dg.MaterializeResult(
                    asset_key=key,
                    value=audited.outcome,
                    metadata=profile
                    | breakdowns(audited.results)
                    | outcome_metadata(audited.outcome, keys, seconds, audited.seconds, run.as_of)
                    | naming.storage(spec),
                    data_version=dg.DataVersion(audited.outcome.version),
                )

        return refresh


def _event(
    gone: Removal | Audited, keys: Mapping[str, dg.AssetKey], naming: Naming, run: Run
) -> dg.AssetMaterialization:
    """What Dagster is told of a publish before the last one of a table."""
    if isinstance(gone, Removal):
        return removal_event(gone, naming.key(gone.table))
    return batch_event(gone.outcome, keys, gone.seconds, run.as_of)


def _profile(
    context: dg.AssetExecutionContext, gate: Gate, spec: TableSpec, audited: Audited, key: dg.AssetKey
) -> dict[str, Any]:
    """What the page of a table shows of its rows; it does so already where the table is up to date."""
    outcome, profile = audited.outcome, audited.profile
    if profile is None:
        if shown := recorded_profile(context.instance, key, outcome.snapshot_id):
            return shown
        profile = gate.profile(outcome)
    return profile_metadata(spec, outcome.content.rows, profile)


def _run(context: dg.AssetExecutionContext, lake: Lake, refresh: Refresh) -> Run:
    as_of = refresh.as_of
    if as_of is None:
        record = context.instance.get_run_record_by_id(context.run.run_id)
        # All steps of a run judge consent at one instant, whichever process they run in.
        started = record.start_time if record and record.start_time else time.time()
        as_of = int(started * 1000)
    days = None if refresh.days is None else Range.parse(refresh.days)
    policy = cast(Policy, lake.policy)
    return Run(context.run.run_id, as_of, policy, refresh.full, refresh.rekey, refresh.retry, days)
