"""The transform of paired readings broken in turn: the rule that names the mistake refuses the rows.

The oddities of the people who make a mistake show are explained in `scenario`.
"""

import pytest
from pyspark.sql import Window
from pyspark.sql import functions as F

from stedi_assets.transforms import machine_learning
from stedi_assets_tests.support.mutations import Mutations, first_day
from stedi_assets_tests.support.scenario import ADA

MUTATIONS = Mutations()
mutation = MUTATIONS.of


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


@pytest.mark.parametrize("broken", MUTATIONS, ids=str)
def test_a_broken_transform_is_refused_by_the_rule_that_names_what_is_wrong(auditor, broken):
    refusing = auditor.refusing(broken.table, broken.make)
    assert set(broken.rules) <= set(refusing), refusing


def test_there_are_enough_of_them():
    assert len(MUTATIONS) >= 15


@pytest.mark.parametrize("table", ["machine_learning_curated"])
def test_nothing_is_refused_if_nothing_is_broken(auditor, table):
    assert auditor.refusing(table) == {}
