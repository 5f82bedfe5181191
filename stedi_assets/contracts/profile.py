"""Profiles: what a table holds, in aggregates of several people. Never a value of one person.

Values are counted by bins that are fixed, so that a bin says nothing of the values in it. A bin is known only
where at least `FEWEST_PEOPLE` have values in it; ranges of columns, and days, where there is such a bin.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.consent_rules.consent_facts import canonical
from stedi_assets.contracts.rule import ROWS
from stedi_assets.lake import AuditInput, Unpublished
from stedi_assets.tables import TableSpec

FEWEST_PEOPLE = 5
# So that a profile costs the same whatever the history.
MOST_ROWS = 250_000
MOST_DAYS = 31


@dataclass(frozen=True)
class ColumnProfile:
    """What a column holds, in aggregates.

    Attributes:
        nulls: Rows without a value.
        distinct: Different values, about.
        least: Least value; None for texts, personal columns, and where too few people are behind it.
        greatest: Greatest value, likewise.
    """

    nulls: int
    distinct: int
    least: Any = None
    greatest: Any = None


@dataclass(frozen=True)
class Measure:
    """A quantity whose distribution is of interest.

    Attributes:
        name: What it is.
        unit: Its unit.
        columns: Columns that it is computed from.
        value: Computes it.
        width: Width of a bin; the first one begins at zero.
        top: The greatest value that counts.
    """

    name: str
    unit: str
    columns: tuple[str, ...]
    value: Callable[..., Column]
    width: float
    top: float


@dataclass(frozen=True)
class Distribution:
    """How many rows lie in each bin of a measure, by its number; bins of too few people are left out.

    Attributes:
        measure: The measure.
        bins: Rows by bin.
        days: How many days were looked at, the latest ones.
    """

    measure: Measure
    bins: Mapping[int, int]
    days: int = 0


@dataclass(frozen=True)
class Profile:
    """What a table holds.

    Attributes:
        columns: Its columns.
        days: Rows per day, for tables of readings.
        distributions: Distributions of measures, for tables of readings.
        columns_of: How many days `columns` is about, where these are not all.
    """

    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)
    days: Mapping[date, int] = field(default_factory=dict)
    distributions: tuple[Distribution, ...] = ()
    columns_of: int | None = None

    def __or__(self, other: "Profile") -> "Profile":
        return Profile(
            {**self.columns, **other.columns},
            {**self.days, **other.days},
            (*self.distributions, *other.distributions),
            self.columns_of if self.columns_of is not None else other.columns_of,
        )

    @property
    def shared(self) -> bool:
        """Whether enough people are behind it, which is known of tables of readings only."""
        return any(one.bins for one in self.distributions)

    def shareable(self) -> "Profile":
        """What of it does not come from too few people."""
        if self.shared:
            return self
        columns = {name: replace(column, least=None, greatest=None) for name, column in self.columns.items()}
        return replace(self, columns=columns, days={})


MEASURES = (
    Measure(
        "acceleration",
        "g",
        ("x", "y", "z"),
        lambda x, y, z: F.sqrt(x * x + y * y + z * z),
        width=0.1,
        top=28.0,  # 16 g along all three axes
    ),
    Measure("distance", "mm", ("distancefromobject",), lambda distance: distance, width=10.0, top=4_000.0),
)


class Measured:
    """The distribution of a measure, answered by one query."""

    def __init__(self, spec: TableSpec, measure: Measure) -> None:
        self._spec = spec
        self._measure = measure

    @classmethod
    def of(cls, spec: TableSpec) -> "tuple[Measured, ...]":
        """One for each measure that a table has the columns of."""
        return tuple(cls(spec, it) for it in MEASURES if set(it.columns) <= set(spec.columns))

    def profile(self, audit_input: AuditInput) -> Profile:
        """The distribution over the rows that are looked at, which are those of the latest days."""
        measure, planned = self._measure, audit_input.planned_days
        days = len(audit_input.days) if planned is None else planned
        value = measure.value(*map(F.col, measure.columns))
        number = F.when(value.between(0, measure.top), F.floor(value / measure.width))
        whose = next(name for name in PEOPLE if name in self._spec.columns)
        # People are told apart only once rows are grouped: there are few groups and many rows.
        grouped = (
            audit_input.rows()
            .groupBy(F.col(whose).alias("_whose"), number.cast("int").alias("_bin"))
            .agg(F.count(F.lit(1)).alias(ROWS))
        )
        counted = (
            PEOPLE[whose](audit_input, grouped)
            .groupBy("_bin")
            .agg(F.sum(ROWS).alias(ROWS), F.count_distinct("_person").alias("_people"))
            .where((F.col("_people") >= FEWEST_PEOPLE) & F.col("_bin").isNotNull())
            .collect()
        )
        bins = {row["_bin"]: row[ROWS] for row in counted}
        return Profile(distributions=(Distribution(measure, dict(sorted(bins.items())), days),))


def _users(_evidence: AuditInput, grouped: DataFrame) -> DataFrame:
    return grouped.withColumn("_person", canonical("_whose"))


def _owners(audit_input: AuditInput, grouped: DataFrame) -> DataFrame:
    """The one person who registered a device; readings of several people's devices may all be of one."""
    try:
        customers = audit_input.other("customer_landing")
    except Unpublished:
        return grouped.withColumn("_person", F.lit(None).cast("string"))
    email = canonical("email")
    owners = (
        customers.groupBy(F.col("serialnumber").alias("_device"))
        .agg(F.min(email).alias("_person"), F.max(email).alias("_another"))
        .where(F.col("_person") == F.col("_another"))
    )
    return grouped.join(owners, F.col("_whose") == F.col("_device"), "left")


def _subjects(_evidence: AuditInput, grouped: DataFrame) -> DataFrame:
    return grouped.withColumnRenamed("_whose", "_person")


PEOPLE: Mapping[str, Callable[[AuditInput, DataFrame], DataFrame]] = {
    "subject_id": _subjects,
    "user": _users,
    "serialnumber": _owners,
}
"""Who is behind a row, by the column that says so."""
