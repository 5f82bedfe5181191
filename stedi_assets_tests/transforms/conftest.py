"""The scenario's tables, made once for all tests."""

import pytest
from pyspark.sql import SparkSession

from stedi_assets_tests.support import frames, scenario
from stedi_assets_tests.support.oracle import Tables


@pytest.fixture(scope="session")
def strict(spark: SparkSession) -> Tables:
    """The tables of the scenario under the policy `strict`."""
    return frames.refreshed(spark, scenario.WORLD, "strict", scenario.AS_OF, scenario.KEYS)


@pytest.fixture(scope="session")
def reference(spark: SparkSession) -> Tables:
    """The tables of the scenario under the policy `reference`."""
    return frames.refreshed(spark, scenario.WORLD, "reference", scenario.AS_OF, scenario.KEYS)
