"""Under which names people appear in the machine-learning table, and what must never show."""

import hashlib
import re
from collections import Counter

import pytest
from pyspark.sql import SparkSession

from stedi_assets import tables
from stedi_assets.transforms import machine_learning, pseudonyms
from stedi_assets_tests.support import frames, scenario
from stedi_assets_tests.support.oracle import Tables
from stedi_assets_tests.support.scenario import (
    KEYS,
    OTHER_KEY,
    REGISTERED,
    acceleration,
    device,
    record,
    step,
)

# `printf %s ada@example.com | openssl dgst -sha256 -hmac 'an invented pseudonym key of 40 letters!'`
ADA_PSEUDONYM = "01867b2786492b43d5d6bd7f149757accebcfb97b66eca3009e4bd240371de81"


def subjects(
    spark: SparkSession, *emails: str, key: bytes = KEYS.pseudonym, salt: bytes = KEYS.salt
) -> dict[str, tuple[str, str]]:
    """Pseudonym and split by person."""
    people = frames.table(spark, tables.CUSTOMER_CURATED, [record(email, REGISTERED) for email in emails])
    found = pseudonyms.subjects(people, key, salt).collect()
    assert len(found) == len(emails)
    return {row["_person"]: (row["subject_id"], row["split"]) for row in found}


def test_a_pseudonym_is_the_hmac_sha256_of_the_email(spark: SparkSession) -> None:
    assert subjects(spark, scenario.ADA)[scenario.ADA][0] == ADA_PSEUDONYM
    assert pseudonyms.subject_id(KEYS.pseudonym, scenario.ADA) == ADA_PSEUDONYM


@pytest.mark.parametrize(
    ("spelling", "other"),
    [
        (scenario.BASIL, scenario.BASIL_SHOUTED),
        (scenario.SIGMA, scenario.SIGMA_LOWER_CASE),
        (scenario.DOTTED, scenario.DOTTED_LOWER_CASE),
        (scenario.PADDED, scenario.BARE),
    ],
)
def test_a_person_has_one_pseudonym_and_split_in_every_spelling(
    spark: SparkSession, spelling: str, other: str
) -> None:
    assert subjects(spark, spelling) == subjects(spark, other)


def test_people_have_pseudonyms_of_their_own(spark: SparkSession) -> None:
    emails = [f"person-{number}@example.com" for number in range(300)]
    assert len({pseudonym for pseudonym, _ in subjects(spark, *emails).values()}) == 300


def test_another_key_gives_other_pseudonyms_and_the_same_splits(spark: SparkSession) -> None:
    emails = [f"person-{number}@example.com" for number in range(300)]
    one, other = subjects(spark, *emails), subjects(spark, *emails, key=OTHER_KEY)
    assert all(one[email][0] != other[email][0] for email in emails)
    assert all(one[email][1] == other[email][1] for email in emails)


def test_another_salt_gives_other_splits_and_the_same_pseudonyms(spark: SparkSession) -> None:
    emails = [f"person-{number}@example.com" for number in range(300)]
    one, other = subjects(spark, *emails), subjects(spark, *emails, salt=b"another invented salt")
    assert all(one[email][0] == other[email][0] for email in emails)
    assert any(one[email][1] != other[email][1] for email in emails)


def test_eight_people_of_ten_are_for_training_and_one_each_for_validation_and_test() -> None:
    splits = Counter(pseudonyms.split(KEYS.salt, f"person-{n}@example.com") for n in range(10_000))
    assert splits.keys() == {"train", "validation", "test"}
    assert 7_800 <= splits["train"] <= 8_200
    assert 880 <= splits["validation"] <= 1_120
    assert 880 <= splits["test"] <= 1_120


def test_a_person_is_in_one_split_only(strict: Tables, reference: Tables) -> None:
    for published in (strict, reference):
        both = {(row.subject_id, row.split) for row in published.machine_learning_curated}
        assert len(both) == len({subject_id for subject_id, _ in both})


def test_no_email_and_no_device_is_in_a_row(strict: Tables, reference: Tables) -> None:
    for published in (strict, reference):
        texts = {text for row in published.machine_learning_curated for text in (row.subject_id, row.split)}
        assert all(re.fullmatch(r"[0-9a-f]{64}|train|validation|test", text) for text in texts)


def test_a_fingerprint_names_a_key_and_is_no_part_of_it() -> None:
    name = pseudonyms.fingerprint(KEYS.pseudonym)
    assert re.fullmatch(r"[0-9a-f]{16}", name)
    assert name == pseudonyms.fingerprint(KEYS.pseudonym)
    assert name != pseudonyms.fingerprint(OTHER_KEY)
    assert name.encode() not in KEYS.pseudonym
    assert name not in KEYS.pseudonym.hex()


def test_a_fingerprint_is_no_plain_hash_that_could_be_looked_up() -> None:
    assert pseudonyms.fingerprint(KEYS.pseudonym) != hashlib.sha256(KEYS.pseudonym).hexdigest()[:16]


def test_a_first_salt_comes_from_the_key_but_is_neither_it_nor_its_fingerprint() -> None:
    salt = pseudonyms.first_salt(KEYS.pseudonym)
    assert salt == pseudonyms.first_salt(KEYS.pseudonym)
    assert salt != pseudonyms.first_salt(OTHER_KEY)
    assert salt != KEYS.pseudonym
    assert not salt.hex().startswith(pseudonyms.fingerprint(KEYS.pseudonym))


@pytest.mark.parametrize("policy", ["strict", "reference"])
def test_neither_key_nor_salt_shows_in_the_plan(
    spark: SparkSession, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    people = frames.table(spark, tables.CUSTOMER_CURATED, [record(scenario.ADA, REGISTERED)])
    walked = frames.table(spark, tables.ACCELEROMETER_TRUSTED, [acceleration(scenario.ADA)])
    stepped = frames.table(spark, tables.STEP_TRAINER_TRUSTED, [step(device(scenario.ADA))])
    known = pseudonyms.subjects(people, *KEYS)
    machine_learning.paired_readings(walked, stepped, people, known, policy).explain(True)
    plan = capsys.readouterr().out
    assert "subject_id" in plan
    for secret in KEYS:
        assert secret.decode() not in plan
        assert secret.hex() not in plan.lower()


def test_nobody_has_no_pseudonym(spark: SparkSession) -> None:
    people = frames.table(spark, tables.CUSTOMER_CURATED, [])
    known = pseudonyms.subjects(people, *KEYS)
    assert known.columns == ["_person", "subject_id", "split"]
    assert known.collect() == []
