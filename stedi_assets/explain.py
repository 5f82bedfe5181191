"""What a run would do, table by table: planned from the tables as they are published, and not done.

What the waiting landing files hold is known once they are read, so what they bring further on is only named.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from stedi_assets.assets.follows import FOLLOWS
from stedi_assets.lake import (
    Lake,
    Plan,
    Run,
    Unpublished,
    counted_words,
    plan_derived,
    waiting_files,
)
from stedi_assets.tables import TABLES, TableSpec

EXPLAINED = ("table", "what would be done", "days")
NOTHING = "nothing"


def explained(lake: Lake, run: Run, tables: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """What a run would do to every table, in the order in which it would.

    Args:
        lake: The lake; it is only looked at.
        run: The run.
        tables: Names of the tables that would be refreshed.

    Raises:
        LakeError: The pseudonym key is another one, or the engine stopped.
    """
    lake.only_look()
    coming: set[str] = set()
    for name in (name for name in TABLES if name in tables):
        spec = TABLES[name]
        upstream = [one for one in spec.inputs if one in coming]
        why, days = _landing(lake, spec, run) if spec.source else _derived(lake, spec, run)
        reasons = [why] if why else []
        if upstream:
            reasons.append(f"what comes of {', '.join(upstream)}")
        if reasons:
            coming.add(name)
        yield name, "; ".join(reasons) or NOTHING, days


def _landing(lake: Lake, spec: TableSpec, run: Run) -> tuple[str, str]:
    waiting, known = waiting_files(lake, spec), lake.ledger(spec.name).current
    changed = sum(file.path in known for file in waiting.files)
    counts = {
        ("new file", "new files"): len(waiting.files) - changed,
        ("file written again", "files written again"): changed,
        ("deleted file", "deleted files"): len(waiting.deleted),
    }
    found = [counted_words(number, *words) for words, number in counts.items() if number]
    if run.full:
        found.append("all files read again")
    if not lake.handle(spec.name).exists:
        found.insert(0, "first build")
    return ", ".join(found), "as the files say" if found and spec.partitioned else ""


def _derived(lake: Lake, spec: TableSpec, run: Run) -> tuple[str, str]:
    if not lake.handle(spec.name).exists:
        return "first build", ""
    inputs = {name: lake.handle(name) for name in spec.inputs}
    try:
        plan = plan_derived(lake, spec, inputs, run, FOLLOWS.get(spec.name))
    except Unpublished:
        return "first build", ""
    return "; ".join(plan.reasons), "" if plan.nothing else _days(plan)


def _days(plan: Plan) -> str:
    if plan.days is None:
        return "all" if plan.spec.partitioned else ""
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
