"""The hash by which rows are compared, wherever the project compares rows.

Hashing is not a rule, so the transforms and the audit that checks them may share it.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F


def row_hash(*columns: str) -> Column:
    """Hashes the values of a row, nulls included, to 64 bits; for projections, not within aggregates."""
    # xxhash64 skips nulls: without the flags, (5, null) and (null, 5) would have the same hash.
    nulls = [F.col(name).isNull().cast("int") for name in columns]
    # Sail fails on a hash of columns that it knows to be constant. It cannot know the last argument.
    return F.xxhash64(*columns, *nulls, F.monotonically_increasing_id() < 0)
