"""The transforms of readings broken in turn: the rule that names the mistake refuses the rows.

The oddities of the people who make a mistake show are explained in `scenario`.
"""

import pytest
from pyspark.sql import functions as F

from stedi_assets.transforms import readings
from stedi_assets.transforms.consent import CONSENT, person
from stedi_assets_tests.support.mutations import Mutations, everywhere, first_day, only_lower, only_trimmed
from stedi_assets_tests.support.scenario import ADA, AS_OF

MUTATIONS = Mutations()
mutation = MUTATIONS.of


@mutation("accelerometer_trusted", "only_consenting_people")
def readings_of_everybody_are_kept(bench):
    return bench.frames["accelerometer_landing"].drop("source_file", "batch_id").distinct()


@mutation("accelerometer_trusted", "only_consenting_people")
def readings_of_customers_are_kept_whether_they_consent_or_not(bench):
    everybody = bench.table("customer_landing").withColumn(CONSENT, F.lit(1))
    return bench.rows(customer_trusted=everybody)


@mutation("accelerometer_trusted", "after_consent")
def accelerometer_readings_before_consent_are_kept(bench):
    return readings.consented_accelerometer(*bench.frames.values(), "reference")


@mutation("accelerometer_trusted", "reconciles")
def readings_in_the_instant_of_consent_are_left_out(bench):
    customers = bench.frames["customer_trusted"]
    return bench.rows(customer_trusted=customers.withColumn(CONSENT, F.col(CONSENT) + 1))


@mutation("accelerometer_trusted", "after_consent")
def readings_just_before_consent_are_kept(bench):
    customers = bench.frames["customer_trusted"]
    return bench.rows(customer_trusted=customers.withColumn(CONSENT, F.col(CONSENT) - 1))


@mutation("accelerometer_trusted", "reconciles")
def users_are_compared_with_case(bench):
    return bench.patched(*everywhere(only_trimmed))


@mutation("accelerometer_trusted", "reconciles")
def users_are_compared_with_spaces(bench):
    return bench.patched(*everywhere(only_lower))


@mutation("accelerometer_trusted", "unique_rows")
def accelerometer_duplicates_are_kept(bench):
    people = bench.frames["customer_trusted"].select(person("email").alias("_person"), CONSENT)
    allowed = (person("user") == F.col("_person")) & (F.col("timestamp") >= F.col(CONSENT))
    return bench.frames["accelerometer_landing"].join(people, allowed, "left_semi")


@mutation("accelerometer_trusted", "reconciles")
def readings_of_one_instant_are_taken_for_duplicates(bench):
    return bench.rows().dropDuplicates(["user", "timestamp"])


@mutation("accelerometer_trusted", "reconciles")
def a_day_is_lost(bench):
    return first_day(bench.rows())


@mutation("accelerometer_trusted", "unique_rows", "reconciles")
def a_day_is_there_twice(bench):
    return bench.rows().unionAll(first_day(bench.rows()))


@mutation("accelerometer_trusted", "event_date_is_day_of_timestamp")
def the_day_is_that_of_tokyo(bench):
    tokyo = F.timestamp_millis(F.col("timestamp") + 9 * 3_600_000)
    return bench.rows().withColumn("event_date", F.to_date(tokyo))


@mutation("accelerometer_trusted", "as_delivered")
def x_and_y_are_swapped(bench):
    return bench.rows().withColumns({"x": F.col("y"), "y": F.col("x")})


@mutation("accelerometer_trusted", "as_delivered")
def acceleration_is_in_metres_per_second_squared(bench):
    return bench.rows().withColumns({name: F.col(name) * 9.80665 for name in "xyz"})


@mutation("accelerometer_trusted", "timestamp_in_range")
def instants_are_in_seconds(bench):
    return bench.rows().withColumn("timestamp", F.floor(F.col("timestamp") / 1000).cast("bigint"))


@mutation("accelerometer_trusted", "no_missing_values")
def zero_is_made_null(bench):
    return bench.rows().withColumn("y", F.nullif("y", F.lit(0.0)))


@mutation("accelerometer_trusted", "as_delivered")
def a_reading_goes_to_another_consenting_person(bench):
    return bench.rows().withColumn(
        "user", F.when(F.col("user") == ADA, "busy@example.com").otherwise(F.col("user"))
    )


@mutation("step_trainer_trusted", "only_consenting_people")
def steps_of_everybody_are_kept(bench):
    return bench.frames["step_trainer_landing"].drop("source_file", "batch_id").distinct()


@mutation("step_trainer_trusted", "reconciles")
def steps_are_joined_to_customer_trusted(bench):
    return bench.rows(customer_curated=bench.table("customer_trusted"))


@mutation("step_trainer_trusted", "device_has_one_owner")
def shared_devices_are_kept(bench):
    def owners(records, _shared):
        return records.select("serialnumber", person("email").alias("_person"))

    return bench.patched((readings, "sole_owners", owners))


@mutation("step_trainer_trusted", "device_has_one_owner")
def only_consenting_owners_are_counted(bench):
    return bench.rows(customer_landing=bench.table("customer_trusted"))


@mutation("step_trainer_trusted", "device_has_one_owner")
def owners_from_records_of_the_future_are_not_counted(bench):
    records = bench.frames["customer_landing"]
    return bench.rows(customer_landing=records.where(F.col("lastupdatedate") <= AS_OF))


@mutation("step_trainer_trusted", "reconciles")
def somebody_with_two_spellings_is_taken_for_two_owners(bench):
    return bench.patched(*everywhere(only_trimmed))


@mutation("step_trainer_trusted", "reconciles")
def only_the_latest_device_of_a_person_counts(bench):
    devices = bench.frames["customer_curated"].select(F.col("serialnumber").alias("_of"))
    return bench.rows().join(devices, F.col("serialnumber") == F.col("_of"), "left_semi")


@mutation("step_trainer_trusted", "after_consent")
def steps_before_consent_are_kept(bench):
    customers = bench.frames["customer_curated"]
    return bench.rows(customer_curated=customers.withColumn(CONSENT, F.lit(1)))


@mutation("step_trainer_trusted", "reconciles")
def steps_in_the_instant_of_consent_are_left_out(bench):
    customers = bench.frames["customer_curated"]
    return bench.rows(customer_curated=customers.withColumn(CONSENT, F.col(CONSENT) + 1))


@mutation("step_trainer_trusted", "unique_rows")
def step_duplicates_are_kept(bench):
    return bench.rows().unionAll(bench.rows().limit(1))


@mutation("step_trainer_trusted", "as_delivered")
def distances_are_in_centimetres(bench):
    return bench.rows().withColumn("distancefromobject", F.floor(F.col("distancefromobject") / 10))


@mutation("step_trainer_trusted", "distancefromobject_in_range")
def distances_are_negative(bench):
    return bench.rows().withColumn("distancefromobject", -F.col("distancefromobject"))


@pytest.mark.parametrize("broken", MUTATIONS, ids=str)
def test_a_broken_transform_is_refused_by_the_rule_that_names_what_is_wrong(auditor, broken):
    refusing = auditor.refusing(broken.table, broken.make)
    assert set(broken.rules) <= set(refusing), refusing


def test_there_are_enough_of_them():
    assert len(MUTATIONS) >= 29


@pytest.mark.parametrize(
    "table",
    ["accelerometer_landing", "accelerometer_trusted", "step_trainer_landing", "step_trainer_trusted"],
)
def test_nothing_is_refused_if_nothing_is_broken(auditor, table):
    assert auditor.refusing(table) == {}
