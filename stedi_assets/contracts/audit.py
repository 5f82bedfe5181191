"""A Pandera model compiled to aggregates: all rules of a table's own rows, and their profile.

Pandera itself runs one query per check, gives no counts and ignores uniqueness, so the model only says what
must hold. A check that cannot be compiled is refused by name when the rules of the table are made.

The texts of a table are few: rules about them are held against the different texts, with the number of rows
of each. All other rules are held against every row.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from stedi_assets.contracts.profile import ColumnProfile, Profile
from stedi_assets.contracts.rules import ROWS, Finding, Rule
from stedi_assets.lake import Days, Evidence
from stedi_assets.schemas.checks import ValueRule, value_rules
from stedi_assets.tables import TableSpec

COLUMNS = Rule(
    "columns",
    "The table has exactly the columns that it is documented to have, with their types: nothing is "
    "missing, nothing is extra.",
)
NO_MISSING_VALUES = Rule(
    "no_missing_values",
    "No value is missing in a column that must have one: every column but the optional ones.",
)


class ModelRules:
    """The value rules of some columns of a model, answered by one query.

    Args:
        spec: The table.
        texts: Whether it is the columns of texts, or all others; rules of both are of the latter.
    """

    reads: tuple[str, ...] | None = None

    def __init__(self, spec: TableSpec, *, texts: bool) -> None:
        self.spec = spec
        self._grouped = texts
        kinds = {field.name: field.dataType.simpleString() for field in spec.schema}
        self.columns = [name for name, kind in kinds.items() if (kind == "string") == texts]

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """See `Examination`.

        Raises:
            UnknownCheckError: The model uses a check that the audit cannot compile.
        """
        return tuple(_as_rule(rule) for rule in self._value_rules)

    def findings(self, evidence: Evidence, days: Days) -> Mapping[str, Finding]:
        """See `Examination`."""
        return self.examine(evidence, days)[0]

    def profile(self, evidence: Evidence) -> Profile:
        """The profile of the columns."""
        return self.examine(evidence, None)[1]

    def examine(self, evidence: Evidence, days: Days) -> tuple[Mapping[str, Finding], Profile]:
        """The findings, and the profile of the columns, from the same query."""
        rows, weight = evidence.rows(days), F.lit(1)
        if self._grouped:
            rows, weight = rows.groupBy(*self.columns).agg(F.count(F.lit(1)).alias(ROWS)), F.col(ROWS)
        measures = {f"broken {rule.name}": _sum(rule.broken, weight) for rule in self._value_rules}
        for name in self.columns:
            measures |= self._profiled(name, weight)
        total = _sum(F.lit(True), weight).alias(ROWS)
        aggregated = rows.agg(total, *(measure.alias(name) for name, measure in measures.items()))
        [row] = aggregated.collect()
        findings = {rule.name: Finding(row[ROWS], row[f"broken {rule.name}"]) for rule in self.rules}
        return findings, Profile({name: _profile(row, name) for name in self.columns})

    def broken_rows(self, rule: str, evidence: Evidence, days: Days) -> DataFrame:
        """See `Examination`."""
        [broken] = [found.broken for found in self._value_rules if found.name == rule]
        return evidence.rows(days).where(broken)

    @cached_property
    def _value_rules(self) -> tuple[ValueRule, ...]:
        texts = {field.name for field in self.spec.schema if field.dataType.simpleString() == "string"}
        return tuple(
            rule for rule in value_rules(self.spec.model) if (set(rule.columns) <= texts) == self._grouped
        )

    def _profiled(self, name: str, weight: Column) -> dict[str, Column]:
        column = F.col(name)
        measures = {f"nulls {name}": _sum(column.isNull(), weight)}
        if self._grouped:
            return {**measures, f"distinct {name}": F.count_distinct(column)}
        # Sail counts no different doubles, but numbers made of them.
        measures[f"distinct {name}"] = F.approx_count_distinct(F.xxhash64(column))
        if name not in self.spec.personal_columns:
            measures |= {f"least {name}": F.min(column), f"greatest {name}": F.max(column)}
        return measures


class UniqueRows:
    """No two rows are equal in the columns that the model declares unique together."""

    reads: tuple[str, ...] | None = ()

    def __init__(self, spec: TableSpec) -> None:
        self.columns = list(spec.model.to_schema().unique or ())

    @property
    def rules(self) -> tuple[Rule, ...]:
        """See `Examination`."""
        if not self.columns:
            return ()
        return (
            Rule(
                "unique_rows",
                f"No two rows are equal in {', '.join(self.columns)}: the sources send the same reading more "
                "than once, and research must not count it more than once.",
            ),
        )

    def findings(self, evidence: Evidence, days: Days) -> Mapping[str, Finding]:
        """See `Examination`."""
        # One number per row: to count different combinations of columns takes the engine minutes.
        different = F.count_distinct(F.xxhash64(*self.columns))
        [row] = evidence.rows(days).agg(F.count(F.lit(1)).alias(ROWS), different.alias("different")).collect()
        return {"unique_rows": Finding(row[ROWS], row[ROWS] - row["different"])}

    def broken_rows(self, rule: str, evidence: Evidence, days: Days) -> DataFrame:
        """See `Examination`."""
        rows = evidence.rows(days)
        repeated = rows.groupBy(*self.columns).agg(F.count(F.lit(1)).alias(ROWS)).where(F.col(ROWS) > 1)
        return rows.join(repeated, self.columns, "left_semi")


def table_findings(
    spec: TableSpec, evidence: Evidence, profile: Mapping[str, ColumnProfile]
) -> Mapping[str, Finding]:
    """What is found for the rules of the table as a whole, COLUMNS and NO_MISSING_VALUES."""
    required = [name for name, column in spec.model.to_schema().columns.items() if not column.nullable]
    missing = {name: profile[name].nulls for name in required if profile[name].nulls}
    wanted = {(field.name, field.dataType.simpleString()) for field in spec.schema}
    written = {(field.name, field.dataType.simpleString()) for field in evidence.schema()}
    different = {name for name, _kind in wanted ^ written}
    return {
        COLUMNS.name: Finding(len(wanted), len(different)),
        NO_MISSING_VALUES.name: Finding(evidence.row_count() * len(required), sum(missing.values()), missing),
    }


def rows_with_missing_values(spec: TableSpec, evidence: Evidence) -> DataFrame:
    """The rows that break NO_MISSING_VALUES."""
    columns = spec.model.to_schema().columns
    return evidence.rows().where(_any(F.col(name).isNull() for name in columns if not columns[name].nullable))


def _as_rule(rule: ValueRule) -> Rule:
    text = f"{rule.description} {rule.why}".strip()
    return Rule(rule.name, text, rule.severity, blocking=rule.severity == "error")


def _any(conditions: Iterable[Column]) -> Column:
    found = F.lit(False)
    for condition in conditions:
        found |= condition
    return found


def _sum(condition: Column, weight: Column) -> Column:
    return F.coalesce(F.sum(F.when(condition, weight)), F.lit(0))


def _profile(row: Row, name: str) -> ColumnProfile:
    fields = row.asDict()
    return ColumnProfile(
        nulls=fields[f"nulls {name}"],
        distinct=fields[f"distinct {name}"],
        least=fields.get(f"least {name}"),
        greatest=fields.get(f"greatest {name}"),
    )
