"""Who is in customer_trusted and customer_curated, and who owns which device."""

import itertools
from collections import Counter

import pytest
from pyspark.sql import SparkSession

from stedi_assets import tables
from stedi_assets.transforms import consent
from stedi_assets.transforms.held import held_people
from stedi_assets_tests.support import frames, scenario
from stedi_assets_tests.support.frames import customer_landing
from stedi_assets_tests.support.oracle import Customer, Tables
from stedi_assets_tests.support.scenario import AS_OF, LATER, LATEST, REGISTERED, record


def latest(spark: SparkSession, *records: Customer) -> list[Customer]:
    return frames.latest_records(spark, records, AS_OF)


def trusted(
    spark: SparkSession, *records: Customer, as_of: int = AS_OF, held: tuple[str, ...] = ()
) -> list[Customer]:
    people = held_people(frames.quarantine(spark, *held))
    found = consent.consenting_people(customer_landing(spark, *records), people, as_of)
    return frames.rows_of(tables.CUSTOMER_TRUSTED, found)


def owners(spark: SparkSession, *records: Customer) -> dict[str, str]:
    found = consent.sole_owners(customer_landing(spark, *records))
    return {row["serialnumber"]: row["_person"] for row in found.collect()}


def next_change(spark: SparkSession, *records: Customer, as_of: int = AS_OF) -> int | None:
    [row] = consent.next_change(customer_landing(spark, *records), as_of).collect()
    return row["instant"]


TRUSTED = {
    scenario.ADA,
    scenario.NOW,
    scenario.EDGE,
    scenario.GAVE_AGAIN,
    scenario.WITHDRAWS_LATER,
    scenario.MANY_RECORDS,
    scenario.TIE_OF_CONSENTS,
    scenario.TIE_OF_ALL,
    scenario.LATE,
    scenario.SILENT,
    scenario.BASIL,
    scenario.SIGMA,
    scenario.DOTTED,
    scenario.PADDED,
    scenario.SHARER,
    scenario.CONSENTING_SHARER,
    scenario.SELLER,
    scenario.BUYER,
    scenario.OWNER,
    scenario.CARA_SHOUTED,  # the latest record spells it so
    scenario.UPGRADER,
    scenario.TWICE,
    scenario.BUSY,
    scenario.NIGHT,
    scenario.BEFORE_1970,
}


def test_consenting_people_are_trusted_once_and_nobody_else(strict: Tables) -> None:
    assert sorted(customer.email for customer in strict.customer_trusted) == sorted(TRUSTED)


def test_a_held_person_is_out_whatever_the_spelling_and_nobody_else(spark: SparkSession) -> None:
    records = [
        record(email, REGISTERED)
        for email in (scenario.ADA, scenario.SIGMA, scenario.PADDED, scenario.DOTTED)
    ]
    assert Counter(trusted(spark, *records)) == Counter(records)
    held = (scenario.SIGMA_LOWER_CASE, scenario.BARE, scenario.UNDOTTED)
    assert Counter(trusted(spark, *records, held=held)) == Counter([records[0], records[3]])


def test_both_policies_trust_the_same_customers(strict: Tables, reference: Tables) -> None:
    assert sorted(reference.customer_trusted) == sorted(strict.customer_trusted)


def test_curated_under_strict_are_those_with_a_reading_at_or_after_their_consent(strict: Tables) -> None:
    without = {scenario.LATE, scenario.SILENT, scenario.BEFORE_1970}
    assert {customer.email for customer in strict.customer_curated} == TRUSTED - without


def test_curated_under_reference_are_those_with_any_reading(reference: Tables) -> None:
    assert {customer.email for customer in reference.customer_curated} == TRUSTED - {scenario.SILENT}


def test_a_curated_customer_is_the_trusted_one_unchanged(strict: Tables) -> None:
    assert set(strict.customer_curated) <= set(strict.customer_trusted)
    assert len(strict.customer_curated) == len(set(strict.customer_curated))


@pytest.mark.parametrize(
    ("given", "trusted_then"),
    [(None, False), (0, False), (-1, False), (1, True), (AS_OF - 1, True), (AS_OF, True), (AS_OF + 1, False)],
)
def test_consent_is_a_positive_instant_not_after_the_run(
    spark: SparkSession, given: int | None, trusted_then: bool
) -> None:
    assert bool(trusted(spark, record(scenario.ADA, given))) is trusted_then


def test_the_record_of_the_latest_date_counts_with_all_its_columns(strict: Tables) -> None:
    [customer] = [c for c in strict.customer_trusted if c.email == scenario.MANY_RECORDS]
    assert customer == record(scenario.MANY_RECORDS, REGISTERED + 2, LATEST, phone="5")


def test_consent_given_again_counts_from_the_second_time(strict: Tables) -> None:
    [customer] = [c for c in strict.customer_trusted if c.email == scenario.GAVE_AGAIN]
    assert customer.sharewithresearchasofdate == LATER


@pytest.mark.parametrize(("as_of", "still"), [(LATER - 1, True), (LATER, False), (LATER + 1, False)])
def test_a_withdrawal_counts_from_its_own_millisecond(spark: SparkSession, as_of: int, still: bool) -> None:
    records = record(scenario.ADA, REGISTERED), record(scenario.ADA, None, LATER)
    assert bool(trusted(spark, *records, as_of=as_of)) is still


def test_a_person_whose_records_all_lie_in_the_future_has_none(spark: SparkSession) -> None:
    assert latest(spark, record(scenario.ADA, REGISTERED, AS_OF + 1)) == []


def test_a_consent_that_has_yet_to_begin_hides_the_older_one(spark: SparkSession) -> None:
    records = record(scenario.ADA, REGISTERED), record(scenario.ADA, AS_OF + 1, LATER)
    assert trusted(spark, *records) == []


@pytest.mark.parametrize("refusal", [None, 0, -1, AS_OF + 1])
def test_of_records_with_one_date_the_one_without_consent_wins(
    spark: SparkSession, refusal: int | None
) -> None:
    refusing = record(scenario.ADA, refusal, LATER)
    agreeing = [record(scenario.ADA, REGISTERED, LATER), record(scenario.ADA, LATER, LATER)]
    assert latest(spark, agreeing[0], refusing, agreeing[1]) == [refusing]


def test_of_consents_with_one_date_the_later_one_wins(spark: SparkSession) -> None:
    early, late = record(scenario.ADA, REGISTERED, LATER), record(scenario.ADA, REGISTERED + 1, LATER)
    assert latest(spark, early, late) == latest(spark, late, early) == [late]


def test_of_equal_consents_the_first_by_all_columns_wins_in_any_order_of_delivery(
    spark: SparkSession,
) -> None:
    records = [
        record(scenario.ADA, REGISTERED, phone="1", serial="s1")._replace(sharewithpublicasofdate=LATER),
        record(scenario.ADA, REGISTERED, phone="1", serial="s2"),
        record(scenario.ADA, REGISTERED, phone="2", serial="s0"),
        record(scenario.ADA, REGISTERED, phone="1", serial="s1"),
    ]
    for delivery in itertools.permutations(records):
        assert latest(spark, *delivery) == [records[3]]


def test_a_capital_comes_before_a_small_letter_when_all_columns_decide(spark: SparkSession) -> None:
    shouted, spoken = (
        record("ADA@example.com", REGISTERED, serial="s"),
        record(scenario.ADA, REGISTERED, serial="s"),
    )
    assert latest(spark, spoken, shouted) == [shouted]


def test_two_spellings_of_an_email_are_one_person(spark: SparkSession) -> None:
    for spelling, other in (
        (scenario.BASIL, scenario.BASIL_SHOUTED),
        (scenario.SIGMA, scenario.SIGMA_LOWER_CASE),
        (scenario.DOTTED, scenario.DOTTED_LOWER_CASE),
        (scenario.PADDED, scenario.BARE),
    ):
        withdrawal = record(other, None, LATER)
        assert latest(spark, record(spelling, REGISTERED), withdrawal) == [withdrawal]


def test_what_no_one_sees_in_an_email_makes_no_other_person(spark: SparkSession) -> None:
    spelling = "\u200b ada@exam\u00adple.com\ufeff"
    withdrawal = record(spelling, None, LATER)
    assert latest(spark, record("ada@example.com", REGISTERED), withdrawal) == [withdrawal]


def test_emails_that_differ_in_more_than_case_and_margins_are_two_people(spark: SparkSession) -> None:
    people = [
        scenario.DOTTED,
        scenario.UNDOTTED,
        "a b@example.com",
        "ab@example.com",
        scenario.ADA,
    ]
    assert {c.email for c in latest(spark, *(record(email, None) for email in people))} == set(people)


def test_a_device_that_one_person_ever_registered_is_theirs(spark: SparkSession) -> None:
    assert owners(spark, *scenario.WORLD.customers) == {
        **{
            scenario.device(email): email
            for email in (
                scenario.ADA,
                scenario.MISSING,
                scenario.ZERO,
                scenario.NEGATIVE,
                scenario.FUTURE,
                scenario.NOW,
                scenario.EDGE,
                scenario.WITHDREW,
                scenario.WITHDREW_WITH_ZERO,
                scenario.GAVE_AGAIN,
                scenario.WITHDRAWS_LATER,
                scenario.WITHDRAWS_NOW,
                scenario.MANY_RECORDS,
                scenario.TIE_WITHOUT,
                scenario.TIE_OF_CONSENTS,
                scenario.TIE_OF_ALL,
                scenario.LATE,
                scenario.SILENT,
                scenario.HELD,
                scenario.BASIL,
                scenario.UNDOTTED,
                scenario.COY,
                scenario.SELLER,
                scenario.TWICE,
                scenario.BUSY,
                scenario.NIGHT,
                scenario.BEFORE_1970,
            )
        },
        scenario.device(scenario.SIGMA): scenario.SIGMA_LOWER_CASE,
        scenario.device(scenario.DOTTED): scenario.DOTTED_LOWER_CASE,
        scenario.device(scenario.PADDED): scenario.BARE,
        scenario.TWO_SPELLINGS: scenario.CARA,
        scenario.FIRST_DEVICE: scenario.UPGRADER,
        scenario.SECOND_DEVICE: scenario.UPGRADER,
    }


def test_the_next_change_is_the_first_record_or_consent_after_the_run(spark: SparkSession) -> None:
    records = record(scenario.ADA, AS_OF + 5), record(scenario.BASIL, None, AS_OF + 3)
    assert next_change(spark, *records, as_of=AS_OF) == AS_OF + 3
    assert next_change(spark, *records, as_of=AS_OF + 3) == AS_OF + 5
    assert next_change(spark, *records, as_of=AS_OF + 5) is None


def test_time_alone_changes_nothing_where_nothing_lies_ahead(spark: SparkSession) -> None:
    assert next_change(spark, record(scenario.ADA, None), record(scenario.BASIL, AS_OF)) is None


def test_no_records_make_no_people_and_no_owners(spark: SparkSession) -> None:
    assert latest(spark) == trusted(spark) == []
    assert owners(spark) == {}
    assert next_change(spark) is None


def test_without_readings_nobody_is_curated(spark: SparkSession) -> None:
    people = frames.table(spark, tables.CUSTOMER_TRUSTED, [record(scenario.ADA, REGISTERED)])
    silence = frames.table(spark, tables.ACCELEROMETER_TRUSTED, [])
    assert consent.people_with_readings(people, silence).count() == 0


def test_people_are_counted_once_by_what_is_known_of_their_consent(spark: SparkSession) -> None:
    records = [
        record(scenario.ADA, REGISTERED),
        record(scenario.CARA_SHOUTED, REGISTERED),
        record(scenario.CARA_SHOUTED.lower(), None, LATER),
        record(scenario.NOW, AS_OF + 1),
        record(scenario.SILENT, None),
        record(scenario.LATE, 0),
        record(scenario.BASIL, REGISTERED),
        record(scenario.EDGE, REGISTERED, AS_OF + 1),  # a record that is not yet in force
    ]
    held = held_people(frames.quarantine(spark, scenario.BASIL, "unknown@example.com"))
    counted = consent.people_by_consent(customer_landing(spark, *records), held, AS_OF)
    assert {row["state"]: row["people"] for row in counted.collect()} == {
        "consenting": 1,
        "withdrew": 1,
        "not yet": 1,
        "never": 3,
        "held": 2,
    }


def test_a_device_of_one_person_in_two_spellings_is_not_shared(spark: SparkSession) -> None:
    records = [
        record(scenario.CARA_SHOUTED, REGISTERED, serial="hers"),
        record(scenario.CARA_SHOUTED.lower(), REGISTERED, serial="hers"),
        record(scenario.ADA, None, serial="both"),
        record(scenario.BASIL, REGISTERED, serial="both"),
    ]
    shared = consent.shared_devices(customer_landing(spark, *records))
    assert [row["serialnumber"] for row in shared.collect()] == ["both"]
