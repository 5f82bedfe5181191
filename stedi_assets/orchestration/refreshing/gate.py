"""The gate in front of every publish: remove who withdrew, plan, stage, audit. It knows nothing of Dagster.

Rows of people who withdrew leave in publishes of their own, before anything that could be refused: a table
that breaks a rule keeps what it had, but nobody waits for that to be mended until their rows are gone.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from stedi_assets.assets.follows import FOLLOWS
from stedi_assets.contracts import Profile, RuleResult, contract
from stedi_assets.lake import (
    AuditInput,
    Days,
    Lake,
    Outcome,
    PinnedTable,
    Plan,
    Removal,
    Run,
    Transform,
    audit_input_of,
    days_of,
    plan_derived,
    recorded_facts,
    refresh_derived,
    refresh_landing,
    report,
    without_rows,
)
from stedi_assets.tables import CUSTOMER_LANDING, CUSTOMER_TRUSTED, TABLES, TableSpec

# Downstream first: what most people read is clean first.
DERIVED = [name for name, spec in reversed(list(TABLES.items())) if spec.inputs]


@dataclass(frozen=True)
class LakeTable:
    """A declared table.

    Attributes:
        spec: The table.
        transform: Makes its rows; tables of the landing zone have none.
        next_change: See `refresh_derived`.
    """

    spec: TableSpec
    transform: Transform | None = None
    next_change: Transform | None = None


@dataclass(frozen=True)
class Audited:
    """A table and what is known of it: found by an audit just now, or by the one before its publish.

    Attributes:
        outcome: The table.
        results: One for every rule of its contract.
        profile: What it holds; None where no audit looked at it just now.
        seconds: How long the audit took.
    """

    outcome: Outcome
    results: tuple[RuleResult, ...]
    profile: Profile | None
    seconds: float = 0.0

    @property
    def refused(self) -> list[RuleResult]:
        """The results that stand in the way of a publish."""
        return [result for result in self.results if result.refuses]


class Gate:
    """The refresh of one table, up to its publish."""

    def __init__(self, table: LakeTable, lake: Lake, run: Run, inputs: Mapping[str, PinnedTable]) -> None:
        self._table = table
        self._lake = lake
        self._run = run
        self._inputs = inputs
        self._landed: Outcome | None = None
        self._plan: Plan | None = None
        self._audited: Audited | None = None

    def publish_early(self) -> Iterator[Removal | Audited]:
        """Publishes what comes before the last publish, and stages and audits what is left for that.

        Removals go first, and batches of landing files as long as there are files for one more.

        Raises:
            LakeError: The engine stopped, or an input is missing.
        """
        while True:
            yield from self._removals()
            audited = self._audited = self._audit()
            batch = audited.outcome.batch
            if audited.refused or batch is None or not batch.more:
                return
            self._lake.publish(audited.outcome)
            yield audited

    @property
    def last(self) -> Audited:
        """What is left to be published, once everything that goes first has gone."""
        assert self._audited is not None
        return self._audited

    def _removals(self) -> Iterator[Removal]:
        """Publishes what only removes rows of people who withdrew, from this table and others."""
        spec, lake = self._table.spec, self._lake
        if self._table.transform is None:
            self._landed = refresh_landing(lake, spec, self._run)
            if spec is CUSTOMER_LANDING and self._landed.changed:
                with self._discarded_on_error(self._landed):
                    yield from self._removed(DERIVED, self._landed)
            return
        plan = partial(plan_derived, lake, spec, self._inputs, self._run, FOLLOWS.get(spec.name))
        self._plan = plan()
        if not (self._plan.nothing or self._run.rekey):
            # Time alone may put a withdrawal into effect, which then concerns all tables.
            for removal in self._removed(DERIVED if spec is CUSTOMER_TRUSTED else [spec.name], None):
                yield removal
                if removal.table == spec.name:
                    self._plan = plan()

    def _audit(self) -> Audited:
        """Stages and audits the table."""
        table, lake, run = self._table, self._lake, self._run
        outcome = self._landed
        if table.transform is not None and self._plan is not None:
            outcome = refresh_derived(lake, self._plan, self._inputs, run, table.transform, table.next_change)
        assert outcome is not None, "removals come first"
        agreed = contract(table.spec, run.policy)
        if outcome.staged is None and (results := agreed.recorded(outcome.record.checks)):
            return Audited(outcome, results, None)
        started = time.monotonic()
        report(table.spec.name, "auditing", outcome.content.rows)
        with self._discarded_on_error(outcome):
            audit = agreed.audit(self._evidence(outcome))
        seconds = time.monotonic() - started
        return Audited(outcome.audited(audit.recorded()), audit.results, audit.profile, seconds)

    def _evidence(self, outcome: Outcome) -> AuditInput:
        """What the audit looks at: of days that stay as they are, if somebody may have to go."""
        audit_input = audit_input_of(self._lake, outcome, self._inputs, self._run)
        if audit_input.planned is None or not audit_input.customers_changed:
            return audit_input
        doubtful = self._doubtful_days(self._lake.published(outcome.plan.spec), None)
        return replace(audit_input, customers_changed=doubtful is None or bool(doubtful))

    def profile(self, outcome: Outcome) -> Profile:
        """What a table holds that is up to date.

        Raises:
            LakeError: The engine stopped.
        """
        audit_input = audit_input_of(self._lake, outcome, self._inputs, self._run)
        return contract(self._table.spec, self._run.policy).profile(audit_input)

    def _removed(self, names: Sequence[str], landed: Outcome | None) -> Iterator[Removal]:
        lake, run = self._lake, self._run
        for name in names:
            spec, agreed = TABLES[name], contract(TABLES[name], run.policy)
            if not lake.pinned(name).exists or lake.already_checked(name, run, landed):
                continue
            published = lake.published(spec)
            doubtful = self._doubtful_days(published, landed)
            if doubtful is not None and not doubtful:
                continue
            audit_input = audit_input_of(lake, published, {}, run, landed, doubtful)
            gone = agreed.withdrawn_days(audit_input)
            if gone:
                days = {day for day in gone if day is not None} if spec.partitioned else None
                remaining = partial(agreed.remaining_rows, audit_input)
                outcome = without_rows(lake, published, days, remaining, run)
                lake.publish(outcome)
                yield Removal(name, outcome.snapshot_id, outcome.content.rows, sum(gone.values()))

    def _doubtful_days(self, published: Outcome, landed: Outcome | None) -> Days:
        """The days that may have rows of people who withdrew; None for all, and where there are no days."""
        lake, run, spec = self._lake, self._run, published.plan.spec
        follows = FOLLOWS.get(spec.name)
        if follows is None:
            return None
        customers = {name: lake.pinned(name) for name in spec.inputs if not TABLES[name].partitioned}
        facts = recorded_facts(lake, customers, published.record, run, follows)
        if facts is None:
            return None
        audit_input = audit_input_of(lake, published, {}, run, landed)
        who = contract(spec, run.policy).withdrawn(audit_input, facts)
        return days_of(lake, who, follows.activity_of) if who is not None else frozenset()

    @contextmanager
    def _discarded_on_error(self, outcome: Outcome) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._lake.discard(outcome)
            raise


def audit_published(spec: TableSpec, lake: Lake, run: Run) -> Audited:
    """Audits a table as it is published.

    Raises:
        LakeError: The table was never published, or the engine stopped.
    """
    outcome = lake.published(spec)
    audit = contract(spec, run.policy).audit(audit_input_of(lake, outcome, {}, run), measured=False)
    return Audited(outcome, audit.results, None)


@contextmanager
def next_content(table: LakeTable, lake: Lake, run: Run) -> Iterator[AuditInput]:
    """A table as the next run would publish it, staged for as long as somebody looks at it.

    Raises:
        LakeError: An input is missing, or the engine stopped.
    """
    if table.transform is None:
        inputs: dict[str, PinnedTable] = {}
        outcome = refresh_landing(lake, table.spec, run)
    else:
        inputs = {name: lake.pinned(name) for name in table.spec.inputs}
        plan = plan_derived(lake, table.spec, inputs, run, FOLLOWS.get(table.spec.name))
        outcome = refresh_derived(lake, plan, inputs, run, table.transform, table.next_change)
    try:
        yield audit_input_of(lake, outcome, inputs, run)
    finally:
        lake.discard(outcome)
