"""Which pairs of readings machine learning gets."""

from collections import Counter

import pytest
from pyspark.sql import SparkSession

from stedi_assets_tests.support import frames, scenario
from stedi_assets_tests.support.oracle import Policy, SubjectReading, Tables, World, canonical, subject_id
from stedi_assets_tests.support.scenario import (
    AS_OF,
    KEYS,
    LATER,
    LATEST,
    REGISTERED,
    WALKED,
    acceleration,
    device,
    record,
    step,
)


def subject(email: str) -> str:
    return subject_id(canonical(email), KEYS.pseudonym)


def measured(published: Tables, email: str) -> Counter[tuple[int, float, int]]:
    """Instant, x and distance of a person's rows."""
    return Counter(
        (row.timestamp, row.x, row.distancefromobject)
        for row in published.machine_learning_curated
        if row.subject_id == subject(email)
    )


def pairs(
    spark: SparkSession, world: World, policy: Policy = "strict"
) -> Counter[tuple[str, int, float, int]]:
    rows = frames.refreshed(spark, world, policy, AS_OF, KEYS).machine_learning_curated
    return Counter((row.subject_id, row.timestamp, row.x, row.distancefromobject) for row in rows)


def test_who_is_in_the_machine_learning_table(strict: Tables) -> None:
    assert {row.subject_id for row in strict.machine_learning_curated} == {
        subject(email)
        for email in (
            scenario.ADA,
            scenario.NOW,
            scenario.EDGE,
            scenario.GAVE_AGAIN,
            scenario.WITHDRAWS_LATER,
            scenario.MANY_RECORDS,
            scenario.TIE_OF_CONSENTS,
            scenario.TIE_OF_ALL,
            scenario.BASIL,
            scenario.SIGMA,
            scenario.DOTTED,
            scenario.BARE,
            scenario.SELLER,
            scenario.CARA,
            scenario.UPGRADER,
            scenario.TWICE,
            scenario.BUSY,
            scenario.NIGHT,
        )
    }


def test_a_row_holds_what_both_sensors_measured(spark: SparkSession) -> None:
    world = World(
        [record(scenario.ADA, REGISTERED)],
        [acceleration(scenario.ADA, x=0.25)],
        [step(device(scenario.ADA), distance=321)],
    )
    [row] = frames.refreshed(spark, world, "strict", AS_OF, KEYS).machine_learning_curated
    assert row == SubjectReading(subject(scenario.ADA), WALKED, 0.25, 0.0, -1.0, 321, row.split)
    assert row.split in {"train", "validation", "test"}


def test_readings_of_one_instant_are_all_paired(strict: Tables) -> None:
    assert measured(strict, scenario.BUSY) == {
        (WALKED, x, distance): 1 for x in (0.1, 0.2, 0.3) for distance in (100, 300)
    }


def test_duplicates_are_paired_once_and_near_duplicates_each(strict: Tables) -> None:
    assert measured(strict, scenario.TWICE) == {(WALKED, 0.5, 200): 1, (WALKED, 0.25, 200): 1}


def test_a_reading_known_under_two_spellings_is_paired_twice(strict: Tables) -> None:
    assert measured(strict, scenario.BASIL) == {(WALKED, 0.5, 200): 2}


def test_only_instants_at_or_after_the_consent_are_paired(strict: Tables) -> None:
    assert measured(strict, scenario.EDGE) == {(LATER, 0.5, 200): 1, (LATER + 1, 0.5, 200): 1}
    assert measured(strict, scenario.GAVE_AGAIN) == {(LATEST, 0.5, 200): 1}


def test_readings_are_paired_on_either_side_of_midnight(strict: Tables) -> None:
    assert measured(strict, scenario.NIGHT) == {(LATER - 1, 0.5, 200): 1, (LATER, 0.5, 200): 1}


def test_the_older_device_of_a_person_is_not_paired(spark: SparkSession) -> None:
    world = World(
        [
            record(scenario.UPGRADER, REGISTERED, serial=scenario.FIRST_DEVICE),
            record(scenario.UPGRADER, REGISTERED, LATER, serial=scenario.SECOND_DEVICE),
        ],
        [acceleration(scenario.UPGRADER)],
        [step(scenario.FIRST_DEVICE, distance=111), step(scenario.SECOND_DEVICE, distance=222)],
    )
    assert pairs(spark, world) == {(subject(scenario.UPGRADER), WALKED, 0.5, 222): 1}


TWO_WALKERS = World(
    [record(scenario.ADA, REGISTERED), record(scenario.BASIL, REGISTERED)],
    [acceleration(scenario.ADA, x=0.1), acceleration(scenario.BASIL_SHOUTED, x=0.2)],
    [step(device(scenario.ADA), distance=100), step(device(scenario.BASIL), distance=200)],
)


def test_strict_never_pairs_two_people_who_walk_in_one_instant(spark: SparkSession) -> None:
    assert pairs(spark, TWO_WALKERS) == {
        (subject(scenario.ADA), WALKED, 0.1, 100): 1,
        (subject(scenario.BASIL), WALKED, 0.2, 200): 1,
    }


def test_reference_pairs_everybody_who_walks_in_one_instant(spark: SparkSession) -> None:
    assert pairs(spark, TWO_WALKERS, "reference") == {
        (subject(email), WALKED, x, distance): 1
        for email, x in ((scenario.ADA, 0.1), (scenario.BASIL, 0.2))
        for distance in (100, 200)
    }


def test_instants_one_millisecond_apart_are_not_paired(spark: SparkSession) -> None:
    world = World(
        [record(scenario.ADA, REGISTERED)],
        [acceleration(scenario.ADA, WALKED)],
        [step(device(scenario.ADA), WALKED + 1)],
    )
    for policy in ("strict", "reference"):
        assert pairs(spark, world, policy) == {}


@pytest.mark.parametrize("policy", ["strict", "reference"])
def test_of_an_empty_landing_zone_every_table_is_empty(spark: SparkSession, policy: Policy) -> None:
    published = frames.refreshed(spark, scenario.EMPTY, policy, AS_OF, KEYS)
    assert published == Tables([], [], [], [], [])


@pytest.mark.parametrize("policy", ["strict", "reference"])
@pytest.mark.parametrize("missing", ["customers", "accelerometer", "step_trainer"])
def test_without_one_of_the_sources_nothing_is_paired(
    spark: SparkSession, missing: str, policy: Policy
) -> None:
    assert pairs(spark, TWO_WALKERS._replace(**{missing: []}), policy) == {}
