"""A Pandera model compiled to aggregates: all rules about values, and the profile of the columns.

Pandera itself runs one query per check, gives no counts and ignores uniqueness, so only the definitions are
taken from the model. A check that cannot be compiled is refused by name when the contract lists its rules.

A query reads as little as possible: distinct texts instead of rows, ends of intervals instead of values.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructField

from stedi_assets.contracts.profile import ColumnProfile, Profile
from stedi_assets.contracts.rule import PLAUSIBLE_VALUES, ROWS, SCHEMA, Rule, RuleCounts, texts_of
from stedi_assets.lake.refresh import AuditInput, Days
from stedi_assets.schemas.checks import ValueRule, value_rules
from stedi_assets.tables import DAY, TableSpec

COLUMNS = Rule(
    "columns",
    SCHEMA,
    "The table has exactly the documented columns, with their types: none is missing, none is extra.",
)
NO_MISSING_VALUES = Rule(
    "no_missing_values",
    SCHEMA,
    "No value is missing in any column, except in the optional ones.",
)


FEW_ROWS = 100_000  # up to here another query costs more than checking every row


class ModelRules(ABC):
    """The rules of some columns of a table, and the profile of these columns.

    Args:
        columns: The columns.
        rules: The rules about them.
    """

    reads: tuple[str, ...] | None = None

    def __init__(self, columns: Sequence[str], rules: Sequence[ValueRule]) -> None:
        self.columns = columns
        self._value_rules = rules
        self.rules = tuple(map(_as_rule, rules))

    @abstractmethod
    def examine(self, audit_input: AuditInput, days: Days) -> tuple[Mapping[str, RuleCounts], Profile]:
        """The counts of the rules, and the profile of the columns."""

    def count(self, audit_input: AuditInput, days: Days) -> Mapping[str, RuleCounts]:
        """See `RuleGroup`."""
        return self.examine(audit_input, days)[0]

    def profile(self, audit_input: AuditInput) -> Profile:
        """The profile of the columns."""
        return self.examine(audit_input, None)[1]

    def broken_rows(self, rule: str, audit_input: AuditInput, days: Days) -> DataFrame:
        """See `RuleGroup`."""
        [broken] = [own.broken for own in self._value_rules if own.name == rule]
        return audit_input.rows(days).where(broken)


class TextRules(ModelRules):
    """The rules of the text columns, checked on the distinct texts and the number of rows of each."""

    def __init__(self, spec: TableSpec) -> None:
        texts = [field.name for field in spec.schema if _is_text(field)]
        super().__init__(texts, [rule for rule in rules_of_model(spec) if set(rule.columns) <= set(texts)])

    def examine(self, audit_input: AuditInput, days: Days) -> tuple[Mapping[str, RuleCounts], Profile]:
        """The counts of the rules, and the profile of the columns, from one query."""
        rows = texts_of(audit_input)
        measures = {f"broken {rule.name}": _rows_where(rule.broken) for rule in self._value_rules}
        for name in self.columns:
            measures[f"nulls {name}"] = _rows_where(F.col(name).isNull())
            measures[f"distinct {name}"] = F.count_distinct(F.col(name))
        row = _measured(rows, measures)
        checked = audit_input.row_count(days)
        counted = {rule.name: RuleCounts(checked, row[f"broken {rule.name}"]) for rule in self.rules}
        columns = {
            name: ColumnProfile(row[f"nulls {name}"], row[f"distinct {name}"]) for name in self.columns
        }
        return counted, Profile(columns)


class NumberRules(ModelRules):
    """The rules of all other columns.

    If the least and the greatest value of a column keep a rule about intervals, all its values do. Parquet
    knows these two values; rows are checked only if one of them breaks the rule.
    """

    def __init__(self, spec: TableSpec) -> None:
        self._spec = spec
        self._fields = [field for field in spec.schema if not _is_text(field)]
        numbers = [field.name for field in self._fields]
        texts = set(spec.columns) - set(numbers)
        super().__init__(numbers, [rule for rule in rules_of_model(spec) if not set(rule.columns) <= texts])

    def examine(self, audit_input: AuditInput, days: Days) -> tuple[Mapping[str, RuleCounts], Profile]:
        """The counts of the rules, and the profile of the columns."""
        rows, checked = audit_input.rows(days), audit_input.row_count(days)
        counts = {rule.name: F.count(F.when(rule.broken, 1)) for rule in self._value_rules}
        few = checked <= FEW_ROWS
        row = _measured(rows, self._measures() | (counts if few else {}))
        profile = {
            name: ColumnProfile(
                nulls=checked - row[f"some {name}"],
                distinct=row[f"distinct {name}"],
            )
            for name in self.columns
        }
        doubtful = {
            rule.name for rule in self._value_rules if not few and not self._proven(rule, row, audit_input)
        }
        found = row if few else _measured(rows, {name: counts[name] for name in doubtful})
        counted = {rule.name: RuleCounts(checked, found.get(rule.name, 0)) for rule in self.rules}
        return counted, Profile(profile)

    def _measures(self) -> dict[str, Column]:
        measures = {}
        for field in self._fields:
            column = F.col(field.name)
            measures[f"some {field.name}"] = F.count(column)
            measures[f"least {field.name}"] = F.min(column)
            measures[f"greatest {field.name}"] = F.max(column)
            measures[f"distinct {field.name}"] = F.approx_count_distinct(column)
            if field.dataType.simpleString() == "double":
                # Sail cannot count distinct doubles, so integers made of them are counted.
                millionths = (column * 1_000_000).cast("bigint")
                measures[f"distinct {field.name}"] = F.approx_count_distinct(millionths)
                measures[f"sum {field.name}"] = F.sum(column)  # shows NaN, which Parquet does not
        return measures

    def _proven(self, rule: ValueRule, row: Mapping[str, Any], audit_input: AuditInput) -> bool:
        if rule.columns == (DAY, self._spec.instant):
            return audit_input.audited.table.within_days(rule.columns[1])
        if not rule.of_intervals or len(rule.columns) > 1:
            return False
        [name] = rule.columns
        if row[f"least {name}"] is None:
            return True
        ends = row[f"least {name}"], row[f"greatest {name}"]
        number = row.get(f"sum {name}", 0)
        return number == number and not any(rule.broken_by({name: end}) for end in ends)


def rules_of_model(spec: TableSpec) -> list[ValueRule]:
    """The value rules of a table, in order; those that only warn do so once, where values enter the lake.

    Raises:
        UnknownCheckError: The model uses a check that the audit cannot compile.
    """
    rules = value_rules(spec.model)
    return [rule for rule in rules if spec.source is not None or rule.severity == "error"]


def table_counts(
    spec: TableSpec, audit_input: AuditInput, profile: Mapping[str, ColumnProfile]
) -> Mapping[str, RuleCounts]:
    """The counts of the rules about the table as a whole, COLUMNS and NO_MISSING_VALUES."""
    required = [name for name, column in spec.model.to_schema().columns.items() if not column.nullable]
    missing = {name: profile[name].nulls for name in required if profile[name].nulls}
    wanted = {(field.name, field.dataType.simpleString()) for field in spec.schema}
    written = {(field.name, field.dataType.simpleString()) for field in audit_input.schema()}
    different = {name for name, _kind in wanted ^ written}
    return {
        COLUMNS.name: RuleCounts(len(wanted), len(different)),
        NO_MISSING_VALUES.name: RuleCounts(
            audit_input.row_count() * len(required), sum(missing.values()), missing
        ),
    }


def rows_with_missing_values(spec: TableSpec, audit_input: AuditInput) -> DataFrame:
    """The rows that break NO_MISSING_VALUES."""
    columns = spec.model.to_schema().columns
    return audit_input.rows().where(
        _any(F.col(name).isNull() for name in columns if not columns[name].nullable)
    )


def _as_rule(rule: ValueRule) -> Rule:
    text = f"{rule.description} {rule.why}".strip()
    blocks = rule.severity == "error"
    check = SCHEMA if blocks else PLAUSIBLE_VALUES
    return Rule(rule.name, check, text, severity=rule.severity, blocking=blocks)


def _any(conditions: Iterable[Column]) -> Column:
    found = F.lit(False)
    for condition in conditions:
        found |= condition
    return found


def _is_text(field: StructField) -> bool:
    return field.dataType.simpleString() == "string"


def _rows_where(condition: Column) -> Column:
    return F.coalesce(F.sum(F.when(condition, F.col(ROWS))), F.lit(0))


def _measured(rows: DataFrame, measures: Mapping[str, Column]) -> Mapping[str, Any]:
    if not measures:
        return {}
    [row] = rows.agg(*(measure.alias(name) for name, measure in measures.items())).collect()
    return cast(Mapping[str, Any], row.asDict())
