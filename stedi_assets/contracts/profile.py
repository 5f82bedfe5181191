"""Profiles: aggregates that describe the content of a table. A profile shows no value of a single person.

Values are counted in fixed bins, so that a bin says nothing about the values in it. A bin is shown only if at
least `FEWEST_PEOPLE` people have values in it. The least and the greatest value of a column belong to one
person each, so a range is one of bins. If no bin is shown, the days are not shown either.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.consent_rules.consent_facts import canonical
from stedi_assets.contracts.rule import ROWS
from stedi_assets.lake.iceberg import Unpublished
from stedi_assets.lake.refresh import AuditInput
from stedi_assets.tables import TableSpec

FEWEST_PEOPLE = 5
# So that a profile costs the same whatever the history.
MOST_ROWS = 250_000
MOST_DAYS = 31


@dataclass(frozen=True)
class ColumnProfile:
    """Aggregates of a column.

    Attributes:
        nulls: Rows without a value.
        distinct: Approximate number of distinct values.
    """

    nulls: int
    distinct: int


@dataclass(frozen=True)
class Measure:
    """A quantity whose distribution is of interest.

    Attributes:
        name: Its name in a sentence.
        unit: Its unit.
        columns: Columns that it is computed from.
        value: Computes it from the columns.
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
    """Rows in each bin of a measure, without bins of too few people.

    Attributes:
        measure: The measure.
        bins: Rows by number of the bin.
        days: Number of days, the latest ones, that the rows are from.
    """

    measure: Measure
    bins: Mapping[int, int]
    days: int = 0

    @property
    def range(self) -> tuple[float, float]:
        """The ends of the least and the greatest bin that is shown."""
        return min(self.bins) * self.measure.width, (max(self.bins) + 1) * self.measure.width


@dataclass(frozen=True)
class Profile:
    """The profile of a table.

    Attributes:
        columns: Its columns.
        days: Rows per day, for tables of readings.
        distributions: Distributions of measures, for tables of readings.
        columns_of: Number of days that `columns` describes; None for all.
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
        """Whether enough people are behind it; only known of tables of readings."""
        return any(distribution.bins for distribution in self.distributions)

    def shareable(self) -> "Profile":
        """The profile without the parts that come from too few people."""
        return self if self.shared else replace(self, days={})


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
    """The distribution of a measure, computed by one query."""

    def __init__(self, spec: TableSpec, measure: Measure) -> None:
        self._spec = spec
        self._measure = measure

    @classmethod
    def of(cls, spec: TableSpec) -> "tuple[Measured, ...]":
        """One for each measure whose columns a table has."""
        return tuple(cls(spec, measure) for measure in MEASURES if set(measure.columns) <= set(spec.columns))

    def profile(self, audit_input: AuditInput) -> Profile:
        """The distribution over the rows under audit."""
        measure, planned = self._measure, audit_input.planned_days
        days = len(audit_input.days) if planned is None else planned
        value = measure.value(*map(F.col, measure.columns))
        number = F.when(value.between(0, measure.top), F.floor(value / measure.width))
        whose = next(name for name in PEOPLE if name in self._spec.columns)
        # People are distinguished after rows are grouped, because there are few groups and many rows.
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


def _users(_audit_input: AuditInput, grouped: DataFrame) -> DataFrame:
    return grouped.withColumn("_person", canonical("_whose"))


def _owners(audit_input: AuditInput, grouped: DataFrame) -> DataFrame:
    """The only person who registered a device; readings of a shared device may all be of one person."""
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


def _subjects(_audit_input: AuditInput, grouped: DataFrame) -> DataFrame:
    return grouped.withColumnRenamed("_whose", "_person")


PEOPLE: Mapping[str, Callable[[AuditInput, DataFrame], DataFrame]] = {
    "subject_id": _subjects,
    "user": _users,
    "serialnumber": _owners,
}
"""Adds the person behind a row, by the column that names the person."""
