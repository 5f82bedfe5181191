"""Fingerprints of rows: sums of hashes, by which many rows are compared at once."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.transforms.row_hash import row_hash

MASK = 2**31 - 1  # products of two such numbers fit into 64 bits, and so do sums of 2^31 of them


@dataclass(frozen=True)
class Fingerprint:
    """How many rows there are, and the sum of their numbers."""

    rows: int
    number: int


def fingerprint(rows: DataFrame, columns: list[str]) -> tuple[Fingerprint, int]:
    """The fingerprint of rows, and how many of them are different."""
    # One number per row: to count different combinations of columns takes the engine minutes.
    hashes = rows.select(row_hash(*columns).alias("hash"))
    equal = hashes.groupBy("hash").agg(F.count(F.lit(1)).alias("rows"))
    [row] = equal.agg(
        total(F.col("rows"), "rows"),
        total(odd(F.col("hash")) * F.col("rows"), "number"),
        F.count(F.lit(1)).alias("different"),
    ).collect()
    return Fingerprint(row["rows"], row["number"]), row["different"]


def summand(*columns: str) -> Column:
    """An odd number from the hash of a row, small enough to add up those of all rows."""
    return odd(row_hash(*columns))


def odd(number: Column) -> Column:
    return small(number).bitwiseOR(F.lit(1))


def small(number: Column) -> Column:
    return number.bitwiseAND(F.lit(MASK))


def total(column: Column, name: str) -> Column:
    return F.coalesce(F.sum(column), F.lit(0)).alias(name)
