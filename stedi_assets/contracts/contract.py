"""The contract of a table: all its rules, and the audit that checks them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, reduce
from operator import or_
from typing import Any

from pyspark.sql import DataFrame

from stedi_assets.contracts.profile import MOST_DAYS, MOST_ROWS, Measured, Profile
from stedi_assets.contracts.rule import Flagged, Rule, RuleCounts, RuleGroup, RuleResult
from stedi_assets.contracts.value_rules import (
    COLUMNS,
    NO_MISSING_VALUES,
    ModelRules,
    NumberRules,
    TextRules,
    rows_with_missing_values,
    rules_of_model,
    table_counts,
)
from stedi_assets.lake import engine_errors
from stedi_assets.lake.iceberg import side_by_side
from stedi_assets.lake.refresh import AuditInput, Days
from stedi_assets.settings import Policy
from stedi_assets.tables import TableSpec

UNKNOWN = {"checked": 0, "broken": 0, "days": 0}


@dataclass(frozen=True)
class Audit:
    """The results of an audit.

    Attributes:
        results: One for every rule of the contract, in order.
        profile: The profile of the table.
    """

    results: tuple[RuleResult, ...]
    profile: Profile

    def recorded(self) -> Mapping[str, Any]:
        """The counts by rule, as the snapshot of the table stores them."""
        return {result.rule.name: asdict(result.counts) for result in self.results}


@dataclass(frozen=True)
class Contract:
    """All rules of a table under a policy.

    Attributes:
        spec: The table.
        policy: The policy.
        declared: The privacy and accounting rules that the table declares.
    """

    spec: TableSpec
    policy: Policy
    declared: tuple[RuleGroup, ...]

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules: privacy, accounting, then those of the model.

        Raises:
            UnknownCheckError: The model uses a check that the audit cannot compile.
        """
        declared = [rule for group in self.declared for rule in group.rules]
        of_values = {rule.name: rule for group in self._model_rules for rule in group.rules}
        in_order = [of_values[rule.name] for rule in rules_of_model(self.spec)]
        return tuple(rule.under(self.policy) for rule in (*declared, COLUMNS, NO_MISSING_VALUES, *in_order))

    def audit(self, audit_input: AuditInput, *, measured: bool = True) -> Audit:
        """Checks the rows of a table against every rule.

        Args:
            audit_input: The rows, and the tables to check them against.
            measured: Whether the profile includes distributions.

        Raises:
            LakeError: The engine stopped.
        """
        queries = list(self._rule_queries(audit_input))
        if measured:
            queries += [
                _Query(measure, audit_input.latest(MOST_ROWS, MOST_DAYS)) for measure in self._measures
            ]
        counts, profile = self._answers(queries, audit_input)
        with engine_errors(self.spec.name, "auditing rows"):
            counts |= table_counts(self.spec, audit_input, profile.columns)
            if audit_input.planned_days is not None:
                counts |= self._warnings_of_all_days(audit_input, counts)
        if measured and audit_input.planned_days is not None and not audit_input.row_count():
            profile = self.profile(audit_input)  # the rows under audit say nothing of the table
        results = tuple(RuleResult(rule, counts[rule.name]) for rule in self.rules)
        return Audit(results, self._shareable(profile))

    def profile(self, audit_input: AuditInput) -> Profile:
        """Profiles the latest days of a table, without an audit.

        Args:
            audit_input: The table.

        Raises:
            LakeError: The engine stopped.
        """
        audit_input.start_engine()
        latest = audit_input.latest(MOST_ROWS, MOST_DAYS)

        def profiled(part: ModelRules | Measured) -> Profile:
            with engine_errors(self.spec.name, "profiling rows"):
                return part.profile(latest)

        parts: list[ModelRules | Measured] = [*self._model_rules, *self._measures]
        start = Profile(days=audit_input.days, columns_of=latest.planned_days)
        return self._shareable(reduce(or_, side_by_side(profiled, parts), start))

    def recorded(self, checks: Mapping[str, Any]) -> tuple[RuleResult, ...]:
        """The results of the audit before a publish; empty if that audit lacked one of the present rules."""
        if not all(rule.name in checks for rule in self.rules):
            return ()
        return tuple(RuleResult(rule, RuleCounts(**checks[rule.name])) for rule in self.rules)

    def broken_rows(self, rule: str, audit_input: AuditInput) -> Iterator[DataFrame]:
        """The rows that break a rule, by chunks of days; nothing for rules about the table as a whole."""
        if rule == NO_MISSING_VALUES.name:
            yield rows_with_missing_values(self.spec, audit_input)
        for group in (*self.declared, *self._model_rules):
            if rule in (own.name for own in group.rules):
                for days in _chunks(group, audit_input):
                    yield group.broken_rows(rule, audit_input, days)

    def _rule_queries(self, audit_input: AuditInput) -> Iterator["_Query"]:
        """The queries that count the rows breaking each rule, days chunk by chunk."""
        for group in (*self._model_rules, *self.declared):
            everywhere = isinstance(group, Flagged) and group.everywhere and audit_input.customers_changed
            wanted = audit_input.everywhere if everywhere else audit_input
            for days in _chunks(group, wanted):
                yield _Query(group, wanted, days)

    def _answers(
        self, queries: Iterable["_Query"], audit_input: AuditInput
    ) -> tuple[dict[str, RuleCounts], Profile]:
        """Runs the queries, some at a time, and adds up their counts by rule and their profiles."""

        def answer(query: _Query) -> tuple[_Query, Mapping[str, RuleCounts], Profile]:
            with engine_errors(self.spec.name, "auditing rows"):
                return query, *query.answer()

        counts = {rule.name: RuleCounts(0, 0, days=audit_input.planned_days) for rule in self.rules}
        profile = Profile(days=audit_input.days, columns_of=audit_input.planned_days)
        audit_input.start_engine()
        for query, counted, seen in side_by_side(answer, queries):
            for name, rule_counts in counted.items():
                counts[name] = replace(counts[name] + rule_counts, days=query.audit_input.planned_days)
            profile |= seen
        return counts, profile

    def _warnings_of_all_days(
        self, audit_input: AuditInput, counts: Mapping[str, RuleCounts]
    ) -> dict[str, RuleCounts]:
        """The counts of value rules that only warn, for the whole table: unchanged days count too.

        They are the counts of the last audit, without the rows that leave and with the rows that come.
        """
        found: dict[str, RuleCounts] = {}
        for group in self._model_rules:
            names = [rule.name for rule in group.rules if rule.severity == "warn"]
            if not names:
                continue
            before = {name: RuleCounts(**audit_input.previous.get(name, UNKNOWN)) for name in names}
            if any(rule_counts.days is not None for rule_counts in before.values()):
                whole = group.count(audit_input.everywhere, None)
                found |= {name: whole[name] for name in names}
            else:
                gone = group.count(audit_input.former, None)
                found |= {name: before[name] - gone[name] + counts[name] for name in names}
        return found

    @cached_property
    def _model_rules(self) -> tuple[ModelRules, ...]:
        return NumberRules(self.spec), TextRules(self.spec)

    @cached_property
    def _measures(self) -> tuple[Measured, ...]:
        return Measured.of(self.spec)

    def _shareable(self, profile: Profile) -> Profile:
        in_order = {name: profile.columns[name] for name in self.spec.columns}
        return replace(profile, columns=in_order).shareable()


@dataclass(frozen=True)
class _Query:
    """A part of an audit that runs by itself: some rules or a measure, on some days."""

    of: RuleGroup | Measured
    audit_input: AuditInput
    days: Days = None

    def answer(self) -> tuple[Mapping[str, RuleCounts], Profile]:
        if isinstance(self.of, ModelRules):
            return self.of.examine(self.audit_input, self.days)
        if isinstance(self.of, Measured):
            return {}, self.of.profile(self.audit_input)
        return self.of.count(self.audit_input, self.days), Profile()


def _chunks(group: RuleGroup, audit_input: AuditInput) -> Iterator[Days]:
    if group.reads is None:
        return iter([None])
    return audit_input.chunks(group.reads)
