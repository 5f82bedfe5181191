"""The transforms of customers broken in turn: the rule that names the mistake refuses the rows.

The oddities of the people who make a mistake show are explained in `scenario`.
"""

import pytest
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from stedi_assets.transforms import consent
from stedi_assets.transforms.consent import CONSENT, person
from stedi_assets_tests.support.mutations import Mutations, everywhere, given, only_lower, only_trimmed
from stedi_assets_tests.support.scenario import ADA, AS_OF

MUTATIONS = Mutations()
mutation = MUTATIONS.of


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
    return bench.rows().withColumn("serialnumber", F.lit(None).cast("string"))


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


@pytest.mark.parametrize("broken", MUTATIONS, ids=str)
def test_a_broken_transform_is_refused_by_the_rule_that_names_what_is_wrong(auditor, broken):
    refusing = auditor.refusing(broken.table, broken.make)
    assert set(broken.rules) <= set(refusing), refusing


def test_there_are_enough_of_them():
    assert len(MUTATIONS) >= 25


@pytest.mark.parametrize("table", ["customer_landing", "customer_trusted", "customer_curated"])
def test_nothing_is_refused_if_nothing_is_broken(auditor, table):
    assert auditor.refusing(table) == {}
