"""Rules and results: what a contract requires, and the counts of an audit. No value of a row is kept."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.lake.refresh import AuditInput, Days
from stedi_assets.schemas.checks import Severity
from stedi_assets.settings import Policy


@dataclass(frozen=True)
class Rule:
    """One named rule of a contract.

    Attributes:
        name: Name of the rule.
        check: Name of its asset check, which rules of a kind share.
        description: What must be true and why, for a reader who reads no code.
        severity: If rows break the rule, the check fails (`error`) or warns (`warn`).
        blocking: Whether nothing is published while rows break the rule.
        relaxed: Whether the reference policy breaks the rule by definition; the check only warns there.
        explains: Whether the breakdown of the counts belongs on the page of the table.
        look: The command that shows what breaks the rule; it may name the table as `{table}`.
        leaves: What the rows are that leave a table by the rule, such as "of shared devices".
    """

    name: str
    check: str
    description: str
    severity: Severity = "error"
    blocking: bool = True
    relaxed: bool = False
    explains: bool = False
    look: str = ""
    leaves: str = ""

    @property
    def consequence(self) -> str:
        """The consequence if the rule is broken, as the end of a sentence."""
        if self.blocking:
            return "the check fails and nothing is published."
        return f"the check {'fails' if self.severity == 'error' else 'warns'}, and the table is published."

    def look_at(self, table: str) -> str:
        """The command that shows what breaks the rule in a table."""
        return (self.look or f"stedi check {{table}} --show {self.name}").format(table=table)

    def under(self, policy: Policy) -> "Rule":
        """The rule under a policy."""
        if self.severity == "warn" or (self.relaxed and policy == "reference"):
            return replace(self, severity="warn", blocking=False)
        return self


@dataclass(frozen=True)
class RuleCounts:
    """The counts of a rule.

    Attributes:
        checked: Rows that were checked.
        broken: Rows that break the rule.
        breakdown: Counts that explain these two, by name.
        days: Number of days that were checked; None for all.
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
    """A rule and its counts."""

    rule: Rule
    counts: RuleCounts

    @property
    def passed(self) -> bool:
        """Whether no row breaks the rule."""
        return not self.counts.broken

    @property
    def refuses(self) -> bool:
        """Whether the result blocks a publish."""
        return self.rule.blocking and not self.passed


@dataclass(frozen=True)
class Check:
    """Rules of a table that are one asset check.

    Attributes:
        name: Name of the check.
        rules: The rules.
    """

    name: str
    rules: tuple[Rule, ...]

    @property
    def blocking(self) -> bool:
        """Whether a broken rule can block a publish."""
        return any(rule.blocking for rule in self.rules)

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> "list[Check]":
        """The checks of rules, in the order of their first rules."""
        found: dict[str, list[Rule]] = {}
        for rule in rules:
            found.setdefault(rule.check, []).append(rule)
        return [cls(name, tuple(own)) for name, own in found.items()]


class RuleGroup(Protocol):
    """Rules that are checked together, because one query answers them."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules."""

    @property
    def reads(self) -> tuple[str, ...] | None:
        """Tables read beside the rows under audit, some days at a time; None to read all days at once."""

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """Counts the rows of some days that break the rules, by the name of the rule."""

    def broken_rows(self, rule: str, audit_input: AuditInput, days: Days) -> DataFrame:
        """The rows of some days that break a rule."""


SCHEMA, PLAUSIBLE_VALUES = "schema", "plausible_values"
"""The asset checks of a table's model: rules that block, and rules that only warn."""

FlagRows = Callable[[AuditInput, Days], DataFrame]
FLAG = "_breaks_"
ROWS = "_rows"


@dataclass(frozen=True)
class Flagged:
    """Rules that are checked row by row, or first on groups of rows.

    Attributes:
        rules: The rules.
        flag: Returns the rows under audit with one column per rule, `_breaks_` and the name of the rule:
            whether the row breaks it; never null.
        survey: Returns groups of rows flagged in the same way, with the number of rows in `_rows`; a group
            is flagged if a row in it may break the rule. It is cheaper: rows are flagged only if a group is.
        reads: See `RuleGroup`.
        everywhere: Whether a change of customers may break the rules on days that are not planned.
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


def with_flags(rows: DataFrame, broken: Mapping[Rule, Column]) -> DataFrame:
    """Adds the columns of `Flagged.flag`; if a condition is null, the row counts as breaking the rule."""
    return rows.withColumns(
        {FLAG + rule.name: F.coalesce(condition, F.lit(True)) for rule, condition in broken.items()}
    )


def texts_of(audit_input: AuditInput) -> DataFrame:
    """The distinct texts of the rows under audit, with their rows in `_rows` and their earliest time."""
    spec = audit_input.spec
    texts = [field.name for field in spec.schema if field.dataType.simpleString() == "string"]
    first = [F.min(spec.instant).alias(spec.instant)] if spec.instant else []

    def grouped() -> DataFrame:
        return audit_input.rows().groupBy(*texts).agg(F.count(F.lit(1)).alias(ROWS), *first)

    # In the landing zone only the model reads them, and there are at least as many as files.
    return grouped() if spec.source is not None else audit_input.fact("texts", grouped, own=True)
