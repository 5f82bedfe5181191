"""Rows that break a rule, shown on demand and stored nowhere."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

from stedi_assets.assets import DECLARED, TABLES
from stedi_assets.errors import SettingError
from stedi_assets.lake import Lake, Run, engine_errors
from stedi_assets.orchestration.refreshing.gate import next_content
from stedi_assets.tables import TableSpec
from stedi_assets.transforms.consent import Policy


def tables_with(rule: str, names: Sequence[str], policy: Policy) -> list[TableSpec]:
    """The tables that have a rule.

    Args:
        rule: Name of the rule.
        names: The tables that are asked about; all if there is none.
        policy: The consent policy.

    Raises:
        SettingError: There is no such table, or none of them has the rule.
    """
    if unknown := [name for name in names if name not in TABLES]:
        raise SettingError(f"There is no table {unknown[0]}: the tables are {', '.join(TABLES)}.")
    rules = {name: [one.name for one in DECLARED[name].contract(policy).rules] for name in names or TABLES}
    found = [TABLES[name] for name, own in rules.items() if rule in own]
    if not found:
        known = sorted({name for own in rules.values() for name in own})
        raise SettingError(f"There is no rule {rule} here: the rules are {', '.join(known)}.")
    return found


def broken_rows(lake: Lake, spec: TableSpec, rule: str) -> Iterator[Sequence[Any]]:
    """The rows of a table that break a rule, of the table as the next run would publish it.

    Raises:
        LakeError: An input is missing, or the engine stopped.
    """
    policy = cast(Policy, lake.policy)
    run, agreed = Run("none", int(time.time() * 1000), policy), DECLARED[spec.name].contract(policy)
    with (
        next_content(DECLARED[spec.name], lake, run) as audit_input,
        engine_errors(spec.name, "showing rows"),
    ):
        for frame in agreed.broken_rows(rule, audit_input):
            yield from (tuple(row) for row in frame.toLocalIterator())
