"""The contract of a table: all its rules, and the audit that answers them."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property, reduce
from operator import or_
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.accounting.rows import ACCOUNTING
from stedi_assets.contracts.consent_rules.rules import (
    AFTER_CONSENT,
    DEVICE_HAS_ONE_OWNER,
    PRIVACY,
    STANDING,
    WITHDRAWALS,
)
from stedi_assets.contracts.profile import MOST_DAYS, MOST_ROWS, Measured, Profile
from stedi_assets.contracts.rule import FLAG, Examination, Finding, Flagged, Rule, Verdict
from stedi_assets.contracts.value_rules import (
    COLUMNS,
    NO_MISSING_VALUES,
    NumberRules,
    TextRules,
    rows_with_missing_values,
    table_findings,
)
from stedi_assets.lake import Days, Evidence, engine_errors, side_by_side
from stedi_assets.schemas.checks import value_rules
from stedi_assets.tables import DAY, TableSpec
from stedi_assets.transforms.consent import Policy

OfTheModel = TextRules | NumberRules
UNKNOWN = {"checked": 0, "broken": 0, "days": 0}


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        verdicts: One for every rule of the contract, in order.
        profile: What the table holds.
    """

    verdicts: tuple[Verdict, ...]
    profile: Profile

    def recorded(self) -> Mapping[str, Any]:
        """What was found, by rule, as it is kept with the table."""
        return {verdict.rule.name: asdict(verdict.finding) for verdict in self.verdicts}


@dataclass(frozen=True)
class Contract:
    """All rules of a table under a policy."""

    spec: TableSpec
    policy: Policy

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules: privacy, accounting, then those of the model.

        Raises:
            UnknownCheckError: The model uses a check that the audit cannot compile.
        """
        across = [rule for one in self._across for rule in one.rules]
        order = value_rules(self.spec.model)
        of_values = {rule.name: rule for one in self._of_the_model for rule in one.rules}
        rules = [*across, COLUMNS, NO_MISSING_VALUES, *(of_values[rule.name] for rule in order)]
        return tuple(rule.under(self.policy) for rule in rules)

    def audit(self, evidence: Evidence, *, measured: bool = True) -> Audit:
        """Holds the rows of a table against every rule.

        Args:
            evidence: The rows, and what they are held against.
            measured: Whether the profile is to have distributions.

        Raises:
            LakeError: The engine stopped.
        """
        work: list[tuple[Examination | Measured, Evidence, Days]] = [
            (examination, scope, days)
            for examination in (*self._of_the_model, *self._across)
            for scope in [_scope(examination, evidence)]
            for days in _chunks(examination, scope)
        ]
        if measured:
            work += [(one, evidence.latest(MOST_ROWS, MOST_DAYS), None) for one in self._measured]
        found = {rule.name: Finding(0, 0, days=evidence.planned_days) for rule in self.rules}
        profile = Profile(days=evidence.days, columns_of=evidence.planned_days)

        def examine(
            part: tuple[Examination | Measured, Evidence, Days],
        ) -> tuple[Mapping[str, Finding], Profile]:
            examination, scope, days = part
            with engine_errors(self.spec.name, "auditing rows"):
                if isinstance(examination, TextRules | NumberRules):
                    return examination.examine(scope, days)
                if isinstance(examination, Measured):
                    return {}, examination.profile(scope)
                return examination.findings(scope, days), Profile()

        for (_, scope, _), (findings, seen) in zip(work, side_by_side(examine, work), strict=True):
            for name, finding in findings.items():
                found[name] = replace(found[name] + finding, days=scope.planned_days)
            profile |= seen
        with engine_errors(self.spec.name, "auditing rows"):
            found |= table_findings(self.spec, evidence, profile.columns)
            if evidence.planned is not None:
                found |= self._warnings(evidence, found)
        if measured and evidence.planned is not None and not evidence.row_count():
            profile = self.profile(evidence)
        verdicts = tuple(Verdict(rule, found[rule.name]) for rule in self.rules)
        return Audit(verdicts, self._shown(profile))

    def profile(self, evidence: Evidence) -> Profile:
        """What the table holds on its latest days, without an audit.

        Raises:
            LakeError: The engine stopped.
        """
        latest = evidence.latest(MOST_ROWS, MOST_DAYS)

        def examine(part: OfTheModel | Measured) -> Profile:
            with engine_errors(self.spec.name, "profiling rows"):
                return part.profile(latest)

        looks: list[OfTheModel | Measured] = [*self._of_the_model, *self._measured]
        parts = side_by_side(examine, looks)
        seen = Profile(days=evidence.days, columns_of=latest.planned_days)
        return self._shown(reduce(or_, parts, seen))

    def recorded(self, checks: Mapping[str, Any]) -> tuple[Verdict, ...]:
        """The verdicts of the audit before a publish; none where it did not know every rule of today."""
        if not all(rule.name in checks for rule in self.rules):
            return ()
        return tuple(Verdict(rule, Finding(**checks[rule.name])) for rule in self.rules)

    def broken_rows(self, rule: str, evidence: Evidence) -> Iterator[DataFrame]:
        """The rows that break a rule, chunk by chunk of days; none for rules that no single row breaks."""
        if rule == NO_MISSING_VALUES.name:
            yield rows_with_missing_values(self.spec, evidence)
        for examination in (*self._across, *self._of_the_model):
            if rule in (its.name for its in examination.rules):
                for days in _chunks(examination, evidence):
                    yield examination.broken_rows(rule, evidence, days)

    def withdrawn(self, evidence: Evidence, facts: DataFrame) -> DataFrame | None:
        """Who may not be in the table any more, or not as much as until now; None where that is nobody.

        Args:
            evidence: What people and devices are held against.
            facts: What the table was made with, columns who and consent.
        """
        rules = {rule.name for rule in self._withdrawals.rules}
        known = facts.select(F.col("who"), F.col("consent").alias("_was"))
        joined = known.join(STANDING[self.spec.name](evidence), F.col("who") == F.col("_key"), "left")
        out = F.col("_consent").isNull()
        if AFTER_CONSENT.name in rules:
            out |= F.col("_consent") > F.col("_was")
        if DEVICE_HAS_ONE_OWNER.name in rules:
            out |= ~F.col("_sole")
        with engine_errors(self.spec.name, "looking for people who withdrew"):
            who = joined.where(out).select("who").toArrow()
            return evidence.spark.createDataFrame(who) if who.num_rows else None

    def withdrawn_days(self, evidence: Evidence) -> dict[date | None, int]:
        """Rows of people who withdrew, by the days on which there are any; None where there are no days."""
        found: dict[date | None, int] = {}
        with engine_errors(self.spec.name, "looking for people who withdrew"):
            for days in evidence.chunks(()):
                if not any(finding.broken for finding in self._withdrawals.findings(evidence, days).values()):
                    continue
                day = F.col(DAY) if self.spec.partitioned else F.lit(None)
                rows = self._withdrawals.flag(evidence, days).where(self._withdrawn)
                counted = rows.groupBy(day.alias("day")).count().collect()
                found |= {row["day"]: row["count"] for row in counted}
        return found

    def remaining_rows(self, evidence: Evidence, days: Days) -> DataFrame:
        """The rows of some days without those of people who withdrew."""
        return self._withdrawals.flag(evidence, days).where(~self._withdrawn).select(*self.spec.columns)

    def _warnings(self, evidence: Evidence, found: Mapping[str, Finding]) -> dict[str, Finding]:
        """What is found for value rules that only warn, of the whole table: days that stay still count."""
        carried: dict[str, Finding] = {}
        for examination in self._of_the_model:
            names = [rule.name for rule in examination.rules if rule.severity == "warn"]
            before = {name: Finding(**evidence.previous.get(name, UNKNOWN)) for name in names}
            if not names:
                continue
            if any(finding.days is not None for finding in before.values()):
                whole = examination.findings(evidence.everywhere, None)
                carried |= {name: whole[name] for name in names}
                continue
            gone = examination.findings(evidence.former, None)
            carried |= {name: before[name] - gone[name] + found[name] for name in names}
        return carried

    @property
    def _withdrawals(self) -> Flagged:
        """What withdrawn people break, under this policy."""
        flagged = WITHDRAWALS[self.spec.name]
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

    @cached_property
    def _across(self) -> tuple[Examination, ...]:
        name = self.spec.name
        return (*PRIVACY.get(name, ()), *ACCOUNTING.get(name, ()))


def contract(spec: TableSpec, policy: Policy) -> Contract:
    """The contract of a table under a policy."""
    return Contract(spec, policy)


def _scope(examination: Examination | Measured, evidence: Evidence) -> Evidence:
    everywhere = isinstance(examination, Flagged) and examination.everywhere
    return evidence.everywhere if everywhere and evidence.customers_changed else evidence


def _chunks(examination: Examination, evidence: Evidence) -> Iterator[Days]:
    if examination.reads is None:
        return iter([None])
    return evidence.chunks(examination.reads)
