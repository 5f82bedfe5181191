"""Apache Spark: in this process, on a standalone cluster, or behind a Spark Connect server."""

import os
import sys
from typing import Any

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pydantic import Field

from stedi_assets.engines import silence_pyspark
from stedi_assets.errors import SettingError
from stedi_assets.lake.storage import Aws

CONFIG = {
    "spark.sql.session.timeZone": "UTC",
    # A failed cast must raise as it does on Sail.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
# Settings of a driver, which must be set before it starts.
DRIVER_CONFIG = {
    "spark.app.name": "stedi_assets",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    # Also for the executors of a cluster: they quote the data of a task that failed.
    "spark.executor.syncLogLevel.enabled": "true",
    # Snapshots name the files of a table; nothing reads _SUCCESS.
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
LOCAL_CONFIG = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
}
S3A = "org.apache.hadoop.fs.s3a.S3AFileSystem"


def s3a_config(aws: Aws) -> dict[str, str]:
    """Returns the settings for Hadoop's S3A to read and write `s3://`, by the standard AWS variables.

    Credentials are left to the nodes' roles and to Spark, which passes on the driver's variables.
    """
    config = {
        "spark.hadoop.fs.s3.impl": S3A,
        "spark.hadoop.fs.s3a.endpoint.region": aws.region,
    }
    if aws.endpoint:
        config |= {
            "spark.hadoop.fs.s3a.endpoint": aws.endpoint,
            "spark.hadoop.fs.s3a.path.style.access": "true",
        }
    return config


class SparkResource(LazyPySparkResource):
    """A PySpark session on a Spark master, started at the first use.

    Attributes:
        master: `local[N]`, `spark://host:port` or `sc://host:port`.
        uses_s3: Whether landing files or lake are in S3.
        region: AWS_REGION; empty if another of the standard AWS variables names it.
    """

    spark_config: dict[str, Any] = Field(default_factory=dict)
    master: str
    uses_s3: bool = False
    region: str = ""

    def _init_session(self) -> None:
        if self._spark_session is not None:
            return
        from pyspark.sql import SparkSession

        silence_pyspark()
        builder = SparkSession.builder
        settings = dict(CONFIG)
        if self.master.startswith("sc://"):
            builder = builder.remote(self.master)
        else:
            builder = builder.master(self.master)
            settings |= DRIVER_CONFIG | (s3a_config(Aws(self.region)) if self.uses_s3 else {})
        if self.master.startswith("local"):
            settings |= LOCAL_CONFIG
            # Spark's default is the first python3 of the PATH, which may lack the libraries.
            os.environ["PYSPARK_PYTHON"] = sys.executable
        for name, value in (settings | self.spark_config).items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        if self.uses_s3 and not self.master.startswith("sc://"):
            _check_s3a(session)
        self._spark_session = session

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Stops the session."""
        if self._spark_session is not None:
            self._spark_session.stop()
            self._spark_session = None


def _check_s3a(session: Any) -> None:
    if not session._jvm.org.apache.spark.util.Utils.classIsLoadable(S3A):
        session.stop()
        raise SettingError(
            "STEDI_ENGINE: this Spark lacks hadoop-aws, which it needs for S3: name it in "
            "PYSPARK_SUBMIT_ARGS, as docs/settings.md says."
        )
