"""Held people: those whom a quarantined customer line names.

They count as not consenting until the line is fixed, because no one can know what it would have said.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def held_people(quarantine: DataFrame) -> DataFrame:
    """The people that quarantined customer lines name.

    Args:
        quarantine: Lines of the table quarantine.

    Returns:
        One column `person`, one row per person.
    """
    people = quarantine.select(F.explode(F.split("people", " ")).alias("person"))
    return people.where(F.col("person") != "").distinct()
