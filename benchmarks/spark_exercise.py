"""The five jobs of the public STEDI exercise as one plain PySpark script: what people do today.

Each job reads the Parquet of the job before it, as in the exercise. The rows follow the `reference` policy:
the machine-learning table joins on the instant alone. Exact duplicates of readings stay in, and nothing is
partitioned or checked: all of that would only make Spark slower.

Run: python spark_exercise.py LANDING OUT
"""

import argparse
import json
import time
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

SCHEMAS = {
    "customer": """customerName string, email string, phone string, birthDay string, serialNumber string,
        registrationDate bigint, lastUpdateDate bigint, shareWithResearchAsOfDate bigint,
        shareWithPublicAsOfDate bigint, shareWithFriendsAsOfDate bigint""",
    "accelerometer": "user string, timestamp bigint, x double, y double, z double",
    "step_trainer": "sensorReadingTime bigint, serialNumber string, distanceFromObject bigint",
}
JOBS = (
    "customer_trusted",
    "accelerometer_trusted",
    "customer_curated",
    "step_trainer_trusted",
    "machine_learning_curated",
)


class Exercise:
    def __init__(self, spark: SparkSession, landing: Path, out: Path) -> None:
        self.spark = spark
        self.landing = landing
        self.out = out
        self.as_of = time.time_ns() // 1_000_000

    def run(self) -> None:
        self.write("customer_trusted", self.customer_landing_to_trusted())
        self.write("accelerometer_trusted", self.accelerometer_landing_to_trusted())
        self.write("customer_curated", self.customer_trusted_to_curated())
        self.write("step_trainer_trusted", self.step_trainer_landing_to_trusted())
        self.write("machine_learning_curated", self.machine_learning_curated())

    def customer_landing_to_trusted(self) -> DataFrame:
        consents = F.coalesce(F.col("shareWithResearchAsOfDate").between(1, self.as_of), F.lit(False))
        latest_first = Window.partitionBy(person("email")).orderBy(
            F.desc("lastUpdateDate"), consents, F.desc("shareWithResearchAsOfDate")
        )
        return (
            self.source("customer")
            .where(F.col("lastUpdateDate") <= self.as_of)
            .withColumn("rank", F.row_number().over(latest_first))
            .where((F.col("rank") == 1) & consents)
            .drop("rank")
        )

    def accelerometer_landing_to_trusted(self) -> DataFrame:
        readings, customers = self.source("accelerometer"), self.table("customer_trusted")
        return readings.join(F.broadcast(customers), person("user") == person("email"), "left_semi")

    def customer_trusted_to_curated(self) -> DataFrame:
        customers, readings = self.table("customer_trusted"), self.table("accelerometer_trusted")
        return customers.join(readings, person("email") == person("user"), "left_semi")

    def step_trainer_landing_to_trusted(self) -> DataFrame:
        devices = self.table("customer_curated").select("serialNumber")
        return self.source("step_trainer").join(F.broadcast(devices), "serialNumber", "left_semi")

    def machine_learning_curated(self) -> DataFrame:
        readings, distances = self.table("accelerometer_trusted"), self.table("step_trainer_trusted")
        return readings.join(distances, F.col("timestamp") == F.col("sensorReadingTime")).select(
            "user", "timestamp", "x", "y", "z", "serialNumber", "distanceFromObject"
        )

    def source(self, name: str) -> DataFrame:
        folder = self.landing / name / "landing"
        reader = self.spark.read.schema(SCHEMAS[name]).option("recursiveFileLookup", True)
        return reader.option("pathGlobFilter", "*.{json,json.gz}").json(folder.as_uri())

    def table(self, name: str) -> DataFrame:
        return self.spark.read.parquet((self.out / name).as_uri())

    def write(self, name: str, frame: DataFrame) -> None:
        frame.write.parquet((self.out / name).as_uri())


def person(column: str) -> Column:
    return F.lower(F.trim(column))


def rows_of(folder: Path) -> int:
    # The Parquet footers know; asking Spark would lengthen its process by one more query for each table.
    from pyarrow import dataset

    return dataset.dataset(folder).count_rows()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("landing", type=Path)
    parser.add_argument("out", type=Path, help="folder that does not hold these tables yet")
    options = parser.parse_args()
    spark = (
        SparkSession.builder.master("local[2]")
        .appName("stedi-exercise")
        .config("spark.driver.memory", "4g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", 4)
        .config("spark.ui.enabled", False)
        .config("spark.sql.parquet.compression.codec", "zstd")
        .getOrCreate()
    )
    started = time.perf_counter()
    Exercise(spark, options.landing.resolve(), options.out.resolve()).run()
    seconds = time.perf_counter() - started
    spark.stop()
    tables = {name: {"rows": rows_of(options.out / name)} for name in JOBS}
    print(json.dumps({"tables": tables, "seconds": round(seconds, 3)}))


if __name__ == "__main__":
    main()
