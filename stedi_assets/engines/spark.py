"""Apache Spark: in this process, on a standalone cluster, or behind a Spark Connect server."""

from typing import Any

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pydantic import Field

CONFIG = {
    "spark.sql.session.timeZone": "UTC",
    # A failed cast must raise as it does on Sail.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
# What only a driver can be told, before it starts.
DRIVER_CONFIG = {
    "spark.app.name": "stedi_assets",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
}
LOCAL_CONFIG = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
}


class SparkResource(LazyPySparkResource):
    """A PySpark session on a Spark master, started at the first use.

    Attributes:
        master: `local[N]`, `spark://host:port` or `sc://host:port`.
    """

    spark_config: dict[str, Any] = Field(default_factory=dict)
    master: str

    def _init_session(self) -> None:
        if self._spark_session is not None:
            return
        from pyspark.sql import SparkSession

        builder = SparkSession.builder
        settings = dict(CONFIG)
        if self.master.startswith("sc://"):
            builder = builder.remote(self.master)
        else:
            builder = builder.master(self.master)
            settings |= DRIVER_CONFIG
        if self.master.startswith("local"):
            settings |= LOCAL_CONFIG
        for name, value in (settings | self.spark_config).items():
            builder = builder.config(name, value)
        self._spark_session = builder.getOrCreate()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Stops the session."""
        if self._spark_session is not None:
            self._spark_session.stop()
            self._spark_session = None
