"""The contract of a table: all its rules, and the audit that answers them."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property, reduce
from operator import or_
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.consent_rules.rules import AFTER_CONSENT, DEVICE_HAS_ONE_OWNER
from stedi_assets.contracts.profile import MOST_DAYS, MOST_ROWS, Measured, Profile
from stedi_assets.contracts.rule import FLAG, Flagged, RemovalRule, Rule, RuleCounts, RuleGroup, RuleResult
from stedi_assets.contracts.value_rules import (
    COLUMNS,
    NO_MISSING_VALUES,
    NumberRules,
    TextRules,
    rows_with_missing_values,
    table_counts,
)
from stedi_assets.lake import AuditInput, Days, engine_errors, side_by_side
from stedi_assets.schemas.checks import value_rules
from stedi_assets.settings import Policy
from stedi_assets.tables import DAY, TableSpec

OfTheModel = TextRules | NumberRules
UNKNOWN = {"checked": 0, "broken": 0, "days": 0}


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        results: One for every rule of the contract, in order.
        profile: What the table holds.
    """

    results: tuple[RuleResult, ...]
    profile: Profile

    def recorded(self) -> Mapping[str, Any]:
        """What was found, by rule, as it is kept with the table."""
        return {result.rule.name: asdict(result.counts) for result in self.results}


@dataclass(frozen=True)
class Contract:
    """All rules of a table under a policy.

    Attributes:
        spec: The table.
        policy: The policy.
        across: The privacy and accounting rules that the table declares.
        removal: Whose rows leave when a consent ends; None for tables that nobody leaves.
    """

    spec: TableSpec
    policy: Policy
    across: tuple[RuleGroup, ...]
    removal: RemovalRule | None = None

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules: privacy, accounting, then those of the model.

        Raises:
            UnknownCheckError: The model uses a check that the audit cannot compile.
        """
        across = [rule for one in self.across for rule in one.rules]
        order = value_rules(self.spec.model)
        of_values = {rule.name: rule for one in self._of_the_model for rule in one.rules}
        rules = [*across, COLUMNS, NO_MISSING_VALUES, *(of_values[rule.name] for rule in order)]
        return tuple(rule.under(self.policy) for rule in rules)

    def audit(self, audit_input: AuditInput, *, measured: bool = True) -> Audit:
        """Holds the rows of a table against every rule.

        Args:
            audit_input: The rows, and what they are held against.
            measured: Whether the profile is to have distributions.

        Raises:
            LakeError: The engine stopped.
        """
        work: list[tuple[RuleGroup | Measured, AuditInput, Days]] = [
            (examination, scope, days)
            for examination in (*self._of_the_model, *self.across)
            for scope in [_scope(examination, audit_input)]
            for days in _chunks(examination, scope)
        ]
        if measured:
            work += [(one, audit_input.latest(MOST_ROWS, MOST_DAYS), None) for one in self._measured]
        found = {rule.name: RuleCounts(0, 0, days=audit_input.planned_days) for rule in self.rules}
        profile = Profile(days=audit_input.days, columns_of=audit_input.planned_days)

        def examine(
            part: tuple[RuleGroup | Measured, AuditInput, Days],
        ) -> tuple[Mapping[str, RuleCounts], Profile]:
            examination, scope, days = part
            with engine_errors(self.spec.name, "auditing rows"):
                if isinstance(examination, TextRules | NumberRules):
                    return examination.examine(scope, days)
                if isinstance(examination, Measured):
                    return {}, examination.profile(scope)
                return examination.count(scope, days), Profile()

        for (_, scope, _), (counted, seen) in zip(work, side_by_side(examine, work), strict=True):
            for name, rule_counts in counted.items():
                found[name] = replace(found[name] + rule_counts, days=scope.planned_days)
            profile |= seen
        with engine_errors(self.spec.name, "auditing rows"):
            found |= table_counts(self.spec, audit_input, profile.columns)
            if audit_input.planned is not None:
                found |= self._warnings(audit_input, found)
        if measured and audit_input.planned is not None and not audit_input.row_count():
            profile = self.profile(audit_input)
        results = tuple(RuleResult(rule, found[rule.name]) for rule in self.rules)
        return Audit(results, self._shown(profile))

    def profile(self, audit_input: AuditInput) -> Profile:
        """What the table holds on its latest days, without an audit.

        Raises:
            LakeError: The engine stopped.
        """
        latest = audit_input.latest(MOST_ROWS, MOST_DAYS)

        def examine(part: OfTheModel | Measured) -> Profile:
            with engine_errors(self.spec.name, "profiling rows"):
                return part.profile(latest)

        looks: list[OfTheModel | Measured] = [*self._of_the_model, *self._measured]
        parts = side_by_side(examine, looks)
        seen = Profile(days=audit_input.days, columns_of=latest.planned_days)
        return self._shown(reduce(or_, parts, seen))

    def recorded(self, checks: Mapping[str, Any]) -> tuple[RuleResult, ...]:
        """The results of the audit before a publish; none where it did not know every rule of today."""
        if not all(rule.name in checks for rule in self.rules):
            return ()
        return tuple(RuleResult(rule, RuleCounts(**checks[rule.name])) for rule in self.rules)

    def broken_rows(self, rule: str, audit_input: AuditInput) -> Iterator[DataFrame]:
        """The rows that break a rule, chunk by chunk of days; none for rules that no single row breaks."""
        if rule == NO_MISSING_VALUES.name:
            yield rows_with_missing_values(self.spec, audit_input)
        for examination in (*self.across, *self._of_the_model):
            if rule in (its.name for its in examination.rules):
                for days in _chunks(examination, audit_input):
                    yield examination.broken_rows(rule, audit_input, days)

    def withdrawn(self, audit_input: AuditInput, facts: DataFrame) -> DataFrame | None:
        """Who may not be in the table any more, or not as much as until now; None where that is nobody.

        Args:
            audit_input: What people and devices are held against.
            facts: What the table was made with, columns who and consent.
        """
        rules = {rule.name for rule in self._withdrawals.rules}
        assert self.removal is not None
        assert self.removal.standing is not None
        known = facts.select(F.col("who"), F.col("consent").alias("_was"))
        joined = known.join(self.removal.standing(audit_input), F.col("who") == F.col("_key"), "left")
        out = F.col("_consent").isNull()
        if AFTER_CONSENT.name in rules:
            out |= F.col("_consent") > F.col("_was")
        if DEVICE_HAS_ONE_OWNER.name in rules:
            out |= ~F.col("_sole")
        with engine_errors(self.spec.name, "looking for people who withdrew"):
            who = joined.where(out).select("who").toArrow()
            return audit_input.spark.createDataFrame(who) if who.num_rows else None

    def withdrawn_days(self, audit_input: AuditInput) -> dict[date | None, int]:
        """Rows of people who withdrew, by the days on which there are any; None where there are no days."""
        found: dict[date | None, int] = {}
        with engine_errors(self.spec.name, "looking for people who withdrew"):
            for days in audit_input.chunks(()):
                if not any(
                    rule_counts.broken for rule_counts in self._withdrawals.count(audit_input, days).values()
                ):
                    continue
                day = F.col(DAY) if self.spec.partitioned else F.lit(None)
                rows = self._withdrawals.flag(audit_input, days).where(self._withdrawn)
                counted = rows.groupBy(day.alias("day")).count().collect()
                found |= {row["day"]: row["count"] for row in counted}
        return found

    def remaining_rows(self, audit_input: AuditInput, days: Days) -> DataFrame:
        """The rows of some days without those of people who withdrew."""
        return self._withdrawals.flag(audit_input, days).where(~self._withdrawn).select(*self.spec.columns)

    def _warnings(self, audit_input: AuditInput, found: Mapping[str, RuleCounts]) -> dict[str, RuleCounts]:
        """What is found for value rules that only warn, of the whole table: days that stay still count."""
        carried: dict[str, RuleCounts] = {}
        for examination in self._of_the_model:
            names = [rule.name for rule in examination.rules if rule.severity == "warn"]
            before = {name: RuleCounts(**audit_input.previous.get(name, UNKNOWN)) for name in names}
            if not names:
                continue
            if any(rule_counts.days is not None for rule_counts in before.values()):
                whole = examination.count(audit_input.everywhere, None)
                carried |= {name: whole[name] for name in names}
                continue
            gone = examination.count(audit_input.former, None)
            carried |= {name: before[name] - gone[name] + found[name] for name in names}
        return carried

    @property
    def _withdrawals(self) -> Flagged:
        """What withdrawn people break, under this policy."""
        assert self.removal is not None
        flagged = self.removal.rules
        return replace(
            flagged, rules=tuple(rule for rule in flagged.rules if rule.under(self.policy).blocking)
        )

    @property
    def _withdrawn(self) -> Column:
        return reduce(or_, (F.col(FLAG + rule.name) for rule in self._withdrawals.rules))

    @cached_property
    def _of_the_model(self) -> tuple[OfTheModel, ...]:
        return NumberRules(self.spec), TextRules(self.spec)

    @cached_property
    def _measured(self) -> tuple[Measured, ...]:
        return Measured.of(self.spec)

    def _shown(self, profile: Profile) -> Profile:
        ordered = {name: profile.columns[name] for name in self.spec.columns}
        return replace(profile, columns=ordered).shareable()


def _scope(examination: RuleGroup | Measured, audit_input: AuditInput) -> AuditInput:
    everywhere = isinstance(examination, Flagged) and examination.everywhere
    return audit_input.everywhere if everywhere and audit_input.customers_changed else audit_input


def _chunks(examination: RuleGroup, audit_input: AuditInput) -> Iterator[Days]:
    if examination.reads is None:
        return iter([None])
    return audit_input.chunks(examination.reads)
