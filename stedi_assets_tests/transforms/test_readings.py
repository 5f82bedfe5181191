"""Which readings are trusted."""

from collections import Counter
from datetime import date

import pytest
from pyspark.sql import SparkSession

from stedi_assets import tables
from stedi_assets.lake.ingestion.records import with_event_date
from stedi_assets.transforms import readings
from stedi_assets_tests.support import frames, scenario
from stedi_assets_tests.support.oracle import Tables
from stedi_assets_tests.support.scenario import (
    AS_OF,
    LATER,
    LATEST,
    REGISTERED,
    WALKED,
    acceleration,
    device,
    instant,
    record,
    step,
)


def walks(published: Tables, email: str) -> list[int]:
    """The instants of the trusted accelerometer readings under one spelling of an email."""
    return sorted(reading.timestamp for reading in published.accelerometer_trusted if reading.user == email)


def steps(published: Tables, serial: str) -> list[int]:
    """The instants of the trusted readings of a device."""
    return sorted(
        reading.sensorreadingtime
        for reading in published.step_trainer_trusted
        if reading.serialnumber == serial
    )


NOT_CONSENTING = [
    scenario.MISSING,
    scenario.ZERO,
    scenario.NEGATIVE,
    scenario.FUTURE,
    scenario.WITHDREW,
    scenario.WITHDREW_WITH_ZERO,
    scenario.WITHDRAWS_NOW,
    scenario.TIE_WITHOUT,
    scenario.UNDOTTED,
    scenario.COY,
    scenario.REFUSING_SHARER,
    scenario.NEXT_OWNER,
    scenario.STRANGER,
]


@pytest.mark.parametrize("email", NOT_CONSENTING)
def test_nothing_of_a_person_without_consent_is_trusted(
    strict: Tables, reference: Tables, email: str
) -> None:
    for published in (strict, reference):
        assert walks(published, email) == []
        assert steps(published, device(email)) == []


def test_readings_count_from_the_millisecond_of_the_consent(strict: Tables) -> None:
    assert walks(strict, scenario.EDGE) == [LATER, LATER + 1]
    assert steps(strict, device(scenario.EDGE)) == [LATER, LATER + 1]


def test_a_consent_in_the_millisecond_of_the_run_allows_a_reading_in_it(strict: Tables) -> None:
    assert walks(strict, scenario.NOW) == [AS_OF]
    assert steps(strict, device(scenario.NOW)) == [AS_OF]


def test_after_consent_was_given_again_older_readings_stay_out(strict: Tables) -> None:
    for email in (scenario.GAVE_AGAIN, scenario.TIE_OF_CONSENTS):
        assert walks(strict, email) == [LATEST]
        assert steps(strict, device(email)) == [LATEST]


def test_a_withdrawal_dated_after_the_run_does_not_count_yet(strict: Tables) -> None:
    assert walks(strict, scenario.WITHDRAWS_LATER) == [WALKED]


def test_who_comes_after_their_readings_has_none_under_strict(strict: Tables) -> None:
    assert walks(strict, scenario.LATE) == steps(strict, device(scenario.LATE)) == []


def test_who_comes_after_their_readings_has_them_under_reference(reference: Tables) -> None:
    assert walks(reference, scenario.LATE) == steps(reference, device(scenario.LATE)) == [WALKED]


def test_a_customer_record_that_comes_later_brings_the_readings_that_lay_waiting(
    spark: SparkSession,
) -> None:
    landed = frames.accelerometer_landing(spark, acceleration(scenario.ADA))
    before, after = (
        readings.consented_accelerometer(
            landed, frames.table(spark, tables.CUSTOMER_TRUSTED, customers), "strict"
        ).count()
        for customers in ([], [record(scenario.ADA, REGISTERED, LATEST)])
    )
    assert (before, after) == (0, 1)


def test_reference_trusts_readings_from_before_the_consent(reference: Tables) -> None:
    assert walks(reference, scenario.EDGE) == [LATER - 1, LATER, LATER + 1]
    assert steps(reference, device(scenario.EDGE)) == [LATER - 1, LATER, LATER + 1]
    assert walks(reference, scenario.BEFORE_1970) == [-1]


def test_a_reading_from_before_1970_precedes_every_consent(strict: Tables) -> None:
    assert walks(strict, scenario.BEFORE_1970) == []
    assert steps(strict, device(scenario.BEFORE_1970)) == []


def test_readings_under_another_spelling_are_trusted_and_keep_it(strict: Tables) -> None:
    assert walks(strict, scenario.BASIL_SHOUTED) == [WALKED]
    assert walks(strict, scenario.SIGMA_LOWER_CASE) == [WALKED]
    assert walks(strict, scenario.DOTTED_LOWER_CASE) == [WALKED]
    assert walks(strict, scenario.BARE) == [WALKED]


def test_steps_of_a_person_known_under_another_spelling_are_trusted(strict: Tables) -> None:
    for email in (scenario.BASIL, scenario.SIGMA, scenario.DOTTED, scenario.PADDED):
        assert steps(strict, device(email)) == [WALKED]


def test_the_same_reading_under_two_spellings_is_no_exact_duplicate(strict: Tables) -> None:
    assert walks(strict, scenario.BASIL) == walks(strict, scenario.BASIL_SHOUTED) == [WALKED]


def test_exact_duplicates_count_once_and_near_duplicates_each(strict: Tables, reference: Tables) -> None:
    for published in (strict, reference):
        walked = Counter(r for r in published.accelerometer_trusted if r.user == scenario.TWICE)
        assert walked == {acceleration(scenario.TWICE, x=0.5): 1, acceleration(scenario.TWICE, x=0.25): 1}
        serial = device(scenario.TWICE)
        stepped = Counter(r for r in published.step_trainer_trusted if r.serialnumber == serial)
        assert stepped == {step(serial): 1, step(serial, WALKED + 1): 1}


def test_readings_that_share_an_instant_all_stay(strict: Tables) -> None:
    assert walks(strict, scenario.BUSY) == [WALKED] * 3
    assert steps(strict, device(scenario.BUSY)) == [WALKED] * 2


@pytest.mark.parametrize("serial", [scenario.SHARED, scenario.HANDED_DOWN, scenario.SOLD_LATER])
def test_a_device_of_two_people_is_nobodys(strict: Tables, serial: str) -> None:
    assert steps(strict, serial) == []


@pytest.mark.parametrize("serial", [scenario.SHARED, scenario.HANDED_DOWN, scenario.SOLD_LATER])
def test_reference_trusts_a_device_of_anyone_curated(reference: Tables, serial: str) -> None:
    assert steps(reference, serial) == [WALKED]


def test_people_who_share_a_device_keep_their_own_accelerometer_readings(strict: Tables) -> None:
    for email in (
        scenario.SHARER,
        scenario.CONSENTING_SHARER,
        scenario.SELLER,
        scenario.BUYER,
        scenario.OWNER,
    ):
        assert walks(strict, email) == [WALKED]


def test_a_device_registered_under_two_spellings_has_one_owner(strict: Tables) -> None:
    assert steps(strict, scenario.TWO_SPELLINGS) == [WALKED]


def test_both_devices_of_a_person_are_theirs_under_strict(strict: Tables) -> None:
    assert steps(strict, scenario.FIRST_DEVICE) == steps(strict, scenario.SECOND_DEVICE) == [WALKED]


def test_reference_knows_only_the_device_of_the_latest_record(reference: Tables) -> None:
    assert steps(reference, scenario.FIRST_DEVICE) == []
    assert steps(reference, scenario.SECOND_DEVICE) == [WALKED]


def test_a_device_of_somebody_without_accelerometer_readings_stays_out(
    strict: Tables, reference: Tables
) -> None:
    assert steps(strict, device(scenario.SILENT)) == steps(reference, device(scenario.SILENT)) == []


def test_a_device_that_nobody_registered_stays_out(strict: Tables, reference: Tables) -> None:
    assert steps(strict, scenario.UNREGISTERED) == steps(reference, scenario.UNREGISTERED) == []


def test_serial_numbers_are_matched_as_delivered(spark: SparkSession) -> None:
    customer = record(scenario.ADA, REGISTERED, serial="Serial")
    kept = readings.consented_step_trainer(
        frames.step_trainer_landing(spark, step("serial"), step("Serial "), step("Serial")),
        frames.table(spark, tables.CUSTOMER_CURATED, [customer]),
        frames.customer_landing(spark, customer),
        "strict",
    )
    assert frames.rows_of(tables.STEP_TRAINER_TRUSTED, kept) == [step("Serial")]


@pytest.mark.parametrize("policy", ["strict", "reference"])
def test_trusted_readings_say_nothing_of_how_they_were_delivered(spark: SparkSession, policy: str) -> None:
    records = frames.customer_landing(spark, record(scenario.ADA, REGISTERED))
    people = frames.table(spark, tables.CUSTOMER_CURATED, [record(scenario.ADA, REGISTERED)])
    walked, stepped = frames.accelerometer_landing(spark), frames.step_trainer_landing(spark)
    accelerometer = readings.consented_accelerometer(walked, people, policy)
    step_trainer = readings.consented_step_trainer(stepped, people, records, policy)
    assert accelerometer.columns == ["user", "timestamp", "x", "y", "z", "event_date"]
    assert step_trainer.columns == ["sensorreadingtime", "serialnumber", "distancefromobject", "event_date"]


@pytest.mark.parametrize("policy", ["strict", "reference"])
def test_of_empty_tables_nothing_is_trusted(spark: SparkSession, policy: str) -> None:
    ada = record(scenario.ADA, REGISTERED)
    for records in ([], [ada]):
        people = frames.table(spark, tables.CUSTOMER_CURATED, records)
        landed = frames.customer_landing(spark, *records)
        for walked, stepped in (([], []), ([acceleration("other")], [step("other")])):
            accelerometer = frames.accelerometer_landing(spark, *walked)
            steps = frames.step_trainer_landing(spark, *stepped)
            assert readings.consented_accelerometer(accelerometer, people, policy).count() == 0
            assert readings.consented_step_trainer(steps, people, landed, policy).count() == 0


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2024-03-05T23:59:59.999", date(2024, 3, 5)),
        ("2024-03-06T00:00:00.000", date(2024, 3, 6)),
        ("2024-02-29T23:59:59.999", date(2024, 2, 29)),
        ("2024-03-31T00:30:00.000", date(2024, 3, 31)),  # when clocks in Europe change
        ("1970-01-01T00:00:00.000", date(1970, 1, 1)),
        ("1969-12-31T23:59:59.999", date(1969, 12, 31)),
        ("1969-12-31T00:00:00.000", date(1969, 12, 31)),
        ("1969-12-30T23:59:59.999", date(1969, 12, 30)),
        ("1582-10-10T00:00:00.000", date(1582, 10, 10)),  # a day that the Julian calendar names otherwise
        ("0001-01-01T00:00:00.000", date(1, 1, 1)),
        ("9999-12-31T23:59:59.999", date(9999, 12, 31)),
    ],
)
def test_the_day_of_a_reading_is_its_day_in_utc(spark: SparkSession, moment: str, day: date) -> None:
    frame = spark.createDataFrame([(instant(moment),)], "timestamp bigint")
    assert [row["event_date"] for row in with_event_date(frame, "timestamp").collect()] == [day]


def test_the_day_of_no_reading_is_no_row(spark: SparkSession) -> None:
    frame = with_event_date(spark.createDataFrame([], "timestamp bigint"), "timestamp")
    assert frame.columns == ["timestamp", "event_date"]
    assert frame.collect() == []
