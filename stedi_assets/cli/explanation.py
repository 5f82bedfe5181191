"""An explanation of what a run would do, table by table; nothing is written.

Landing tables are planned exactly. A derived table is planned against its inputs as they are now; if a run
will change an input first, the explanation says so, because the days of that change are not known yet.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta

from stedi_assets.assets import Declared, LakeTable
from stedi_assets.lake import Lake, Run
from stedi_assets.lake.ingestion import planned_changes
from stedi_assets.lake.refresh import Plan, plan_derived

EXPLAINED = ("table", "what would be done", "days")
NOTHING = "nothing"
FIRST_BUILD = "first build"


def explained(
    lake: Lake, run: Run, tables: Collection[str], declared: Declared
) -> Iterator[tuple[str, str, str]]:
    """What a run would do to every table and on which days, in the order of the work.

    Args:
        lake: The lake; it writes nothing from now on.
        run: The run.
        tables: Names of the tables that would be refreshed.
        declared: All tables.

    Raises:
        LakeError: The pseudonym key is another one, or the engine stopped.
    """
    lake.read_only()
    changing: set[str] = set()
    for table in declared:
        spec = table.spec
        if spec.name not in tables:
            continue
        if spec.source:
            reasons, days = [*planned_changes(lake, spec, run)], ""
        else:
            reasons, days = _derived(lake, table, run, changing)
        if reasons:
            changing.add(spec.name)
        yield spec.name, "; ".join(reasons) or NOTHING, days


def _derived(lake: Lake, table: LakeTable, run: Run, changing: Collection[str]) -> tuple[list[str], str]:
    spec = table.spec
    inputs = {name: lake.pinned(name) for name in spec.inputs}
    if not lake.pinned(spec.name).exists or not all(pinned.exists for pinned in inputs.values()):
        return [FIRST_BUILD], "all" if spec.partitioned else ""
    plan = plan_derived(lake, spec, inputs, run=run, known=table.facts)
    reasons = [*plan.reasons]
    rebuilt = not plan.nothing and plan.days is None
    if not rebuilt and any(name in changing for name in spec.references):
        more = "more days" if plan.days else "the days that change" if spec.partitioned else "the table"
        reasons.append(f"if its inputs change: {more}")
    return reasons, _days(plan)


def _days(plan: Plan) -> str:
    if plan.nothing or not plan.spec.partitioned:
        return ""
    if plan.days is None:
        return "all"
    return ", ".join(_ranges(plan.days)) or "none"


def _ranges(days: Iterable[date]) -> Iterator[str]:
    """Days as ranges without gaps."""
    found: list[list[date]] = []
    for day in sorted(days):
        if found and day - found[-1][-1] == timedelta(days=1):
            found[-1][1:] = [day]
        else:
            found.append([day])
    for span in found:
        yield "..".join(day.isoformat() for day in span)
