"""`stedi privacy`: counts that a privacy officer can file, and no person's value."""

import json

import pytest
from click.testing import CliRunner

from stedi_assets.cli.main import main
from stedi_assets_tests.support.lakes import AS_OF, customer, new_lake, one_person, present_at, write_landing

DAY = 86_400_000
EMAILS = ("ada@example.com", "bo@example.com", "cy@example.com")


@pytest.fixture(scope="module")
def lake(tmp_path_factory, key):
    """A lake from which a person withdrew in the second run."""
    lake = new_lake(tmp_path_factory.mktemp("privacy"), STEDI_KEEP_DAYS="3")
    bo = {"customer/landing/2.json": customer("bo@example.com", 500, serial="device-2")}
    write_landing(lake.landing, one_person() | bo)
    lake.built()
    withdrawn = customer("bo@example.com", None, updated=2_000, serial="device-2")
    shared = customer("cy@example.com", None, serial="device-1")
    write_landing(lake.landing, {"customer/landing/3.json": withdrawn, "customer/landing/4.json": shared})
    lake.built()
    return lake


def printed(lake, form):
    with present_at(AS_OF):
        done = CliRunner().invoke(
            main, ["privacy", "--lake", str(lake.folder / "lake"), "--format", form], catch_exceptions=False
        )
    assert done.exit_code == 0, done.output
    return done.stdout


def test_people_are_counted_and_former_snapshots_have_an_end(lake):
    facts = {(fact["about"], fact["fact"]): fact["value"] for fact in json.loads(printed(lake, "json"))}
    assert facts["people", "consenting"] == 1
    assert facts["people", "withdrew"] == 1
    assert facts["people", "never consented"] == 1
    assert facts["people", "held by an unreadable record"] == 0
    assert facts["devices", "of more than one person"] == 1
    assert facts["customer_trusted", "rows"] == 1
    assert facts["customer_trusted", "former snapshots"] >= 1
    assert facts["customer_trusted", "oldest former snapshot"].endswith(" UTC")
    assert facts["customer_trusted", "goes with maintenance after"].endswith(" UTC")
    assert len(facts["machine_learning_curated", "fingerprint of the key"]) == 16


def test_the_page_in_markdown_holds_no_value_of_a_person(lake):
    page = printed(lake, "markdown")
    assert page.startswith("# Privacy of ")
    assert "| people | withdrew | 1 |" in page
    assert not any(value in page for value in (*EMAILS, "device-1", "device-2"))
