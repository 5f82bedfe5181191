"""Rows of the machine-learning table that mix people: they are not made of the subject's own readings.

A row that mixes people may look like one that does not, so rows are counted: of equal rows there are at most
as many as the subject's own readings make.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from stedi_assets.contracts.consent_rules.consent_facts import devices, user_consents, with_subject
from stedi_assets.lake.refresh import AuditInput, Days

STEP = ["_subject", "timestamp", "distancefromobject"]
READING = ["_subject", "timestamp", "x", "y", "z"]
ROW = [*READING, "distancefromobject"]


def mixed_rows(audit_input: AuditInput, days: Days) -> int:
    """Counts the rows of some days beyond those that the subjects' own readings make."""
    excess = _rows_and_own(audit_input, days).select((F.col("_rows") - F.col("_own")).alias("rows"))
    [found] = excess.where("rows > 0").agg(F.sum("rows").alias("rows")).collect()
    return found["rows"] or 0


def rows_that_mix_people(audit_input: AuditInput, days: Days) -> DataFrame:
    """The rows of which there are more than the subject's own readings make, with all rows equal to them."""
    mixed = _rows_and_own(audit_input, days).where("_rows > _own")
    return (
        with_subject(audit_input.rows(days)).join(mixed, ROW, "left_semi").select(*audit_input.spec.columns)
    )


def _rows_and_own(audit_input: AuditInput, days: Days) -> DataFrame:
    """The distinct rows, how many there are of each (_rows), and how many the own readings make (_own)."""

    def counted(frame: DataFrame, columns: list[str], name: str) -> DataFrame:
        return frame.groupBy(*columns).agg(F.count(F.lit(1)).alias(name))

    rows = counted(with_subject(audit_input.rows(days)), ROW, "_rows")
    steps = counted(_own_steps(audit_input, days).distinct(), STEP, "_steps")
    readings = counted(_own_readings(audit_input, days).distinct(), READING, "_readings")
    joined = rows.join(steps, STEP, "left").join(readings, READING, "left")
    return joined.withColumn("_own", F.coalesce(F.col("_steps") * F.col("_readings"), F.lit(0)))


def _own_steps(audit_input: AuditInput, days: Days) -> DataFrame:
    sole = devices(audit_input).where("_sole").select("_device", "_owner")
    subjects = with_subject(audit_input.subjects()).select("_person", "_subject")
    owned = sole.join(subjects, F.col("_owner") == F.col("_person"))
    steps = audit_input.other("step_trainer_landing", days)
    return steps.join(owned, F.col("serialnumber") == F.col("_device")).select(
        "_subject", F.col("sensorreadingtime").alias("timestamp"), "distancefromobject", "serialnumber"
    )


def _own_readings(audit_input: AuditInput, days: Days) -> DataFrame:
    readings = audit_input.other("accelerometer_landing", days)
    users = user_consents(audit_input, "accelerometer_landing").withColumnRenamed("_person", "_of")
    subjects = with_subject(audit_input.subjects()).select("_person", "_subject")
    owned = users.join(subjects, F.col("_of") == F.col("_person"))
    return readings.join(owned, F.col("user") == F.col("_key")).select(*READING, "user")
