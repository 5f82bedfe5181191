"""Fingerprints: sums of row hashes, by which many rows are compared at once."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.transforms.row_hash import row_hash

MASK = 2**31 - 1  # products of two such numbers fit into 64 bits, and so do sums of 2^31 of them


@dataclass(frozen=True)
class Fingerprint:
    """The number of rows, and the sum of their summands."""

    rows: int
    sum: int


def fingerprint(rows: DataFrame, columns: list[str]) -> tuple[Fingerprint, int]:
    """The fingerprint of rows, and how many of the rows are distinct."""
    # One hash per row: to count distinct combinations of columns takes the engine minutes.
    hashes = rows.select(row_hash(*columns).alias("hash"))
    equal = hashes.groupBy("hash").agg(F.count(F.lit(1)).alias("rows"))
    [row] = equal.agg(
        total(F.col("rows"), "rows"),
        total(_odd(F.col("hash")) * F.col("rows"), "sum"),
        F.count(F.lit(1)).alias("distinct"),
    ).collect()
    return Fingerprint(row["rows"], row["sum"]), row["distinct"]


def summand(*columns: str) -> Column:
    """An odd number from the hash of a row, small enough to add up those of all rows."""
    return _odd(row_hash(*columns))


def small(number: Column) -> Column:
    """The lowest 31 bits of a number."""
    return number.bitwiseAND(F.lit(MASK))


def total(column: Column, name: str) -> Column:
    """The sum of a column under a name; 0 if there are no rows."""
    return F.coalesce(F.sum(column), F.lit(0)).alias(name)


def _odd(number: Column) -> Column:
    return small(number).bitwiseOR(F.lit(1))
