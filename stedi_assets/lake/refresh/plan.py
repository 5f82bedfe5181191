"""Planning a derived table: which of its days are rebuilt, and why.

Every snapshot records what it was computed from, so the plan compares that record with now. It holds the days
whose rows changed in an input, and the days with readings of a person whose consent or device ownership
changed. If that cannot be known, it holds all days. If nothing changed, nothing is staged.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from stedi_assets.errors import LakeError, counted_words
from stedi_assets.lake.boundary import engine_errors
from stedi_assets.lake.iceberg.record import Record
from stedi_assets.lake.iceberg.table import Past, PinnedTable
from stedi_assets.lake.ingestion.system_tables import finish_batch
from stedi_assets.lake.model import Facts, Plan, Range, Run
from stedi_assets.lake.progress import report
from stedi_assets.lake.refresh.active_days import activity_of
from stedi_assets.lake.resource import Lake
from stedi_assets.tables import QUARANTINE, TableSpec
from stedi_assets.transforms import facts, pseudonyms

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


Reasons = list[str]

WITHDRAWN = "rows of people who withdrew were removed"


@dataclass(frozen=True)
class Cause:
    """Why some days are rebuilt.

    Attributes:
        reason: The cause in words.
        days: The days; None for all days.
    """

    reason: str
    days: frozenset[date] | None


def plan_derived(
    lake: Lake,
    spec: TableSpec,
    inputs: Mapping[str, PinnedTable],
    *,
    run: Run,
    known: Facts | None = None,
) -> Plan:
    """Plans a table that is computed from others.

    Args:
        lake: The lake.
        spec: The table.
        inputs: Its inputs by name.
        run: The run.
        known: The facts that the table depends on besides readings.

    Raises:
        LakeError: An input is not published, or the pseudonym key is another one.
    """
    report(spec.name, "planning")
    for name in spec.inputs:
        inputs[name].check_own()
    inputs = with_quarantine(lake, spec, {name: inputs[name] for name in spec.inputs})
    wanted = Record(
        inputs={name: _version(name, inputs, spec) for name in inputs},
        snapshots={name: inputs[name].snapshot_id for name in spec.inputs},
        policy=run.policy,
        code_version=spec.code_version,
        as_of=run.as_of,
        key=pseudonyms.fingerprint(lake.key.read()) if spec.subjects else None,
        run=run.id,
    )
    published = lake.pinned(spec.name)
    recorded = published.record if published.exists else None
    base = published.snapshot_id if published.exists else None
    if recorded is None:
        reason = "another program changed it" if published.exists else "first build"
        return Plan(spec=spec, base=base, record=wanted, reasons=(reason,))
    if not run.rekey:
        check_key(spec, recorded.key, wanted.key)
    plan = Plan(
        spec=spec,
        base=base,
        record=wanted,
        reasons=(),
        changed=frozenset(changed_inputs(recorded, wanted)),
        previous=recorded,
    )
    if reasons := [*reasons_for_all(recorded, wanted), *(["full refresh"] if run.full else [])]:
        return replace(plan, reasons=tuple(_changed(inputs, plan) + reasons))
    if not spec.partitioned:
        return replace(plan, reasons=tuple(_why_whole(plan, inputs, run)))
    days = _Days(lake=lake, plan=plan, published=published, inputs=inputs, run=run, known=known)
    return days.planned()


def with_quarantine(
    lake: Lake, spec: TableSpec, inputs: Mapping[str, PinnedTable]
) -> Mapping[str, PinnedTable]:
    """The inputs, with the quarantined lines if the table depends on them."""
    if spec.quarantine_of is None:
        return inputs
    finish_batch(lake, spec.quarantine_of)
    return {**inputs, QUARANTINE.name: lake.system(QUARANTINE, spec.quarantine_of)}


def _version(name: str, inputs: Mapping[str, PinnedTable], spec: TableSpec) -> str:
    """The content version of an input; the landing table records that of its quarantined lines."""
    if name != QUARANTINE.name or spec.quarantine_of is None:
        return inputs[name].version
    record = inputs[spec.quarantine_of].record
    return record.inputs.get(name, "") if record else ""


def recorded_facts(
    lake: Lake, customers: Mapping[str, PinnedTable], recorded: Record, *, run: Run, known: Facts
) -> "DataFrame | None":
    """The facts that a table was computed with; None if they are not known any more.

    Args:
        lake: The lake.
        customers: The inputs without days.
        recorded: What the table was computed from.
        run: The run.
        known: The facts that it depends on.
    """
    past = {name: since(recorded, table) for name, table in customers.items()}
    frames = {name: entry.table.frame(lake.spark) for name, entry in past.items() if entry is not None}
    return known.compute(frames, run) if len(frames) == len(past) else None


def since(recorded: Record, table: PinnedTable) -> Past | None:
    """An input as it was when a table was computed from it; None if that is not known any more."""
    name = table.spec.name
    return table.since(recorded.snapshots.get(name), recorded.inputs.get(name))


def days_of(lake: Lake, who: "DataFrame", landing_table: str) -> frozenset[date] | None:
    """The days on which people or devices have readings; None if they are not known.

    Args:
        lake: The lake.
        who: One column who.
        landing_table: The landing table with the readings.
    """
    activity = activity_of(lake, landing_table)
    if activity is None:
        return None
    days = facts.active_days(activity.frame(lake.spark), who).collect()
    return frozenset(row["event_date"] for row in days)


def _changed(inputs: Mapping[str, PinnedTable], plan: Plan) -> Reasons:
    return [f"{name} changed" for name in inputs if name in plan.changed]


def _why_whole(plan: Plan, inputs: Mapping[str, PinnedTable], run: Run) -> Reasons:
    """Why a table without days is rebuilt."""
    recorded = plan.previous
    assert recorded is not None
    reasons = [WITHDRAWN] if recorded.owed is not None else _changed(inputs, plan)
    if recorded.next_change is not None and run.as_of >= recorded.next_change:
        reasons.append("a consent or record came into effect")
    return reasons


def changed_inputs(recorded: Record, wanted: Record) -> list[str]:
    """The inputs whose content is another one than before."""
    return [name for name, version in wanted.inputs.items() if recorded.inputs.get(name) != version]


def reasons_for_all(recorded: Record, wanted: Record) -> list[str]:
    """Why all rows may differ, whatever the inputs are."""
    reasons = []
    if wanted.key != recorded.key:
        reasons.append("another pseudonym key")
    if wanted.policy != recorded.policy:
        reasons.append(f"policy {recorded.policy} → {wanted.policy}")
    if wanted.code_version != recorded.code_version:
        reasons.append(f"code version {recorded.code_version} → {wanted.code_version}")
    if wanted.as_of < recorded.as_of:
        reasons.append("as of an earlier instant")
    return reasons


def check_key(spec: TableSpec, recorded: str | None, wanted: str | None) -> None:
    """Makes sure that a table was made with the pseudonym key at hand.

    Args:
        spec: The table.
        recorded: Fingerprint of the key that it was made with.
        wanted: Fingerprint of the key at hand.

    Raises:
        LakeError: It was not.
    """
    if recorded != wanted:
        raise LakeError(
            f"{spec.name} was made with the pseudonym key {recorded} (a fingerprint), but now "
            f"STEDI_PSEUDONYM_KEY or the key file holds {wanted}: give the former key again, or "
            "replace it everywhere with `stedi rekey`."
        )


@dataclass(frozen=True)
class _Days:
    """Plans the days of a table that was published before, under the same rules."""

    lake: Lake
    plan: Plan
    published: PinnedTable
    inputs: Mapping[str, PinnedTable]
    run: Run
    known: Facts | None

    def planned(self) -> Plan:
        """The plan with its days."""
        days: set[date] = set()
        reasons: Reasons = []
        for cause in self._causes():
            if cause.days is None:
                reasons = [*_changed(self.inputs, self.plan), f"{cause.reason} → all days"]
                return replace(self.plan, reasons=tuple(reasons))
            reasons.append(f"{cause.reason} → {counted_words(len(cause.days), 'day', 'days')}")
            days |= cause.days
        return replace(self.plan, reasons=tuple(reasons), days=frozenset(days))

    def _causes(self) -> Iterator[Cause]:
        recorded = self._recorded
        if recorded.owed is not None:
            yield Cause(WITHDRAWN, frozenset(map(date.fromisoformat, recorded.owed)))
        if self.plan.changed and self.run.policy == "reference":
            yield Cause("policy reference", None)
        for name, table in self.inputs.items():
            if name in self.plan.changed and table.spec.partitioned:
                yield self._changed_days(table)
        customers = {name: table for name, table in self.inputs.items() if not table.spec.partitioned}
        if self.plan.changed.intersection(customers):
            yield self._affected_days(customers)
        if self.run.days is not None:
            yield Cause("asked for", self._forced_days(self.run.days))

    @property
    def _recorded(self) -> Record:
        assert self.plan.previous is not None
        return self.plan.previous

    def _changed_days(self, table: PinnedTable) -> Cause:
        past = since(self._recorded, table)
        if past is None or past.days is None:
            return Cause(f"it is not known which days of {table.spec.name}", None)
        return Cause(f"{table.spec.name} changed", past.days)

    def _affected_days(self, customers: Mapping[str, PinnedTable]) -> Cause:
        """The days of people or devices whose facts changed."""
        if self.known is None:
            return Cause("it is not known whom that concerns", None)
        lake = self.lake
        with engine_errors(self.plan.spec.name, "looking for what changed"):
            before = recorded_facts(lake, customers, self._recorded, run=self.run, known=self.known)
            if before is None:
                return Cause("it is not known what it was made from", None)
            frames = {name: table.frame(lake.spark) for name, table in customers.items()}
            who = facts.differing(before, self.known.compute(frames, self.run)).toArrow()
            found = counted_words(who.num_rows, *self.known.named)
            if not who.num_rows:
                return Cause(found, frozenset())
            days = days_of(lake, lake.spark.createDataFrame(who), self.known.activity_of)
        if days is None:
            return Cause(f"{found}, and it is not known when they were active", None)
        return Cause(found, days)

    def _forced_days(self, wanted: Range) -> frozenset[date]:
        dated = [self.published, *(table for table in self.inputs.values() if table.spec.partitioned)]
        return frozenset(day for table in dated for day in table.rows_by_day if day in wanted)
