"""Shared facts of the models: what is unique, and which names the ledger and the calendar use."""

from datetime import datetime, timedelta, timezone

from stedi_assets.assets import TABLES
from stedi_assets.schemas import columns, system
from stedi_assets.schemas.checks import VOCABULARY, value_rules
from stedi_assets.schemas.trusted import AccelerometerTrusted, StepTrainerTrusted


def test_a_trusted_reading_is_unique_by_all_fields_of_its_record() -> None:
    assert AccelerometerTrusted.to_schema().unique == ["user", "timestamp", "x", "y", "z"]
    assert StepTrainerTrusted.to_schema().unique == [
        "sensorreadingtime",
        "serialnumber",
        "distancefromobject",
    ]


def test_the_stored_names_of_outcomes_stay() -> None:
    assert system.OUTCOMES == ("ingested", "duplicate", "superseded", "refused", "ignored")
    assert (system.INGESTED, system.DUPLICATE) == ("ingested", "duplicate")
    assert (system.SUPERSEDED, system.REFUSED) == ("superseded", "refused")


def test_the_calendar_holds_the_years_1_to_9999() -> None:
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    first = epoch + timedelta(milliseconds=columns.FIRST_INSTANT)
    last = epoch + timedelta(milliseconds=columns.LAST_INSTANT)
    assert (first.isoformat(), last.isoformat()) == (
        "0001-01-01T00:00:00+00:00",
        "9999-12-31T23:59:59.999000+00:00",
    )


def test_every_word_of_the_vocabulary_is_used_by_a_model() -> None:
    models = {spec.model for spec in TABLES.values()} | {system.Ledger, system.Quarantine, system.Activity}
    schemas = [model.to_schema() for model in models]
    used = {check.name for schema in schemas for column in schema.columns.values() for check in column.checks}
    used |= {check.name for schema in schemas for check in schema.checks}
    assert used == set(VOCABULARY)
    assert all(value_rules(model) for model in models)
