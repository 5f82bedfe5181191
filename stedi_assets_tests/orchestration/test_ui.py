"""What a data engineer sees in the Dagster UI, looked at with a real browser."""

import re

import pytest

from stedi_assets_tests.support.browser import (
    CHROMIUM,
    browser_page,
    dagster_dev,
    graph_with,
    materialize_all,
    open_lineage,
    show_charts,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="No chromium or google-chrome is on the PATH: install one."),
]

CUSTOMER = {
    "customername": "string",
    "email": "string",
    "phone": "string",
    "birthday": "string",
    "serialnumber": "string",
    "registrationdate": "bigint",
    "lastupdatedate": "bigint",
    "sharewithresearchasofdate": "bigint",
    "sharewithpublicasofdate": "bigint",
    "sharewithfriendsasofdate": "bigint",
}
ACCELERATION = {"timestamp": "bigint", "x": "double", "y": "double", "z": "double"}
ACCELEROMETER = {"user": "string", **ACCELERATION, "event_date": "date"}
STEP_TRAINER = {
    "sensorreadingtime": "bigint",
    "serialnumber": "string",
    "distancefromobject": "bigint",
    "event_date": "date",
}
ORIGIN = {"source_file": "string", "batch_id": "string"}

COLUMNS = {
    "customer_landing": CUSTOMER | ORIGIN,
    "accelerometer_landing": ACCELEROMETER | ORIGIN,
    "step_trainer_landing": STEP_TRAINER | ORIGIN,
    "customer_trusted": CUSTOMER,
    "accelerometer_trusted": ACCELEROMETER,
    "customer_curated": CUSTOMER,
    "step_trainer_trusted": STEP_TRAINER,
    "machine_learning_curated": {
        "subject_id": "string",
        **ACCELERATION,
        "distancefromobject": "bigint",
        "split": "string",
        "event_date": "date",
    },
}
UPSTREAM = {
    "customer_landing": set(),
    "accelerometer_landing": set(),
    "step_trainer_landing": set(),
    "customer_trusted": {"customer_landing"},
    "accelerometer_trusted": {"accelerometer_landing", "customer_trusted"},
    "customer_curated": {"customer_trusted", "accelerometer_trusted"},
    "step_trainer_trusted": {"step_trainer_landing", "customer_curated", "customer_landing"},
    "machine_learning_curated": {"accelerometer_trusted", "step_trainer_trusted", "customer_curated"},
}
DESCRIPTIONS = {
    "customer_landing": "Every customer record that the STEDI app ever sent",
    "accelerometer_landing": "Every accelerometer reading that the mobile app ever sent",
    "step_trainer_landing": "Every distance reading that a Step Trainer ever sent",
    "customer_trusted": "The latest record of every person who consents to research",
    "accelerometer_trusted": "Accelerometer readings of consenting people",
    "customer_curated": "Consenting people who have accelerometer readings to share",
    "step_trainer_trusted": "Step-trainer readings of devices that only one person ever registered",
    "machine_learning_curated": "What the phone and the Step Trainer of one person measured in one instant",
}
# See docs/awkward.md.
LANDED = {"customer_landing": 70, "accelerometer_landing": 8_275, "step_trainer_landing": 2_796}
# What the graph shows of the checks of a table: a failed one, a warned one, or none of them.
WORST_CHECKS = {
    "customer_landing": "close",
    "accelerometer_landing": "warning_outline",
    "step_trainer_landing": "warning_outline",
    "customer_trusted": "done",
    "accelerometer_trusted": "done",
    "customer_curated": "done",
    "step_trainer_trusted": "done",
    "machine_learning_curated": "done",
}
METADATA = {"snapshot id", "changed", "what changed", "policy", "as of", "seconds", "bytes"}

NEIGHBOURS = {
    table: inputs | {other for other, its in UPSTREAM.items() if table in its}
    for table, inputs in UPSTREAM.items()
}
# Of the tables of columns and metadata; tables inside these have other numbers of cells.
CELLS = """() => Array.from(document.querySelectorAll('tr'))
    .map(row => Array.from(row.cells, cell => cell.innerText)).filter(cells => cells.length == 3)"""


@pytest.fixture(scope="module")
def ui():
    with dagster_dev() as served:
        yield served


@pytest.fixture(scope="module")
def page(ui):
    # So wide that the lineage graph does not shorten names.
    with browser_page(2200, 1300) as opened:
        yield opened


@pytest.fixture(scope="module")
def first_run(ui, page):
    open_lineage(page, ui)
    run, status = materialize_all(page, ui)
    assert status == "SUCCESS", ui.problems(run)
    return run


def graph_names(page, table):
    """The tables in the graph that shows a table."""
    text = graph_with(page, table).text_content()
    return {name for name in COLUMNS if name in text}


def wait_until_all_are_materialized(page, ui):
    """Waits until the catalog shows so for the eight tables, of which each has a line."""
    page.goto(f"{ui.url}/assets")
    for table in COLUMNS:
        page.get_by_role("link", name=table).wait_for()
    page.get_by_text("Materialized", exact=True).nth(len(COLUMNS) - 1).wait_for()


def test_lineage_page_shows_the_eight_tables(ui, page):
    open_lineage(page, ui)
    assert graph_names(page, "machine_learning_curated") == set(COLUMNS)


def test_columns_are_described_before_anything_was_materialized(ui, page):
    page.goto(f"{ui.url}/assets/machine_learning_curated")
    page.get_by_text("Never materialized").wait_for()
    page.get_by_role("row").filter(has_text="subject_id").filter(has_text="Pseudonym").wait_for()


def test_one_click_makes_all_tables_without_a_question(ui, page, first_run):
    assert page.get_by_role("dialog").count() == 0
    assert list(ui.runs()) == [first_run]
    assert {table: run for table, (run, _) in ui.materializations().items()} == dict.fromkeys(
        COLUMNS, first_run
    )
    assert ui.problems(first_run) == []
    wait_until_all_are_materialized(page, ui)


@pytest.mark.parametrize("table", COLUMNS)
def test_page_of_a_table_says_what_it_is_and_what_was_done(ui, page, first_run, table):
    page.goto(f"{ui.url}/assets/{table}")
    page.get_by_role("row").filter(has_text="snapshot id").wait_for()
    page.get_by_text(DESCRIPTIONS[table]).wait_for()
    # The columns come first; the profile in the metadata names them again.
    shown = {cells[0].split("\n")[0]: cells for cells in reversed(page.evaluate(CELLS))}

    for column, kind in COLUMNS[table].items():
        _, shown_kind, description = shown[column]
        assert shown_kind.split()[0] == kind
        assert description.strip()

    _, metadata = ui.materializations()[table]
    rows = LANDED.get(table, metadata["dagster/row_count"])
    row_count = page.get_by_text("Row count", exact=True).locator("..")
    assert row_count.inner_text().split() == ["Row", "count", f"{rows:,}"]
    assert shown.keys() >= METADATA
    assert shown["snapshot id"][-1].strip() == metadata["snapshot id"]
    assert shown["changed"][-1].strip() == "true"
    assert shown["policy"][-1].strip() == "strict"


def test_checks_are_red_amber_and_green(ui, page, first_run):
    open_lineage(page, ui)
    page.get_by_text(" Passed").nth(len(COLUMNS) - 1).wait_for()
    for table, icon in WORST_CHECKS.items():
        shown = page.locator("foreignObject", has=page.get_by_text(table, exact=True))
        assert shown.get_by_text("Asset checks").locator("..").get_by_role("img", name=icon).count(), table

    page.goto(f"{ui.url}/assets/customer_landing?view=checks&checkDetail=rows_name_people")
    page.get_by_text("If broken, the check fails, and the table is published.").wait_for()
    checks = {
        "rows_name_people": "cancel",
        "plausible_values": "warning_outline",
        "schema": "check_circle",
    }
    for check, icon in checks.items():
        line = page.locator(f"[title={check}]").first.locator("../..")
        assert line.get_by_role("img", name=icon).count(), check


def test_checks_run_alone_and_daily(ui, page, first_run):
    before = ui.materializations()
    known = set(ui.runs())
    page.goto(f"{ui.url}/assets/customer_trusted?view=checks")
    page.get_by_role("button", name="Execute all").click()
    run, status = ui.finished_run(known)
    assert (status, ui.problems(run)) == ("SUCCESS", [])
    assert ui.materializations() == before

    page.goto(f"{ui.url}/automation")
    line = page.locator("[data-index]", has=page.get_by_text("daily_audit", exact=True))
    line.get_by_text("At 05:00 UTC").wait_for()
    line.locator("input:checked").wait_for(state="attached")


@pytest.mark.parametrize("table", COLUMNS)
def test_lineage_of_a_table_shows_its_neighbours(ui, page, table):
    page.goto(f"{ui.url}/assets/{table}?view=lineage")
    for name in NEIGHBOURS[table] | {table}:
        graph_with(page, table).get_by_text(name, exact=True).first.wait_for()
    assert graph_names(page, table) == NEIGHBOURS[table] | {table}


def test_lineage_of_a_pseudonym_leads_to_the_person(ui, first_run):
    # The open-source UI has no page for column lineage; it shows it in the events of a run.
    assert ui.column_lineage("machine_learning_curated")["subject_id"] == {("customer_curated", "email")}


def test_second_click_changes_nothing(ui, page, first_run):
    before = ui.materializations()
    open_lineage(page, ui)
    run, status = materialize_all(page, ui)
    assert status == "SUCCESS", ui.problems(run)

    after = ui.materializations()
    assert {table: made for table, (made, _) in after.items()} == dict.fromkeys(COLUMNS, run)
    for table, (_, metadata) in after.items():
        assert metadata["changed"] is False
        assert metadata["snapshot id"] == before[table][1]["snapshot id"]
    assert ui.unsynced() == set()
    wait_until_all_are_materialized(page, ui)
    page.goto(f"{ui.url}/assets/accelerometer_trusted")
    page.get_by_role("row", name=re.compile("^what changed.*nothing$")).wait_for()
    page.get_by_role("row", name=re.compile("^user 0 ")).wait_for()
    show_charts(page)
    # A picture that was not read has no width.
    pictures = page.get_by_role("dialog").get_by_role("img", name=re.compile("^Readings"))
    assert pictures.evaluate_all("all => all.map(it => it.src.slice(0, 10) + it.naturalWidth)") == [
        "data:image640",
        "data:image640",
    ]


def test_server_prints_no_error(ui, first_run):
    assert not re.search(r"\bERROR\b|Traceback", ui.log.read_text())
