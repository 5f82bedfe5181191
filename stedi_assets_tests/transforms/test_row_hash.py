"""The hash of a row: equal for equal rows only, nulls included."""

from pyspark.sql import functions as F

from stedi_assets.transforms.row_hash import row_hash


def hashes(rows):
    return [row["hash"] for row in rows.select(row_hash("a", "b").alias("hash")).collect()]


def test_a_null_is_a_value_of_its_own(spark):
    values = [(5, None), (None, 5), (5, 0), (0, 5), (5, 5), (None, None), (0, 0), (0, None), (None, 0)]
    found = hashes(spark.createDataFrame(values, "a int, b int"))
    assert len(set(found)) == len(values)


def test_equal_rows_have_equal_hashes(spark):
    found = hashes(spark.createDataFrame([("x", None), ("x", None), ("x", 1.5)], "a string, b double"))
    assert found[0] == found[1] != found[2]


def test_rows_whose_values_are_all_constant_have_a_hash(spark):
    found = hashes(spark.range(2).select(F.lit("x").alias("a"), F.lit(None).cast("int").alias("b")))
    assert found[0] == found[1]
