"""Withdrawals: whose rows must leave a table when a consent ends, whatever else is wrong with the table.

Here belongs how these rows are found. Which rules they break is declared with the privacy rules of the table.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.rule import FLAG, Flagged
from stedi_assets.lake import engine_errors
from stedi_assets.lake.refresh import AuditInput, Days
from stedi_assets.settings import Policy
from stedi_assets.tables import DAY, TableSpec

FlagFacts = Callable[[AuditInput, DataFrame], DataFrame]


@dataclass(frozen=True)
class RemovalRule:
    """Whose rows leave a table when a consent ends.

    Attributes:
        rules: The rules that rows of withdrawn people break.
        flag_facts: Flags the facts that the table was made with (columns who and consent) by the same rules:
            whether they are no longer true today. None for a table without facts.
    """

    rules: Flagged
    flag_facts: FlagFacts | None = None


@dataclass(frozen=True)
class Leaving:
    """The rows that leave a table.

    Attributes:
        days: Their number by day; the day is None in a table without days.
        reasons: Their number by what they are, in words.
    """

    days: Counter[date | None]
    reasons: Counter[str]


@dataclass(frozen=True)
class Withdrawal:
    """The rows of withdrawn people in a table, under a policy."""

    spec: TableSpec
    policy: Policy
    removal: RemovalRule

    def people(self, audit_input: AuditInput, facts: DataFrame) -> DataFrame | None:
        """People or devices whose rows may have to leave the table, all or some of them.

        Args:
            audit_input: The customer records of today.
            facts: The facts that the table was made with, columns who and consent.

        Returns:
            One column who; None if there is none.

        Raises:
            LakeError: The engine stopped.
        """
        assert self.removal.flag_facts is not None
        flagged = self.removal.flag_facts(audit_input, facts)
        with engine_errors(self.spec.name, "looking for people who withdrew"):
            who = flagged.where(self._is_withdrawn).select("who").toArrow()
            return audit_input.spark.createDataFrame(who) if who.num_rows else None

    def leaving(self, audit_input: AuditInput) -> Leaving:
        """The rows of withdrawn people.

        Raises:
            LakeError: The engine stopped.
        """
        found = Leaving(Counter(), Counter())
        with engine_errors(self.spec.name, "looking for people who withdrew"):
            for days in audit_input.chunks(()):
                counts = self._rules.count(audit_input, days)
                if any(rule_counts.broken for rule_counts in counts.values()):
                    rows = self._rules.flag(audit_input, days).where(self._is_withdrawn)
                    day = F.col(DAY) if self.spec.partitioned else F.lit(None)
                    counted = rows.groupBy(day.alias("day"), self._reason.alias("reason")).count().collect()
                    for row in counted:
                        found.days[row["day"]] += row["count"]
                        found.reasons[row["reason"]] += row["count"]
        return found

    def remaining_rows(self, audit_input: AuditInput, days: Days) -> DataFrame:
        """The rows of some days without those of withdrawn people."""
        return self._rules.flag(audit_input, days).where(~self._is_withdrawn).select(*self.spec.columns)

    @property
    def _rules(self) -> Flagged:
        """The rules that block a publish under this policy; a rule that only warns removes no rows."""
        flagged = self.removal.rules
        return replace(
            flagged, rules=tuple(rule for rule in flagged.rules if rule.under(self.policy).blocking)
        )

    @property
    def _reason(self) -> Column:
        """What a row that leaves is, in the words of the first rule that it breaks."""
        return F.coalesce(
            *(F.when(F.col(FLAG + rule.name), F.lit(rule.leaves)) for rule in self._rules.rules)
        )

    @property
    def _is_withdrawn(self) -> Column:
        return reduce(or_, (F.col(FLAG + rule.name) for rule in self._rules.rules))
