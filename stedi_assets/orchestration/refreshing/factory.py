"""Builds the Dagster asset of a declared table.

The asset yields every check result first. Then it either fails, or yields the table to the IO manager, which
commits it: so Dagster shows the results also if the publish is refused.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from stedi_assets.assets import Declared, LakeTable
from stedi_assets.contracts import Check
from stedi_assets.errors import StediError
from stedi_assets.lake import Lake, Outcome, Run, fail_step, storage_errors
from stedi_assets.lake.iceberg import PinnedTable
from stedi_assets.lake.unexpected import unexpected_errors
from stedi_assets.orchestration.home import claim
from stedi_assets.orchestration.interrupts import end_soon
from stedi_assets.orchestration.naming import Naming
from stedi_assets.orchestration.privacy import consent_facts
from stedi_assets.orchestration.refreshing.check_results import (
    breakdowns,
    check_results,
    check_spec,
    refusal,
)
from stedi_assets.orchestration.refreshing.gate import Audited, Gate, Removal, audit_published
from stedi_assets.orchestration.refreshing.metadata import (
    batch_event,
    consent_metadata,
    definition_metadata,
    outcome_metadata,
    profile_metadata,
    recorded_profile,
    removal_event,
)
from stedi_assets.orchestration.refreshing.run_options import Refresh, run_of
from stedi_assets.orchestration.sensors.automation import follows_inputs


def build_assets(naming: Naming, declared: Declared) -> list[dg.AssetsDefinition]:
    """The assets of all declared tables."""
    factory = AssetFactory(naming, declared)
    return [factory.build(table) for table in declared]


@dataclass(frozen=True)
class AssetFactory:
    """Builds assets from declared tables."""

    naming: Naming
    declared: Declared

    def build(self, table: LakeTable) -> dg.AssetsDefinition:
        """The asset of a table."""
        spec, naming = table.spec, self.naming
        key = naming.key(spec.name)
        checks = Check.of(table.contract(naming.policy).rules)

        @dg.multi_asset(
            name="__".join(key.path),
            outs={
                spec.name: dg.AssetOut(
                    key=key,
                    is_required=False,
                    io_manager_key=f"{spec.zone}_io_manager",
                    group_name=spec.zone,
                    description=spec.description,
                    owners=[spec.owner],
                    code_version=spec.code_version,
                    kinds=naming.kinds,
                    tags={"zone": spec.zone, "personal_data": spec.personal_data},
                    automation_condition=follows_inputs() if spec.inputs else None,
                    metadata=definition_metadata(spec, naming) | naming.storage(spec),
                )
            },
            ins={name: dg.AssetIn(key=naming.key(name)) for name in spec.inputs},
            check_specs=[check_spec(check, key) for check in checks],
            can_subset=True,
            pool=naming.pool,
        )
        def refresh(
            context: dg.AssetExecutionContext, lake: Lake, refresh: Refresh, **inputs: PinnedTable
        ) -> Iterator[dg.MaterializeResult[Outcome] | dg.AssetCheckResult]:
            started = time.monotonic()
            run = run_of(context, lake, refresh)
            gate = Gate(table, self.declared, lake=lake, run=run, inputs=inputs)
            publishes = key in context.op_execution_context.selected_asset_keys
            try:
                with unexpected_errors(spec.name), storage_errors(spec.name):
                    claim(context.instance, lake.uri)
                    if publishes:
                        for early in gate.publish_early():
                            context.log_event(_early_event(early, naming, run))
                        audited = gate.last
                        profile = _profile(context, gate, table, audited, key=key)
                    else:
                        audited = audit_published(table, lake, run)
            except StediError as error:
                fail_step(error, gate.removal_failures)
            except (KeyboardInterrupt, DagsterExecutionInterruptedError):
                end_soon()
                raise
            asked = {check.name for check in context.selected_asset_check_keys}
            days = audited.outcome.content.days
            yield from (
                result for result in check_results(audited.results, key, days) if result.check_name in asked
            )
            if audited.refused:
                audited.outcome.discard()
                sentence = refusal(spec, audited.refused, published=not publishes)
                raise dg.Failure(" ".join([sentence, *gate.removal_failures]), allow_retries=False)
            if publishes:
                measured = outcome_metadata(
                    audited.outcome,
                    naming,
                    seconds=time.monotonic() - started,
                    audit_seconds=audited.seconds,
                    as_of=run.as_of,
                )
                yield dg.MaterializeResult(
                    asset_key=key,
                    value=audited.outcome,
                    metadata=profile | breakdowns(audited.results) | measured | naming.storage(spec),
                    data_version=dg.DataVersion(audited.outcome.version),
                )
            if gate.removal_failures:
                raise dg.Failure(" ".join(gate.removal_failures), allow_retries=False)

        return refresh


def _early_event(early: Removal | Audited, naming: Naming, run: Run) -> dg.AssetMaterialization:
    """The event of a publish before the last one of a table."""
    if isinstance(early, Removal):
        return removal_event(early, naming.key(early.table))
    return batch_event(early.outcome, naming, early.seconds, run.as_of)


def _profile(
    context: dg.AssetExecutionContext, gate: Gate, table: LakeTable, audited: Audited, *, key: dg.AssetKey
) -> dict[str, Any]:
    """The profile on the page of a table: the recorded one if the table is up to date."""
    outcome, profile = audited.outcome, audited.profile
    if profile is None:
        if shown := recorded_profile(context.instance, key, outcome.snapshot_id):
            return shown
        profile = gate.profile(outcome)  # a new Dagster home
    facts = consent_facts(gate.lake, gate.run.as_of) if table.reports_consent else []
    return profile_metadata(outcome.content.rows, profile) | consent_metadata(facts)
