"""`stedi check`: audits published tables, or shows the rows that break a rule."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from stedi_assets.cli.options import (
    Exit,
    examples,
    finish,
    format_option,
    lake_options,
    no_such_table,
    require_lake,
    sentences,
    settings_of,
    waiting,
)
from stedi_assets.errors import SettingError
from stedi_assets.settings import Policy, Settings

if TYPE_CHECKING:
    from stedi_assets.assets import Declared, LakeTable
    from stedi_assets.cli.in_process import OnProgress
    from stedi_assets.cli.run_result import RunResult
    from stedi_assets.lake import Lake


@click.command(
    "check",
    epilog=examples(
        "stedi check", "stedi check customer_trusted", "stedi check customer_landing --show phone_format"
    ),
)
@click.argument("tables", nargs=-1)
@click.option("--show", "rule", metavar="RULE", help="Print the rows that break a rule in the next run.")
@click.option(
    "--as-of", metavar="MS", type=int, help="Judge consent at this time, epoch ms; recorded nowhere."
)
@format_option
@lake_options
def command(
    tables: tuple[str, ...], rule: str | None, as_of: int | None, form: str, **flags: str | None
) -> None:
    """Checks published tables against their contracts. Writes nothing."""
    with sentences():
        settings = settings_of(flags)

        from stedi_assets.assets import DECLARED
        from stedi_assets.cli.output import CHECK_COLUMNS, RunDisplay, check_rows, console, print_rows
        from stedi_assets.orchestration.refreshing.check_results import FAILED

        for name in tables:
            if name not in DECLARED.specs:
                raise SettingError(no_such_table(name, DECLARED.specs))
        shown = [] if rule is None else tables_with(rule, tables, settings.policy, DECLARED)
        require_lake(settings)
        if rule is not None:
            _show(settings, shown, rule, as_of, form)
            return
        if as_of is not None:
            found = [*audited_at(settings, tables, as_of, DECLARED)]
            print_rows(CHECK_COLUMNS, found, form)
            finish([], Exit.FAILED if any(result == FAILED for _, _, result, *_ in found) else Exit.DONE)
        with RunDisplay(console(stderr=True)).shown() as display:
            result = audit(settings, tables, display, DECLARED)
        print_rows(CHECK_COLUMNS, check_rows(result), form)
        finish(result.failures, Exit.FAILED if result.failed_rules else Exit.DONE)


def audit(
    settings: Settings, tables: Sequence[str], on_progress: "OnProgress", declared: "Declared"
) -> "RunResult":
    """Audits published tables in one run; writes nothing.

    Args:
        settings: Where the lake is.
        tables: Names of the tables; empty for all.
        on_progress: Receives every step.
        declared: All tables.

    Raises:
        SettingError: The lake cannot be reached.
    """
    from stedi_assets.cli.in_process import QUIET, execute, opened_instance
    from stedi_assets.cli.run_result import run_result
    from stedi_assets.orchestration.build import build_defs
    from stedi_assets.orchestration.naming import AUDIT
    from stedi_assets.orchestration.resources import build_naming, opened_lake

    job = build_defs(settings, declared, console=QUIET).resolve_job_def(AUDIT)
    if tables:
        keys = {build_naming(settings, declared.specs).key(name) for name in tables}
        wanted = {key for key in job.asset_layer.asset_graph.asset_check_keys if key.asset_key in keys}
        job = job.get_subset(asset_check_selection=wanted)
    with opened_instance(settings) as instance:
        with opened_lake(settings, declared.specs, instance) as lake:
            lake.check((), landing=False)
        execution = execute(instance, job, on_progress)
    return run_result(execution, declared.specs)


def audited_at(
    settings: Settings, tables: Sequence[str], as_of: int, declared: "Declared"
) -> "Iterator[Sequence[Any]]":
    """Audits published tables as they would be judged at another time.

    Their present verdicts stay as Dagster knows them.

    Args:
        settings: Where the lake is.
        tables: Names of the tables; empty for all.
        as_of: Time at which consent is judged, epoch ms.
        declared: All tables.

    Returns:
        The results of the rules, under CHECK_COLUMNS.
    """
    from stedi_assets.cli.in_process import RunOptions
    from stedi_assets.cli.output import CHECK_COLUMNS
    from stedi_assets.lake.ingestion import shared_devices
    from stedi_assets.orchestration.refreshing.check_results import rule_record
    from stedi_assets.orchestration.refreshing.gate import audit_published
    from stedi_assets.orchestration.resources import opened_lake

    with opened_lake(settings, declared.specs) as lake:
        run = RunOptions().run(settings.policy, as_of, shared=shared_devices(lake))
        for table in declared:
            if tables and table.spec.name not in tables:
                continue
            with waiting(f"Checking {table.spec.name}"):
                results = audit_published(table, lake, run).results
            for record in map(rule_record, results):
                yield table.spec.name, *(record[column] for column in CHECK_COLUMNS[1:])


def tables_with(rule: str, names: Sequence[str], policy: Policy, declared: "Declared") -> "list[LakeTable]":
    """The tables that have a rule.

    Args:
        rule: Name of the rule.
        names: The tables to search; empty for all.
        policy: The consent policy.
        declared: All tables.

    Raises:
        SettingError: None of the tables has the rule.
    """
    searched = [table for table in declared if not names or table.spec.name in names]
    rules = [[own.name for own in table.contract(policy).rules] for table in searched]
    found = [table for table, own in zip(searched, rules, strict=True) if rule in own]
    if not found:
        known = sorted({name for own in rules for name in own})
        raise SettingError(f"There is no rule {rule} here: the rules are {', '.join(known)}.")
    return found


def broken_rows(
    lake: "Lake", table: "LakeTable", rule: str, policy: Policy, as_of: int | None = None
) -> Iterator[Sequence[Any]]:
    """The rows that break a rule, of the table as a run would publish it now, or at another time (epoch ms).

    Raises:
        LakeError: An input is missing, or the engine stopped.
    """
    from stedi_assets.cli.in_process import RunOptions
    from stedi_assets.lake import engine_errors
    from stedi_assets.lake.ingestion import shared_devices
    from stedi_assets.orchestration.refreshing.gate import next_content

    run = RunOptions().run(policy, as_of, shared=shared_devices(lake))
    with next_content(table, lake, run) as audit_input, engine_errors(table.spec.name, "showing rows"):
        for frame in table.contract(policy).broken_rows(rule, audit_input):
            yield from (tuple(row) for row in frame.toLocalIterator())


def _show(settings: Settings, tables: "list[LakeTable]", rule: str, as_of: int | None, form: str) -> None:
    from stedi_assets.cli.output import print_rows
    from stedi_assets.orchestration.resources import opened_lake

    with opened_lake(settings) as lake:
        for table in tables:
            with waiting("Looking for rows"):
                rows = [*broken_rows(lake, table, rule, settings.policy, as_of)]
            if rows or form != "table":
                print_rows(table.spec.columns, rows, form)
            else:
                click.echo(f"No row of {table.spec.name} breaks {rule}.")
