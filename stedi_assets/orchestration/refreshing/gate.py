"""The gate in front of every publish: remove who withdrew, plan, stage, audit. It knows nothing of Dagster.

Rows of people who withdrew leave in publishes of their own, before anything that could be refused. A table
that breaks a rule keeps its rows, but no withdrawal waits until it is fixed, and no table waits for another.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from stedi_assets.assets import Declared, LakeTable
from stedi_assets.contracts import Profile, RuleResult
from stedi_assets.errors import LakeError, StediError, counted_words
from stedi_assets.lake import Lake, Outcome, Run, publish, report, storage_errors
from stedi_assets.lake.iceberg import Conflict, PinnedTable
from stedi_assets.lake.ingestion import refresh_landing
from stedi_assets.lake.refresh import (
    AuditInput,
    Days,
    Plan,
    audit_input_of,
    doubtful_days,
    plan_derived,
    refresh_derived,
    without_rows,
)


@dataclass(frozen=True)
class Audited:
    """A table and the results of its rules: of an audit just now, or of the one before its publish.

    Attributes:
        outcome: The table.
        results: One for every rule of its contract.
        profile: Its profile; None if no audit read it just now.
        seconds: How long the audit took.
    """

    outcome: Outcome
    results: tuple[RuleResult, ...]
    profile: Profile | None
    seconds: float = 0.0

    @property
    def refused(self) -> list[RuleResult]:
        """The results that block a publish."""
        return [result for result in self.results if result.refuses]


@dataclass(frozen=True)
class Removal:
    """A publish that only removed rows.

    Attributes:
        table: The table.
        snapshot_id: Its snapshot now.
        rows: Rows that it has now.
        reasons: Rows that were removed, by what they are, in words.
    """

    table: str
    snapshot_id: int
    rows: int
    reasons: Mapping[str, int]

    @property
    def removed(self) -> int:
        """Rows that were removed."""
        return sum(self.reasons.values())

    def __str__(self) -> str:
        """The removal in a sentence without the table."""
        reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in self.reasons.items())
        return f"{counted_words(self.removed, 'row was', 'rows were')} removed first: {reasons}."


class Gate:
    """The refresh of one table, up to its publish.

    Args:
        table: The table.
        declared: All tables of the lake.
        lake: The lake.
        run: The run.
        inputs: The inputs of the table by name.
    """

    def __init__(
        self,
        table: LakeTable,
        declared: Declared,
        *,
        lake: Lake,
        run: Run,
        inputs: Mapping[str, PinnedTable],
    ) -> None:
        self._table = table
        self._declared = declared
        self.lake = lake
        self.run = run
        self._inputs = inputs
        self._landed: Outcome | None = None
        self._plan: Plan | None = None
        self._audited: Audited | None = None
        self.removal_failures: list[str] = []
        """One sentence for each other table from which rows of people who withdrew could not be removed."""

    def publish_early(self) -> Iterator[Removal | Audited]:
        """Publishes what comes before the last publish, and stages and audits what is left for that.

        Removals come first, and batches of landing files as long as there are files for one more.

        Raises:
            LakeError: The engine stopped, or an input is missing.
        """
        while True:
            yield from self._removals()
            self._check_lake()
            audited = self._audited = self._audit()
            batch = audited.outcome.batch
            if audited.refused or batch is None or not batch.more:
                return
            publish(self.lake, audited.outcome)
            yield audited

    @property
    def last(self) -> Audited:
        """What is left to be published after everything that is published early."""
        assert self._audited is not None
        return self._audited

    def profile(self, outcome: Outcome) -> Profile:
        """The profile of a table that is up to date.

        Raises:
            LakeError: The engine stopped.
        """
        return self._table.contract(self.run.policy).profile(self._audit_input(outcome))

    def _removals(self) -> Iterator[Removal]:
        """Publishes what only removes rows of people who withdrew, from this table and others."""
        if self._table.transform is None:
            yield from self._removals_after_landing()
        else:
            yield from self._removals_before_refresh()

    def _removals_after_landing(self) -> Iterator[Removal]:
        spec, lake = self._table.spec, self.lake
        landed = self._landed = refresh_landing(lake, spec, self.run)
        if landed.changed and spec.name == lake.tables.people.name:
            with self._discarded_on_error(landed):
                yield from self._removed(self._declared.removal_order, landed)

    def _removals_before_refresh(self) -> Iterator[Removal]:
        table = self._table
        self._plan = self._planned()
        if self._plan.nothing or self.run.rekey:
            return
        # Time alone may end a consent, which then concerns all tables.
        tables = self._declared.removal_order if table.next_change is not None else [table]
        for removal in self._removed(tables, None):
            yield removal
            if removal.table == table.spec.name:
                self._plan = self._planned()

    def _check_lake(self) -> None:
        """Stops what would be published, other than removals, onto a lake that it would mix up."""
        if self._landed is not None:
            with self._discarded_on_error(self._landed):
                self.lake.check_own(self._table.spec)
                if self._landed.changed:
                    self.lake.check_clock(self.run)
        elif self._plan is not None and not self._plan.nothing:
            self.lake.check_clock(self.run)

    def _planned(self) -> Plan:
        table = self._table
        return plan_derived(self.lake, table.spec, self._inputs, run=self.run, known=table.facts)

    def _audit(self) -> Audited:
        """Stages and audits the table."""
        table, lake, run = self._table, self.lake, self.run
        outcome = self._landed
        if table.transform is not None and self._plan is not None:
            outcome = refresh_derived(
                lake,
                self._plan,
                self._inputs,
                run=run,
                transform=table.transform,
                next_change=table.next_change,
            )
        assert outcome is not None, "removals come first"
        contract = table.contract(run.policy)
        if outcome.staged is None and (results := contract.recorded(outcome.record.checks)):
            return Audited(outcome, results, None)
        started = time.monotonic()
        report(table.spec.name, "auditing", outcome.content.rows)
        with self._discarded_on_error(outcome):
            audit = contract.audit(self._audit_input(outcome))
        seconds = time.monotonic() - started
        return Audited(outcome.audited(audit.recorded()), audit.results, audit.profile, seconds)

    def _audit_input(self, outcome: Outcome) -> AuditInput:
        """The input of the audit; it reads days that stay unchanged only if someone's rows may have to go."""
        audit_input = audit_input_of(self.lake, outcome, run=self.run, inputs=self._inputs)
        if audit_input.planned_days is None or not audit_input.customers_changed:
            return audit_input
        doubtful = self._doubtful_days(self._table, self.lake.published(outcome.plan.spec), None)
        return replace(audit_input, customers_changed=doubtful is None or bool(doubtful))

    def _removed(self, tables: Iterable[LakeTable], landed: Outcome | None) -> Iterator[Removal]:
        """Removes rows from every table that can be written; a table that fails stops no other one.

        Args:
            tables: The tables.
            landed: The records about people, if they are staged and not published yet.

        Raises:
            StediError: This table itself failed, or another run published one of the tables meanwhile.
        """
        conflict: Conflict | None = None
        for table in tables:
            try:
                with storage_errors(table.spec.name):
                    removal = self._removed_from(table, landed)
            except Conflict as error:
                conflict = error
            except Exception as error:
                if table is self._table:
                    raise
                self.removal_failures.append(_sentence(table, error))
            else:
                if removal is not None:
                    yield removal
        if conflict is not None:
            raise conflict

    def _removed_from(self, table: LakeTable, landed: Outcome | None) -> Removal | None:
        """Removes the rows of people who withdrew from one table; None if there are none."""
        lake, run, spec = self.lake, self.run, table.spec
        if not lake.pinned(spec.name).exists or lake.already_checked(spec.name, run, landed):
            return None
        published = lake.published(spec)
        doubtful = self._doubtful_days(table, published, landed)
        removal = None
        if doubtful is None or doubtful:
            withdrawal = table.withdrawal(run.policy)
            audit_input = audit_input_of(lake, published, run=run, landed=landed, days=doubtful)
            leaving = withdrawal.leaving(audit_input)
            if leaving.days:
                days = {day for day in leaving.days if day is not None} if spec.partitioned else None
                remaining = partial(withdrawal.remaining_rows, audit_input)
                outcome = without_rows(lake, published, remaining, days=days, run=run)
                publish(lake, outcome)
                removal = Removal(
                    table=spec.name,
                    snapshot_id=outcome.snapshot_id,
                    rows=outcome.content.rows,
                    reasons=dict(leaving.reasons),
                )
        lake.remember_checked(spec.name, run, landed)
        return removal

    def _doubtful_days(self, table: LakeTable, published: Outcome, landed: Outcome | None) -> Days:
        """The days that may have rows of people who withdrew; None for all, and for a table without days."""
        lake, run = self.lake, self.run
        if table.facts is None or table.removal is None or table.removal.flag_facts is None:
            return None
        audit_input = audit_input_of(lake, published, run=run, landed=landed)
        withdrawn = partial(table.withdrawal(run.policy).people, audit_input)
        return doubtful_days(lake, published, withdrawn, facts=table.facts, run=run)

    @contextmanager
    def _discarded_on_error(self, outcome: Outcome) -> Iterator[None]:
        try:
            yield
        except BaseException:
            outcome.discard()
            raise


def audit_published(table: LakeTable, lake: Lake, run: Run) -> Audited:
    """Audits a table as it is published.

    Raises:
        LakeError: The table was never published, or the engine stopped.
    """
    outcome = lake.published(table.spec)
    audit = table.contract(run.policy).audit(audit_input_of(lake, outcome, run=run), measured=False)
    return Audited(outcome, audit.results, None)


@contextmanager
def next_content(table: LakeTable, lake: Lake, run: Run) -> Iterator[AuditInput]:
    """A table as the next run would publish it, staged until the block ends.

    Raises:
        LakeError: An input is missing, or the engine stopped.
    """
    if table.transform is None:
        inputs: dict[str, PinnedTable] = {}
        outcome = refresh_landing(lake, table.spec, run)
    else:
        inputs = {name: lake.pinned(name) for name in table.spec.inputs}
        plan = plan_derived(lake, table.spec, inputs, run=run, known=table.facts)
        outcome = refresh_derived(
            lake, plan, inputs, run=run, transform=table.transform, next_change=table.next_change
        )
    try:
        yield audit_input_of(lake, outcome, run=run, inputs=inputs)
    finally:
        outcome.discard()


def _sentence(table: LakeTable, error: Exception) -> str:
    """A sentence about a table whose rows could not be removed; errors that are not ours may quote data."""
    if isinstance(error, StediError):
        return str(error)
    return str(
        LakeError(
            f"{table.spec.name}: rows of people who withdrew could not be removed ({type(error).__name__}): "
            "fix the table and run again."
        )
    )
