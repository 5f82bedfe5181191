"""Work follows the change: which days are made again is counted by hand, their outcome by the oracle.

One lake goes through a story, told in the order in which it happens. Everybody measures twice a day, at
ten and at noon, with both sensors; the chapters say which days of a table got other data files.
"""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from stedi_assets.assets import DECLARED, TABLES
from stedi_assets.cli.main import main
from stedi_assets_tests.support.maintenance import expire_history
from stedi_assets_tests.support.scenario import device, record
from stedi_assets_tests.support.story import Chapter, new_story
from stedi_assets_tests.support.town import ADA, BO, CY, DATED, DEE, DERIVED, PEOPLE, day, readings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("key")]


@pytest.fixture(scope="module")
def story(tmp_path_factory, key):
    """The chapters by what happens in them."""
    it = new_story(tmp_path_factory.mktemp("story"))
    told: dict[str, Chapter] = {}

    # Ada consents before everything, Bo at the beginning of day 1, Cy never; no one knows Dee yet.
    it.deliver("people", record(ADA, day(0)), record(BO, day(1)), record(CY, None))
    # Dee's clock is ahead.
    everybody = [row for email in PEOPLE for row in readings(email, 0, 1, 2, 3)]
    it.deliver("a", *everybody, *readings(DEE, 21))
    told["built"] = it.chapter()

    it.deliver("b", *readings(ADA, 4))
    told["a new day"] = it.chapter()

    it.deliver("c", *readings(CY, 4))
    told["readings of someone without consent"] = it.chapter()

    it.deliver("dee", record(DEE, day(2)))
    told["a record after the readings"] = it.chapter()

    it.deliver("bo withdraws", record(BO, None, day(5)))
    told["withdrawn"] = it.chapter()

    it.deliver("bo again", record(BO, day(3), day(6)))
    told["given again"] = it.chapter()

    it.deliver("ada later", record(ADA, day(1), day(7)))
    told["changed"] = it.chapter()

    it.deliver("cy with ada's", record(CY, None, day(7), serial=device(ADA)))
    told["ambiguous"] = it.chapter()

    it.deliver("cy with ada's", record(CY, None, day(7)))
    told["unique"] = it.chapter()

    it.deliver("tie", record(BO, None, day(6)))
    told["tie"] = it.chapter()

    it.deliver("dee later", record(DEE, day(21), day(19)))
    told["consent in the future"] = it.chapter()

    it.as_of = day(22)
    told["time passes"] = it.chapter()

    it.deliver("dee at once", record(DEE, day(2), day(22)))
    told["dee is back"] = it.chapter()

    it.deliver("b")
    told["a day becomes empty"] = it.chapter()

    told["forced"] = it.chapter(days="2024-03-02..2024-03-03")

    expire_history(it.lake)
    it.deliver("d", *readings(ADA, 5))
    told["after maintenance"] = it.chapter()

    with pytest.MonkeyPatch.context() as patch:
        declared = DECLARED["accelerometer_trusted"]
        newer = replace(declared, spec=replace(declared.spec, code_version="other"))
        patch.setitem(DECLARED.by_name, "accelerometer_trusted", newer)
        told["code version"] = it.chapter()
    told["code version back"] = it.chapter()

    it.deliver("e", *readings(DEE, 5), record(CY, day(1), day(8)))
    it.lake.built(select="customer_landing,customer_trusted,accelerometer_landing", as_of=it.as_of)
    it.deliver("f", *readings(BO, 6), record(BO, day(3), day(9)))
    told["interrupted"] = it.chapter()

    rebuilt = new_story(tmp_path_factory.mktemp("rebuilt"))
    rebuilt.as_of = it.as_of
    for name, rows in it.files.items():
        rebuilt.deliver(name, *rows)
    told["rebuilt"] = rebuilt.chapter()

    it.deliver("no consent at all", *(record(email, None, day(10)) for email in PEOPLE))
    told["no consent at all"] = it.chapter()
    return told


def test_explain_says_what_a_run_would_do_and_does_nothing(tmp_path):
    it = new_story(tmp_path)
    it.deliver("people", record(ADA, day(0)), record(BO, day(1)), *readings(ADA, 0, 1), *readings(BO, 1))
    it.chapter()
    it.deliver("bo withdraws", record(BO, None, day(5)))
    it.lake.built(select="customer_landing,customer_trusted", as_of=it.as_of)
    it.deliver("more", *readings(ADA, 2))
    stored = sorted(tmp_path.rglob("*"))
    arguments = ["run", "--explain", "--format", "json", "--as-of", str(it.as_of), "--days", "2024-03-01"]
    where = ["--lake", str(tmp_path / "lake"), "--landing", str(tmp_path / "in")]
    result = CliRunner().invoke(main, [*arguments, *where])
    assert result.exit_code == 0, result.output
    assert sorted(tmp_path.rglob("*")) == stored
    said = {row["table"]: row for row in json.loads(result.stdout)}
    assert said["customer_landing"]["what would be done"] == "nothing"
    assert said["customer_trusted"]["what would be done"] == "nothing"
    assert said["accelerometer_landing"]["what would be done"] == "1 new file"
    assert said["accelerometer_trusted"] == {
        "table": "accelerometer_trusted",
        "what would be done": "rows of people who withdrew were removed → 1 day; "
        "1 changed consent → 1 day; asked for → 1 day; if its inputs change: more days",
        "days": "2024-03-01..2024-03-02",
    }
    assert said["customer_curated"] == {
        "table": "customer_curated",
        "what would be done": "rows of people who withdrew were removed",
        "days": "",
    }


def test_explain_knows_of_a_table_what_its_present_inputs_say_and_names_what_may_follow(tmp_path):
    it = new_story(tmp_path)
    it.deliver("people", record(ADA, day(0)), record(BO, None), *readings(ADA, 0, 1, 4), *readings(BO, 0, 3))
    it.chapter()
    it.deliver("bo agrees", record(BO, day(1), day(5)))
    it.deliver("more", *readings(ADA, 2), *readings(BO, 6))
    arguments = ["run", "--explain", "--format", "json", "--as-of", str(it.as_of)]
    where = ["--lake", str(tmp_path / "lake"), "--landing", str(tmp_path / "in")]
    result = CliRunner().invoke(main, [*arguments, *where])
    assert result.exit_code == 0, result.output
    said = {row["table"]: row["what would be done"] for row in json.loads(result.stdout)}
    assert said == {
        "customer_landing": "1 new file",
        "accelerometer_landing": "1 new file",
        "step_trainer_landing": "1 new file",
        "customer_trusted": "if its inputs change: the table",
        "accelerometer_trusted": "if its inputs change: the days that change",
        "customer_curated": "if its inputs change: the table",
        "step_trainer_trusted": "if its inputs change: the days that change",
        "machine_learning_curated": "if its inputs change: the days that change",
    }
    done = it.lake.built(as_of=it.as_of)
    assert {name for name, table in done.tables.items() if table.changed} <= said.keys()
    result = CliRunner().invoke(main, [*arguments, *where])
    assert {row["what would be done"] for row in json.loads(result.stdout)} == {"nothing"}


def test_explain_of_a_lake_that_was_never_built_says_first_build(tmp_path):
    it = new_story(tmp_path)
    it.deliver("people", record(ADA, day(0)), *readings(ADA, 0))
    where = ["--lake", str(tmp_path / "lake"), "--landing", str(tmp_path / "in")]
    result = CliRunner().invoke(main, ["run", "--explain", "--format", "json", *where])
    assert result.exit_code == 0, result.output
    said = {row["table"]: row["what would be done"] for row in json.loads(result.stdout)}
    landing = {name for name, spec in TABLES.specs.items() if spec.source}
    assert said == {name: "first build; 1 new file" if name in landing else "first build" for name in TABLES}
    assert not [*tmp_path.rglob("*.parquet"), *tmp_path.glob("*key*")]


@pytest.mark.parametrize("days", ["yesterday", "2024-03-02..2024-03-01", "2024-02-30", ".."])
def test_days_that_are_none_are_refused_in_one_sentence(tmp_path, days):
    result = CliRunner().invoke(main, ["run", "--days", days, "--lake", str(tmp_path)])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"--days {days}: ")


CHAPTERS = (
    "built", "a new day", "readings of someone without consent", "a record after the readings",
    "withdrawn", "given again", "changed", "ambiguous", "unique", "tie", "consent in the future",
    "time passes", "dee is back", "a day becomes empty", "forced", "after maintenance", "code version",
    "code version back", "interrupted", "rebuilt", "no consent at all",
)  # fmt: skip


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_tables_are_what_the_rules_make_of_all_that_was_delivered(story, name):
    for table in DERIVED:
        assert story[name].found[table] == story[name].expected[table], table


def test_the_tables_are_those_of_a_lake_that_is_built_at_once(story):
    assert story["interrupted"].found == story["rebuilt"].found


@pytest.mark.parametrize(
    ("name", "accelerometer", "steps", "pairs"),
    [
        ("a new day", {4}, {4}, {4}),
        ("readings of someone without consent", set(), set(), set()),
        ("a record after the readings", {2, 3, 21}, {2, 3, 21}, {2, 3, 21}),
        ("withdrawn", {1, 2, 3}, {1, 2, 3}, {1, 2, 3}),
        ("given again", {3}, {3}, {3}),
        ("changed", {0}, {0}, {0}),
        ("ambiguous", set(), {1, 2, 3, 4}, {1, 2, 3, 4}),
        ("unique", set(), {1, 2, 3, 4}, {1, 2, 3, 4}),
        ("tie", {3}, {3}, {3}),
        ("consent in the future", {2, 3, 21}, {2, 3, 21}, {2, 3, 21}),
        ("time passes", {21}, {21}, {21}),
        ("dee is back", {2, 3}, {2, 3}, {2, 3}),
        ("a day becomes empty", {4}, {4}, {4}),
        ("forced", set(), set(), set()),
        ("after maintenance", {5}, {5}, {5}),
        ("code version", set(), set(), set()),
        ("code version back", set(), set(), set()),
        ("interrupted", {1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}),
    ],
)
def test_only_days_whose_rows_change_get_other_data_files(story, name, accelerometer, steps, pairs):
    assert story[name].days == [accelerometer, steps, pairs]


@pytest.mark.parametrize(
    ("name", "table", "reasons"),
    [
        ("a new day", "accelerometer_trusted", "accelerometer_landing changed → 1 day"),
        ("a record after the readings", "accelerometer_trusted", "1 changed consent → 5 days"),
        ("ambiguous", "accelerometer_trusted", "nothing"),
        ("time passes", "customer_trusted", "a consent or record came into effect"),
        ("forced", "machine_learning_curated", "asked for → 2 days"),
        ("forced", "customer_curated", "nothing"),
        ("code version", "accelerometer_trusted", "code version 1 → other"),
        (
            "interrupted",
            "accelerometer_trusted",
            "accelerometer_landing changed → 2 days; 2 changed consents → 6 days",
        ),
    ],
)
def test_a_run_says_what_it_planned_and_why_in_counts(story, name, table, reasons):
    assert story[name].reasons[table] == reasons


def test_what_comes_out_the_same_is_published_once_more_with_its_old_content_version(story):
    before, after = story["a day becomes empty"], story["forced"]
    for name in DATED:
        assert after.snapshots[name] == before.snapshots[name] + 1
        assert after.versions[name] == before.versions[name]
    assert story["code version"].reasons["customer_curated"] == "nothing"


def test_a_check_says_how_many_days_it_looked_at(story):
    checks = story["a new day"].looked_at
    assert checks["accelerometer_trusted"]["unique_rows"] == 1
    assert checks["machine_learning_curated"]["after_consent"] == 1
    somebody_new = story["a record after the readings"].looked_at["accelerometer_trusted"]
    assert somebody_new["only_consenting_people"] == somebody_new["unique_rows"] == 5


def test_when_somebody_withdraws_all_days_are_looked_through(story):
    checks = story["withdrawn"].looked_at["accelerometer_trusted"]
    assert checks["only_consenting_people"] is None
    assert checks["unique_rows"] == 4


def test_who_withdraws_is_removed_first_from_the_days_of_their_readings(story):
    assert story["withdrawn"].removed == dict(zip(DERIVED, (1, 6, 1, 6, 6), strict=True))
