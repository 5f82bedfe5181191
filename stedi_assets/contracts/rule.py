"""Rules and results: what a contract demands, and what an audit found. Counts only, never a value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.lake import AuditInput, Days
from stedi_assets.schemas.checks import Severity
from stedi_assets.transforms.consent import Policy


@dataclass(frozen=True)
class Rule:
    """One named line of a contract.

    Attributes:
        name: Name of the asset check.
        description: What must hold and why, for somebody who reads no code.
        severity: A broken `error` is red, a broken `warn` amber.
        blocking: Whether nothing is published while the rule is broken.
        relaxed: Whether the reference policy breaks the rule by definition; it warns there.
        explains: Whether the breakdown of what is found belongs on the page of the table.
    """

    name: str
    description: str
    severity: Severity = "error"
    blocking: bool = True
    relaxed: bool = False
    explains: bool = False

    @property
    def consequence(self) -> str:
        """What happens when the rule is broken."""
        if self.blocking:
            return "it is red, and nothing is published."
        colour = "red" if self.severity == "error" else "amber"
        return f"it is {colour}, and the table is published all the same."

    def under(self, policy: Policy) -> "Rule":
        """The rule under a policy."""
        if self.severity == "warn" or (self.relaxed and policy == "reference"):
            return replace(self, severity="warn", blocking=False)
        return self


@dataclass(frozen=True)
class RuleCounts:
    """What was counted for a rule.

    Attributes:
        checked: Rows that the rule was held against.
        broken: Those that break it.
        breakdown: What explains the counts, by what it is.
        days: How many days were looked at, where these are not all.
    """

    checked: int
    broken: int
    breakdown: Mapping[str, int] = field(default_factory=dict)
    days: int | None = None

    def __add__(self, other: "RuleCounts") -> "RuleCounts":
        names = [*self.breakdown, *(name for name in other.breakdown if name not in self.breakdown)]
        total = {name: self.breakdown.get(name, 0) + other.breakdown.get(name, 0) for name in names}
        return RuleCounts(self.checked + other.checked, self.broken + other.broken, total)

    def __sub__(self, other: "RuleCounts") -> "RuleCounts":
        return RuleCounts(self.checked - other.checked, self.broken - other.broken)


@dataclass(frozen=True)
class RuleResult:
    """A rule and what was found."""

    rule: Rule
    counts: RuleCounts

    @property
    def passed(self) -> bool:
        """Whether no row breaks the rule."""
        return not self.counts.broken

    @property
    def refuses(self) -> bool:
        """Whether this stands in the way of a publish."""
        return self.rule.blocking and not self.passed


class RuleGroup(Protocol):
    """Some rules that are looked into together, because one query answers them."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules."""

    @property
    def reads(self) -> tuple[str, ...] | None:
        """Tables that are read beside the one under audit, some days at a time; None for all days at once."""

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """What is found for each rule, by its name, on some days."""

    def broken_rows(self, rule: str, audit_input: AuditInput, days: Days) -> DataFrame:
        """The rows that break a rule."""


FlagRows = Callable[[AuditInput, Days], DataFrame]
FLAG = "_breaks_"
ROWS = "_rows"


@dataclass(frozen=True)
class Flagged:
    """Rules that are answered by looking at every row, or at groups of rows first.

    Attributes:
        rules: The rules.
        flag: Makes the rows under audit with one column per rule, `_breaks_` and its name, that says
            whether the row breaks it; never null.
        survey: Makes groups of rows in the same way, with their number in `_rows`; a group is flagged where
            a row in it may break the rule. It is cheaper: rows are flagged only where it finds something.
        reads: See `RuleGroup`.
        everywhere: Whether a change of customers may break the rules on days that nobody planned.
    """

    rules: tuple[Rule, ...]
    flag: FlagRows
    survey: FlagRows | None = None
    reads: tuple[str, ...] | None = ()
    everywhere: bool = False

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """See `RuleGroup`."""
        if self.survey is not None:
            found = self._counted(self.survey(audit_input, days), F.col(ROWS))
            if not any(rule_counts.broken for rule_counts in found.values()):
                return found
        return self._counted(self.flag(audit_input, days), F.lit(1))

    def broken_rows(self, rule: str, audit_input: AuditInput, days: Days) -> DataFrame:
        """See `RuleGroup`."""
        return self.flag(audit_input, days).where(F.col(FLAG + rule)).select(*audit_input.spec.columns)

    def _counted(self, flagged: DataFrame, weight: Column) -> Mapping[str, RuleCounts]:
        counts = [
            F.sum(F.when(F.col(FLAG + rule.name), weight).otherwise(0)).alias(rule.name)
            for rule in self.rules
        ]
        [row] = flagged.agg(F.sum(weight).alias(ROWS), *counts).collect()
        return {rule.name: RuleCounts(row[ROWS] or 0, row[rule.name] or 0) for rule in self.rules}


@dataclass(frozen=True)
class RemovalRule:
    """Whose rows leave a table when a consent ends, whatever else is the matter with the table.

    Attributes:
        rules: What rows of people who withdrew break.
        standing: What is known today of the people or devices that the facts of the table name: columns _key,
            _consent and, of devices, _sole. None for a table without facts.
    """

    rules: Flagged
    standing: Callable[[AuditInput], DataFrame] | None = None


def texts_of(audit_input: AuditInput) -> DataFrame:
    """The different texts of the rows under audit, their number in `_rows`, and their earliest instant."""
    spec = audit_input.spec
    texts = [field.name for field in spec.schema if field.dataType.simpleString() == "string"]
    first = [F.min(spec.instant).alias(spec.instant)] if spec.instant else []

    def make() -> DataFrame:
        return audit_input.rows().groupBy(*texts).agg(F.count(F.lit(1)).alias(ROWS), *first)

    # In the landing zone only the model asks for them, and there are as many as files.
    return make() if spec.source is not None else audit_input.fact("texts", make, own=True)
