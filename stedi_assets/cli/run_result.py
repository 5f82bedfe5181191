"""The results of a run, read from the events that Dagster recorded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from stedi_assets.orchestration.failures import failure_sentences
from stedi_assets.orchestration.refreshing.check_results import FAILED, rule_record, rules_of
from stedi_assets.orchestration.refreshing.gate import Audited
from stedi_assets.orchestration.refreshing.metadata import REMOVED, ROWS_REMOVED
from stedi_assets.tables import Tables


@dataclass(frozen=True)
class Execution:
    """A job that was executed.

    Attributes:
        result: What Dagster returned.
        seconds: Time from the first progress to the last.
    """

    result: dg.ExecuteInProcessResult
    seconds: float

    @property
    def failures(self) -> list[str]:
        """One sentence for every step that failed."""
        return [] if self.result.success else failure_sentences(self.result.all_events, self.result.run_id)


@dataclass(frozen=True)
class TableResult:
    """What a run did to a table."""

    rows: int
    snapshot_id: int
    changed: bool
    what_changed: str
    seconds: float
    audit_seconds: float


@dataclass(frozen=True)
class RunResult:
    """What a run did.

    Attributes:
        run_id: The Dagster run; None if there was none, because every table is up to date.
        tables: Tables that are now up to date.
        checks: Asset check, result (`passed`, `warned`, `failed`) and counts of every rule, by `table.rule`.
        removed: Rows that were removed before anything else, by table.
        removals: The sentence about these rows, by table.
        failures: One sentence for every table that failed.
        seconds: Work, from the first plan to the last publish.
        published_by: The runs that published the tables, if no run was needed.
    """

    run_id: str | None
    tables: Mapping[str, TableResult]
    checks: Mapping[str, Mapping[str, Any]]
    removed: Mapping[str, int]
    failures: Sequence[str]
    seconds: float
    published_by: Sequence[str] = ()
    removals: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed_rules(self) -> list[str]:
        """The rules of severity error that rows break, as `table.rule`."""
        return [name for name, check in self.checks.items() if check["result"] == FAILED]


def run_result(execution: Execution, tables: Tables) -> RunResult:
    """What a run did to assets and found in checks.

    Args:
        execution: The executed job.
        tables: The declared tables, whose order the results have.
    """
    result = execution.result
    return RunResult(
        run_id=result.run_id,
        tables=_table_results(result, tables),
        checks=_checks(result),
        removed=_removed(result, ROWS_REMOVED),
        removals=_removed(result, REMOVED),
        failures=execution.failures,
        seconds=execution.seconds,
    )


def unchanged_result(found: Mapping[str, Audited]) -> RunResult:
    """The result of a run that is not needed.

    Args:
        found: The tables, all of them up to date, with the results of the audit before their publish.
    """
    return RunResult(
        run_id=None,
        tables={
            name: TableResult(
                rows=audited.outcome.content.rows,
                snapshot_id=audited.outcome.snapshot_id,
                changed=False,
                what_changed="nothing",
                seconds=0.0,
                audit_seconds=0.0,
            )
            for name, audited in found.items()
        },
        checks={
            f"{name}.{result.rule.name}": _shown(result.rule.check, rule_record(result))
            for name, audited in found.items()
            for result in audited.results
        },
        removed={},
        failures=[],
        seconds=0.0,
        published_by=sorted({audited.outcome.record.run for audited in found.values()}),
    )


def _table_results(result: dg.ExecuteInProcessResult, tables: Tables) -> dict[str, TableResult]:
    """The results by table, in the order of the tables; a table that published twice has the sum."""
    found: dict[str, TableResult] = {}
    for name, values in _materializations(result):
        if ROWS_REMOVED in values:
            continue
        earlier = found.get(name)
        what_changed = values["what changed"]
        found[name] = TableResult(
            rows=values["dagster/row_count"],
            snapshot_id=int(values["snapshot id"]),
            changed=values["changed"] or (earlier is not None and earlier.changed),
            what_changed=f"{earlier.what_changed}; {what_changed}" if earlier else what_changed,
            seconds=values["seconds"],
            audit_seconds=values["audit seconds"] + (earlier.audit_seconds if earlier else 0.0),
        )
    return {name: found[name] for name in tables if name in found}


def _removed(result: dg.ExecuteInProcessResult, what: str) -> dict[str, Any]:
    return {name: values[what] for name, values in _materializations(result) if what in values}


def _materializations(
    result: dg.ExecuteInProcessResult,
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        metadata = {name: value.value for name, value in materialization.metadata.items()}
        yield materialization.asset_key.path[-1], metadata


def _checks(result: dg.ExecuteInProcessResult) -> dict[str, Mapping[str, Any]]:
    return {
        f"{check.asset_key.path[-1]}.{rule['rule']}": _shown(check.check_name, rule)
        for check in result.get_asset_check_evaluations()
        for rule in rules_of(check)
    }


def _shown(check: str, rule: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"check": check, **{name: rule[name] for name in ("result", "checked", "broken")}}
