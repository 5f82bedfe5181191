"""What a run would do, table by table and with its days: everything is read and planned, nothing is done.

Days that come out as they were are known only once they are made, so of the tables behind them it is the most
that would be done.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame

from stedi_assets.assets import DECLARED, TABLES
from stedi_assets.lake import (
    Lake,
    PinnedTable,
    Plan,
    PreviewedTable,
    Run,
    describe_changes,
    plan_derived,
    preview,
)
from stedi_assets.tables import ACTIVITY, QUARANTINE, TableSpec

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
    lake.read_only()
    previews = _Previews(lake, run)
    for name in (name for name in TABLES if name in tables):
        spec = TABLES[name]
        why, days = previews.landing(spec) if spec.source else previews.derived(spec)
        yield name, why or NOTHING, days


class _Previews:
    """The tables as they will be, as far as it is previews yet."""

    def __init__(self, lake: Lake, run: Run) -> None:
        self._lake = lake
        self._run = run
        self._coming: dict[str, PinnedTable] = {}
        self._lines: DataFrame | None = None

    def landing(self, spec: TableSpec) -> tuple[str, str]:
        """What becomes of a table of the landing zone, and its days."""
        lake = self._lake
        found, published = preview(lake, spec, self._run), lake.pinned(spec.name)
        text = "; ".join(describe_changes(found.counts, found.days, first=not published.exists))
        if text and published.exists:
            self._coming[spec.name] = PreviewedTable(published, found.days, found.rows)
        if found.activity is not None:
            lake.preview_activity(spec.name, found.activity)
        self._lines = self._lines if found.lines is None else found.lines
        return text, ", ".join(_ranges(found.days))

    def derived(self, spec: TableSpec) -> tuple[str, str]:
        """What becomes of a table that is computed from others, and its days."""
        lake, published = self._lake, self._lake.pinned(spec.name)
        inputs = {name: self._coming.get(name) or lake.pinned(name) for name in spec.inputs}
        if not published.exists or not all(handle.exists for handle in inputs.values()):
            return "first build", "all" if spec.partitioned else ""
        plan = plan_derived(lake, spec, inputs, self._run, DECLARED[spec.name].facts)
        if plan.nothing:
            return "", ""
        rows = None if spec.partitioned else self._rows(spec, inputs)
        self._coming[spec.name] = PreviewedTable(published, plan.days, rows)
        return "; ".join(plan.reasons), _days(plan)

    def _rows(self, spec: TableSpec, inputs: Mapping[str, PinnedTable]) -> DataFrame:
        """The rows of a table without days as they will be."""
        lake, transform = self._lake, DECLARED[spec.name].transform
        assert transform is not None
        frames = {
            name: handle.frame(lake.spark) for name, handle in inputs.items() if not handle.spec.partitioned
        }
        if spec.quarantine_of is not None:
            lines = lake.quarantine(spec.quarantine_of).frame(lake.spark)
            frames[QUARANTINE.name] = lines if self._lines is None else self._lines
        if spec.activity_of is not None:
            frames[ACTIVITY.name] = lake.previewed_activity(
                lake.tables.landing_table_behind(spec.activity_of)
            )
        return transform(frames, self._run)


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
