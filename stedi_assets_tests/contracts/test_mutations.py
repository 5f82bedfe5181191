"""Every transform broken in turn: the audit refuses its rows, by the rule that says what is wrong.

Who makes which mistake show is told in `scenario`, where everybody is there for one oddity.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from stedi_assets.assets import TABLES
from stedi_assets.transforms import consent, machine_learning, readings
from stedi_assets.transforms.consent import CONSENT, person
from stedi_assets_tests.contracts.conftest import Bench
from stedi_assets_tests.support.scenario import ADA, AS_OF


@dataclass(frozen=True)
class Mutation:
    """A table made in a wrong way, and the rules that must refuse it."""

    table: str
    rules: tuple[str, ...]
    make: Callable[[Bench], DataFrame]


MUTATIONS: list[Mutation] = []


def mutation(table: str, *rules: str):
    """Registers the wrong way to make a table that the decorated function is named after."""

    def register(make: Callable[[Bench], DataFrame]) -> Callable[[Bench], DataFrame]:
        MUTATIONS.append(Mutation(table, rules, make))
        return make

    return register


def given(instant: Column) -> Column:
    """A condition on the consent that is never null."""
    return F.coalesce(instant, F.lit(False))


def as_delivered(email: str) -> Column:
    return F.col(email)


def only_lower(email: str) -> Column:
    return F.lower(F.col(email))


def only_trimmed(email: str) -> Column:
    return F.btrim(F.col(email), F.lit(consent.WHITESPACE))


def everywhere(how: Callable[[str], Column]):
    """Patches that make people known in another way."""
    return [(module, "person", how) for module in (consent, readings, machine_learning)]


def first_day(frame: DataFrame) -> DataFrame:
    return frame.where(F.col("event_date") == F.lit("2024-03-05").cast("date"))


# Who consents. -----------------------------------------------------------------------------------------


@mutation("customer_trusted", "consent_on_file")
def consent_is_not_asked_for(bench):
    return bench.patched((consent, "consents", lambda as_of: F.lit(True)))


@mutation("customer_trusted", "consent_on_file")
def consent_in_the_future_counts(bench):
    return bench.patched((consent, "consents", lambda as_of: given(F.col(CONSENT) > 0)))


@mutation("customer_trusted", "reconciles")
def consent_in_the_instant_of_the_run_does_not_count(bench):
    strictly = lambda as_of: given((F.col(CONSENT) > 0) & (F.col(CONSENT) < as_of))  # noqa: E731
    return bench.patched((consent, "consents", strictly))


@mutation("customer_trusted", "consent_on_file")
def zero_is_taken_for_consent(bench):
    return bench.patched((consent, "consents", lambda as_of: given(F.col(CONSENT).between(0, as_of))))


@mutation("customer_trusted", "consent_on_file")
def any_number_is_taken_for_consent(bench):
    return bench.patched((consent, "consents", lambda as_of: given(F.col(CONSENT) <= as_of)))


def ranked(bench, *order):
    """customer_trusted where another record of a person is the one that counts."""

    def latest_records(customers, as_of):
        ranks = F.row_number().over(Window.partitionBy(person("email")).orderBy(*order))
        return customers.where(F.col("lastupdatedate") <= as_of).withColumn("_r", ranks).where("_r = 1")

    return bench.patched((consent, "latest_records", latest_records))


@mutation("customer_trusted", "consent_on_file")
def the_first_record_counts(bench):
    return ranked(bench, F.col("lastupdatedate").asc())


@mutation("customer_trusted", "consent_on_file")
def of_contradicting_records_the_consent_counts(bench):
    return ranked(bench, F.col("lastupdatedate").desc(), F.col(CONSENT).desc_nulls_last())


@mutation("customer_trusted", "consent_on_file")
def of_two_consents_the_earlier_counts(bench):
    return ranked(
        bench, F.col("lastupdatedate").desc(), consent.consents(AS_OF).asc(), F.col(CONSENT).asc_nulls_last()
    )


@mutation("customer_trusted", "consent_on_file", "one_record_per_person")
def every_record_counts(bench):
    return bench.patched((consent, "latest_records", lambda customers, as_of: customers))


@mutation("customer_trusted", "consent_on_file")
def records_dated_after_the_run_count(bench):
    later = bench.run.__class__(bench.run.id, AS_OF + 1, bench.run.policy)
    return bench.genuine(bench.frames, later)


@mutation("customer_trusted", "consent_on_file")
def records_of_the_instant_of_the_run_do_not_count(bench):
    customers = bench.frames["customer_landing"]
    return bench.rows(customer_landing=customers.where(F.col("lastupdatedate") < AS_OF))


@mutation("customer_trusted", "consent_on_file", "one_record_per_person")
def emails_are_compared_with_case(bench):
    return bench.patched(*everywhere(only_trimmed))


@mutation("customer_trusted", "consent_on_file")
def emails_are_compared_with_spaces(bench):
    return bench.patched(*everywhere(only_lower))


@mutation("customer_trusted", "consent_on_file")
def held_people_are_kept(bench):
    return bench.rows(quarantine=bench.frames["quarantine"].limit(0))


@mutation("customer_trusted", "reconciles")
def somebody_is_left_out(bench):
    return bench.rows().where(F.col("email") != ADA)


@mutation("customer_trusted", "consent_on_file")
def the_registration_is_shown_as_the_consent(bench):
    return bench.rows().withColumn(CONSENT, F.col("registrationdate") - 1)


@mutation("customer_trusted", "as_delivered")
def people_get_the_devices_of_others(bench):
    return bench.rows().withColumn("serialnumber", F.reverse("serialnumber"))


def swapped(customers: DataFrame) -> DataFrame:
    """Customers with the consents for the public and for friends in each other's place."""
    public, friends = F.col("sharewithpublicasofdate"), F.col("sharewithfriendsasofdate")
    return customers.withColumns({"sharewithpublicasofdate": friends, "sharewithfriendsasofdate": public})


@mutation("customer_trusted", "as_delivered")
def public_and_friends_are_swapped_where_one_is_null(bench):
    return swapped(bench.rows())


@mutation("customer_trusted", "no_missing_values")
def a_column_is_empty(bench):
    return bench.rows().withColumn("phone", F.lit(None).cast("string"))


# accelerometer_trusted. --------------------------------------------------------------------------------


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


# customer_curated. -------------------------------------------------------------------------------------


@mutation("customer_curated", "has_readings")
def customers_without_readings_are_kept(bench):
    return bench.frames["customer_trusted"]


@mutation("customer_curated", "has_readings")
def readings_from_before_consent_make_somebody_curated(bench):
    later = F.col("last_instant") + 1_000 * 86_400_000
    return bench.rows(activity=bench.frames["activity"].withColumn("last_instant", later))


@mutation("customer_curated", "one_record_per_person")
def everybody_is_there_once_per_reading(bench):
    users = bench.table("accelerometer_trusted").select(person("user").alias("_user"))
    return bench.frames["customer_trusted"].join(users, person("email") == F.col("_user")).drop("_user")


@mutation("customer_curated", "reconciles")
def curated_customers_are_found_with_case_only(bench):
    return bench.patched(*everywhere(only_trimmed))


@mutation("customer_curated", "as_delivered")
def curated_public_and_friends_are_swapped_where_one_is_null(bench):
    return swapped(bench.rows())


@mutation("customer_curated", "reconciles")
def curated_customers_are_lost(bench):
    return bench.rows().where(F.col("email") != ADA)


# step_trainer_trusted. ---------------------------------------------------------------------------------


@mutation("step_trainer_trusted", "only_consenting_people")
def steps_of_everybody_are_kept(bench):
    return bench.frames["step_trainer_landing"].drop("source_file", "batch_id").distinct()


@mutation("step_trainer_trusted", "reconciles")
def steps_are_joined_to_customer_trusted(bench):
    return bench.rows(customer_curated=bench.table("customer_trusted"))


@mutation("step_trainer_trusted", "device_has_one_owner")
def shared_devices_are_kept(bench):
    owners = lambda records: records.select("serialnumber", person("email").alias("_person"))  # noqa: E731
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


# machine_learning_curated. -----------------------------------------------------------------------------


@mutation("machine_learning_curated", "one_person_per_row")
def rows_are_paired_by_the_instant_only(bench):
    return machine_learning.paired_readings(*bench.frames.values(), "reference")


@mutation("machine_learning_curated", "one_person_per_row")
def rows_are_paired_with_the_device_of_another_person(bench):
    customers = bench.frames["customer_curated"]
    nearest = F.lead("serialnumber").over(Window.partitionBy(F.lit(1)).orderBy("email"))
    return bench.rows(customer_curated=customers.withColumn("serialnumber", nearest))


@mutation("machine_learning_curated", "no_direct_identifiers", "subject_id_format")
def the_email_is_kept_as_the_subject(bench):
    return bench.rows(subjects=bench.frames["subjects"].withColumn("subject_id", F.col("_person")))


@mutation("machine_learning_curated", "no_direct_identifiers")
def the_pseudonym_is_a_hash_without_a_key(bench):
    hashed = F.sha2(F.col("_person"), 256)
    return bench.rows(subjects=bench.frames["subjects"].withColumn("subject_id", hashed))


@mutation("machine_learning_curated", "subject_id_format", "no_direct_identifiers")
def pseudonyms_are_in_capitals(bench):
    return bench.rows().withColumn("subject_id", F.upper("subject_id"))


@mutation("machine_learning_curated", "no_direct_identifiers", "split_allowed")
def the_device_is_in_another_column(bench):
    return bench.rows().withColumn("split", F.lit(f"Device of {ADA} "))


@mutation("machine_learning_curated", "one_person_per_row", "after_consent")
def people_get_the_pseudonyms_of_others(bench):
    nearest = F.lead("subject_id").over(Window.partitionBy(F.lit(1)).orderBy("_person"))
    return bench.rows(subjects=bench.frames["subjects"].withColumn("subject_id", nearest).dropna())


@mutation("machine_learning_curated", "one_split_per_subject")
def every_row_has_its_own_split(bench):
    by_chance = F.when(F.col("x") < 0.2, "train").otherwise("test")
    return bench.rows().withColumn("split", by_chance)


@mutation("machine_learning_curated", "one_split_per_subject")
def the_split_is_that_of_another_salt(bench):
    by_name = F.when(F.col("_person") < "m", "train").otherwise("test")
    return bench.rows(subjects=bench.frames["subjects"].withColumn("split", by_name))


@mutation("machine_learning_curated", "one_person_per_row")
def axes_are_swapped(bench):
    return bench.rows().withColumns({"x": F.col("y"), "y": F.col("x")})


@mutation("machine_learning_curated", "one_person_per_row")
def distances_of_the_pairs_are_in_centimetres(bench):
    return bench.rows().withColumn("distancefromobject", F.floor(F.col("distancefromobject") / 10))


@mutation("machine_learning_curated", "one_person_per_row", "reconciles")
def pairs_are_there_twice(bench):
    return bench.rows().unionAll(bench.rows())


@mutation("machine_learning_curated", "reconciles")
def of_the_pairs_of_an_instant_one_is_kept(bench):
    return bench.rows().dropDuplicates(["subject_id", "timestamp"])


@mutation("machine_learning_curated", "reconciles")
def a_day_of_pairs_is_lost(bench):
    return first_day(bench.rows())


@mutation("machine_learning_curated", "event_date_is_day_of_timestamp")
def pairs_lie_on_the_day_before(bench):
    return bench.rows().withColumn("event_date", F.date_sub("event_date", 1))


@pytest.mark.parametrize("broken", MUTATIONS, ids=lambda broken: broken.make.__name__)
def test_a_broken_transform_is_refused_by_the_rule_that_names_what_is_wrong(auditor, broken):
    refusing = auditor.refusing(broken.table, broken.make)
    assert set(broken.rules) <= set(refusing), refusing


def test_there_are_enough_of_them():
    assert len(MUTATIONS) >= 25
    assert len({broken.make for broken in MUTATIONS}) == len(MUTATIONS)


@pytest.mark.parametrize("table", TABLES)
def test_nothing_is_refused_where_nothing_is_broken(auditor, table):
    assert auditor.refusing(table) == {}
