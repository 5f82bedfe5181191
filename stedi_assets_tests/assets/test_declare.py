"""A ninth table, declared in this file: with rules, without rules, with a misspelt input, with wrong rows."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import dagster as dg
import pandera.pyspark as pa
import pyspark.sql.types as T
import pytest
from pyspark.sql import Column, DataFrame

from stedi_assets import tables
from stedi_assets.assets import DECLARED, Declared, LakeTable, lake_table, landing_table
from stedi_assets.contracts import accounting, consent_rules
from stedi_assets.errors import DeclarationError
from stedi_assets.lake import Run
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.naming import REFRESH
from stedi_assets.tables import TableSpec
from stedi_assets_tests.support.lakes import EPOCH, TestLake, customer, write_landing

ADA, BO = "ada@example.com", "bo@example.com"


class Contact(pa.DataFrameModel):
    """A person who may be asked about a study."""

    email: T.StringType = pa.Field(metadata={"personal": True})
    lastupdatedate: T.LongType = pa.Field()
    sharewithresearchasofdate: T.LongType = pa.Field()

    class Config:
        """Pandera settings."""

        strict: ClassVar = True


CONTACTS = TableSpec(
    name="contacts_curated",
    zone="curated",
    model=Contact,
    inputs=("customer_curated",),
    description="People who may be asked about a study.",
)


class Contacts(accounting.Reconciled):
    """contacts_curated from customer_curated: every person is a contact."""

    def explain(self, audit_input, days) -> tuple[DataFrame, Mapping[str, Column]]:
        return audit_input.other("customer_curated"), {}


RULES = {
    "privacy": consent_rules.CUSTOMERS.rules,
    "accounting": (Contacts(CONTACTS),),
    "removal": consent_rules.CUSTOMERS.removal,
}


def contacts(customer_curated: DataFrame, run: Run) -> DataFrame:
    return customer_curated.select(*CONTACTS.columns)


def declared_with(table: LakeTable) -> Declared:
    return Declared.of((*DECLARED, table))


def refreshed(lake: TestLake, declared: Declared) -> dg.ExecuteInProcessResult:
    job = build_defs(lake.environment, declared).resolve_job_def(REFRESH)
    return job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)


def people_in(lake: TestLake, name: str) -> set[str]:
    return set(lake.table(name).scan().to_arrow()["email"].to_pylist())


@pytest.fixture
def lake(tmp_path):
    """Ada and Bo agree to share, and each has a reading."""
    at = EPOCH + 1_000
    files = {
        "customer/landing/1.json": "\n".join(customer(email, 500, serial=email) for email in (ADA, BO)),
        "accelerometer/landing/1.json": "\n".join(
            json.dumps({"user": email, "timestamp": at, "x": 0.1, "y": 0.2, "z": 0.3}) for email in (ADA, BO)
        ),
    }
    return TestLake(tmp_path, write_landing(tmp_path / "in", files))


def test_a_ninth_table_with_rules_is_published_and_people_leave_it(lake):
    declared = declared_with(lake_table(CONTACTS, **RULES)(contacts))
    assert list(declared.specs)[-1] == "contacts_curated"

    assert refreshed(lake, declared).success
    assert people_in(lake, "contacts_curated") == {ADA, BO}

    write_landing(lake.landing, {"customer/landing/2.json": customer(BO, None, updated=2_000, serial=BO)})
    result = refreshed(lake, declared)
    assert result.success
    assert people_in(lake, "contacts_curated") == {ADA}
    events = result.get_asset_materialization_events()
    removed = {
        event.asset_key.path[-1] for event in events if "rows removed" in event.materialization.metadata
    }
    assert removed == {"customer_trusted", "accelerometer_trusted", "customer_curated", "contacts_curated"}


def test_a_ninth_table_with_people_who_never_agreed_is_refused(lake):
    write_landing(lake.landing, {"customer/landing/2.json": customer("cy@example.com", None)})

    def everyone(customer_landing: DataFrame, customer_curated: DataFrame, run: Run) -> DataFrame:
        return customer_landing.selectExpr(
            "email", "lastupdatedate", "coalesce(sharewithresearchasofdate, 1) AS sharewithresearchasofdate"
        )

    spec = replace(CONTACTS, inputs=("customer_landing", "customer_curated"))
    declared = declared_with(lake_table(spec, **RULES)(everyone))
    result = refreshed(lake, declared)
    [failure] = result.filter_events(lambda event: event.is_step_failure)
    assert failure.step_key == "contacts_curated"
    assert (
        "consent_on_file is broken by 1 of 3 rows" in failure.step_failure_data.user_failure_data.description
    )


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("privacy", "privacy rules (privacy=)"),
        ("accounting", "accounting rules (accounting=)"),
        ("removal", "a removal (removal=)"),
    ],
)
def test_a_ninth_table_that_lacks_a_part_does_not_load(part, named):
    given = {name: value for name, value in RULES.items() if name != part}
    with pytest.raises(DeclarationError) as error:
        declared_with(lake_table(CONTACTS, **given)(contacts))
    assert str(error.value).startswith(f"contacts_curated is declared without {named}: ")


def test_everything_that_is_missing_is_named_at_once():
    with pytest.raises(
        DeclarationError, match=r"without accounting rules .* and privacy rules .* and a removal"
    ):
        declared_with(lake_table(CONTACTS)(contacts))


def test_a_landing_table_without_accounting_does_not_load():
    bare = landing_table(replace(tables.CUSTOMER_LANDING, name="others_landing"), accounting=())
    with pytest.raises(DeclarationError, match="others_landing is declared without accounting rules"):
        declared_with(bare)


def test_a_misspelt_input_is_named_with_the_likely_table():
    misspelt = replace(CONTACTS, inputs=("customer_curatd",))
    with pytest.raises(DeclarationError) as error:
        declared_with(lake_table(misspelt, **RULES)(contacts))
    assert str(error.value) == (
        "contacts_curated names the table customer_curatd, which is not declared: "
        "did you mean customer_curated?"
    )


def test_tables_that_need_each_other_are_named():
    one = replace(CONTACTS, name="one", inputs=("other",))
    other = replace(CONTACTS, name="other", inputs=("one",))
    with pytest.raises(DeclarationError, match="one, other need each other as inputs"):
        Declared.of((*DECLARED, *(lake_table(spec, **RULES)(contacts) for spec in (one, other))))


def test_two_tables_of_one_name_are_refused():
    with pytest.raises(DeclarationError, match="customer_curated is declared twice"):
        declared_with(lake_table(replace(CONTACTS, name="customer_curated"), **RULES)(contacts))


def test_the_order_of_work_follows_the_inputs_whatever_the_order_of_declarations():
    names = list(Declared.of(reversed(list(DECLARED))).specs)
    for spec in DECLARED.specs.values():
        assert all(names.index(name) < names.index(spec.name) for name in spec.inputs)
