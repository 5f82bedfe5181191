"""The machine-learning table: the readings of both sensors of a person at the same time."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from stedi_assets.settings import Policy
from stedi_assets.transforms.consent import person


def paired_readings(
    accelerometer: DataFrame,
    step_trainer: DataFrame,
    customers: DataFrame,
    subjects: DataFrame,
    policy: Policy,
) -> DataFrame:
    """Pairs of readings, pseudonymised (table machine_learning_curated).

    Args:
        accelerometer: accelerometer_trusted.
        step_trainer: step_trainer_trusted.
        customers: customer_curated, one row per person.
        subjects: Columns _person, subject_id and split, one row per person of `customers`.
        policy: `strict` pairs readings of the same person and time, `reference` readings of the same
            time only, which pairs one person's accelerometer with another person's device.
    """
    steps = step_trainer.select(
        F.col("sensorreadingtime").alias("_instant"),
        F.col("serialnumber").alias("_device"),
        "distancefromobject",
    )
    readings = accelerometer.withColumn("_user", person("user"))
    same_instant = F.col("timestamp") == F.col("_instant")
    if policy == "reference":
        readings = readings.join(subjects, F.col("_user") == F.col("_person"))
        pairs = steps.join(readings, same_instant)
    else:
        # The small frame of owners joins the step-trainer side, which is the smaller one: joining it to
        # the larger side took up to four times as long.
        owners = customers.select(person("email").alias("_owner"), F.col("serialnumber"))
        owners = owners.join(subjects, F.col("_owner") == F.col("_person"))
        steps = steps.join(owners, F.col("_device") == F.col("serialnumber"))
        pairs = steps.join(readings, same_instant & (F.col("_user") == F.col("_person")))
    return pairs.select("subject_id", "timestamp", "x", "y", "z", "distancefromobject", "split", "event_date")
