"""The gate from end to end: a refused publish, and people who withdraw while something else is refused.

One lake goes through the deliveries of its story in the order in which they happen; the expected rows are
counted by hand. Each person has three readings of both sensors.
"""

import json
from collections import Counter
from dataclasses import replace

import dagster as dg
import pytest

from stedi_assets.assets import DECLARED, TABLES
from stedi_assets.lake.ingestion import staged_batch
from stedi_assets.lake.ingestion.ledger import RecordCounts
from stedi_assets.settings import dagster_home
from stedi_assets_tests.support.gate_story import (
    BO,
    CY,
    DAY,
    DERIVED,
    EVE,
    FIN,
    LATER,
    NOW,
    Story,
    change_of_minds,
    everybody,
    stedi,
    withdrawal_of_bo,
)
from stedi_assets_tests.support.lakes import TestLake

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory, dagster_home):
    """A Dagster home of these tests, which read the events of the instance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(tmp_path_factory.mktemp("home")))
        yield


def twice(table):
    """The table with every row twice."""
    return replace(table, transform=lambda frames, run: (rows := table.transform(frames, run)).unionAll(rows))


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """The chapters of the lake under the strict policy, by what happens in them."""
    folder = tmp_path_factory.mktemp("gate")
    lake = TestLake(folder, everybody(folder / "in"))
    chapters, run = {}, Story(lake).chapter
    chapters["built"] = run(NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DECLARED.by_name, "accelerometer_trusted", twice(DECLARED["accelerometer_trusted"]))
        change_of_minds(lake.landing)
        chapters["refused"] = run(NOW)
        shown = stedi(lake, "check", "accelerometer_trusted", "--show", "unique_rows", "--format", "json")
    chapters["refused"].shown = shown
    chapters["refused"].check = stedi(lake, "check", "accelerometer_trusted", "customer_trusted")
    chapters["fixed"] = run(LATER - 3 * DAY)  # the day of Eve's withdrawal
    with pytest.MonkeyPatch.context() as patch:
        ingest, one_more = staged_batch.ingest, RecordCounts(lines=1)

        def miscounting(*arguments, **options):
            return {path: counts + one_more for path, counts in ingest(*arguments, **options).items()}

        patch.setattr(staged_batch, "ingest", miscounting)
        withdrawal_of_bo(lake.landing)
        chapters["landing refused"] = run(LATER, ["customer_landing"])
    chapters["finished"] = run(LATER, ["customer_landing", *DERIVED])
    return chapters


def test_everybody_is_in_every_table_at_first(story):
    built = story["built"]
    assert built.run.exit_code == 0, built.run.stderr
    assert built.rows == dict(zip(DERIVED, (6, 18, 6, 18, 18), strict=True))
    assert built.report["removed"] == {}


def test_if_no_one_withdraws_a_publish_is_one_snapshot(story):
    assert story["built"].snapshots == dict.fromkeys(TABLES, 1)
    before = story["landing refused"].snapshots
    refreshed = ["customer_landing", *DERIVED]
    assert story["finished"].snapshots == before | {name: before[name] + 1 for name in refreshed}


class TestRefused:
    """accelerometer_trusted comes out with every row twice, in the run in which people withdraw."""

    def test_one_sentence_names_the_table_the_rules_and_the_counts(self, story):
        run = story["refused"].run
        assert run.exit_code == 1
        sentences = [line for line in run.stderr.splitlines() if "refused" in line]
        assert sentences == [
            "accelerometer_trusted: publish refused, table unchanged: reconciles is broken by 11 of 18 rows,"
            " unique_rows is broken by 11 of 22 rows; see the rows with `stedi check accelerometer_trusted"
            " --show unique_rows`, and fix what made them."
        ]

    def test_the_failed_checks_are_in_the_dagster_instance_with_their_counts(self, story):
        key = dg.AssetCheckKey(dg.AssetKey("accelerometer_trusted"), "schema")
        with dg.DagsterInstance.from_config(str(dagster_home())) as instance:
            history = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
        [refused] = [
            record.evaluation for record in history if record.evaluation and not record.evaluation.passed
        ]
        show = "stedi check accelerometer_trusted --show unique_rows"
        assert refused.description == f"unique_rows is broken by 11 of 22: look with `{show}`."
        rule = story["refused"].report["checks"]["accelerometer_trusted.unique_rows"]
        assert rule == {"check": "schema", "result": "failed", "checked": 22, "broken": 11}

    def test_what_comes_after_it_is_skipped_and_what_does_not_is_not(self, story):
        refreshed = [name for name, table in story["refused"].report["tables"].items() if table["changed"]]
        assert refreshed == ["customer_landing", "customer_trusted"]
        checked = {name.split(".")[0] for name in story["refused"].report["checks"]}
        assert checked == set(TABLES) - {
            "customer_curated", "step_trainer_trusted", "machine_learning_curated",
        }  # fmt: skip

    def test_no_staged_file_stays(self, story):
        assert {name: chapter.orphans for name, chapter in story.items()} == {key: set() for key in story}

    def test_who_withdrew_or_is_held_is_gone_from_every_table_and_the_others_are_not(self, story):
        left = story["refused"]
        readings = {BO: 3, CY: 2, EVE: 3, FIN: 3}
        assert left.people("customer_trusted") == dict.fromkeys(readings, 1)
        assert left.people("accelerometer_trusted") == readings
        assert left.people("customer_curated") == dict.fromkeys(readings, 1)
        assert left.people("step_trainer_trusted") == readings
        assert left.rows["machine_learning_curated"] == 11

    def test_removals_are_publishes_of_their_own(self, story):
        left = story["refused"]
        assert left.report["removed"] == dict(zip(DERIVED, (2, 7, 2, 7, 7), strict=True))
        removed_and_refreshed = {"customer_landing": 2, "customer_trusted": 3}
        removed_only = dict.fromkeys(DERIVED, 2)
        untouched = {"accelerometer_landing": 1, "step_trainer_landing": 1}
        assert left.snapshots == removed_only | removed_and_refreshed | untouched

    def test_removals_show_on_the_pages_of_their_tables(self, story):
        with dg.DagsterInstance.from_config(str(dagster_home())) as instance:
            for name in DERIVED:
                events = instance.fetch_materializations(dg.AssetKey(name), limit=50).records
                shown = [event.asset_materialization for event in events]
                removed = [it.metadata["rows removed"].value for it in shown if "rows removed" in it.metadata]
                assert story["refused"].report["removed"][name] in removed


class TestCheck:
    """`stedi check` after the refused run, at the time of the test run: long after all of it."""

    def test_the_rows_that_break_a_rule_are_shown_on_demand(self, story):
        shown = story["refused"].shown
        assert shown.exit_code == 0, shown.stderr
        rows = Counter((row["user"], row["timestamp"]) for row in json.loads(shown.stdout))
        assert rows.total() == 2 * 11  # with Eve's: they are made of customer_trusted as it is published
        assert set(rows.values()) == {2}

    def test_a_published_table_that_breaks_its_contract_by_now_exits_with_1(self, story):
        check = story["refused"].check
        assert check.exit_code == 1
        assert (
            "customer_trusted: the published table breaks its contract: consent_on_file is broken by 1 "
            in (check.stderr)
        )
        assert "only_consenting_people is broken by 3 of 11 rows" in check.stderr

    def test_a_published_table_that_keeps_it_exits_with_0(self, tmp_path, monkeypatch):
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
        lake = TestLake(tmp_path, everybody(tmp_path / "in"))
        lake.built(select="customer_landing")
        before = len(lake.table("customer_landing").snapshots())
        check = stedi(lake, "check", "customer_landing")
        assert check.exit_code == 0, check.stderr
        assert "nothing_lost" in check.stdout
        assert len(lake.table("customer_landing").snapshots()) == before

    @pytest.mark.parametrize(
        ("arguments", "code", "sentence"),
        [
            (["nonsense"], 2, "There is no table nonsense: the tables are customer_landing, "),
            (["--show", "nonsense"], 2, "There is no rule nonsense here: the rules are "),
            (["customer_trusted", "--show", "has_readings"], 2, "There is no rule has_readings here: "),
            (["nonsense", "--show", "has_readings"], 2, "There is no table nonsense: "),
            (["customer_trusted"], 2, "There is no lake at "),
        ],
    )
    def test_what_cannot_be_checked_is_said_in_one_sentence(self, tmp_path, arguments, code, sentence):
        check = stedi(TestLake(tmp_path, everybody(tmp_path / "in")), "check", *arguments)
        assert check.exit_code == code
        [said] = [line for line in check.stderr.splitlines() if " is " in line or "There" in line]
        assert said.startswith(sentence)


class TestFixed:
    """The transform is right again; meanwhile the day came on which Eve's withdrawal takes effect."""

    def test_the_run_completes(self, story):
        fixed = story["fixed"]
        assert fixed.run.exit_code == 0, fixed.run.stderr
        assert fixed.rows == dict(zip(DERIVED, (3, 8, 3, 8, 8), strict=True))
        assert fixed.people("accelerometer_trusted") == {BO: 3, CY: 2, FIN: 3}

    def test_time_alone_removes_who_withdrew_first(self, story):
        assert story["fixed"].report["removed"] == dict(zip(DERIVED, (1, 3, 1, 3, 3), strict=True))


class TestLandingRefused:
    """Bo withdraws in the run in which customer_landing itself is refused."""

    def test_nothing_lost_refuses_it_and_the_table_stays(self, story):
        refused = story["landing refused"]
        assert refused.run.exit_code == 1
        assert (
            "customer_landing: publish refused, table unchanged: nothing_lost is broken by 1 of 12 rows"
            in (refused.run.stderr)
        )
        assert refused.contents["customer_landing"] == story["fixed"].contents["customer_landing"]
        assert refused.snapshots["customer_landing"] == story["fixed"].snapshots["customer_landing"]

    def test_the_person_is_gone_all_the_same(self, story):
        refused = story["landing refused"]
        assert refused.report["removed"] == dict(zip(DERIVED, (1, 3, 1, 3, 3), strict=True))
        assert refused.people("accelerometer_trusted") == {CY: 2, FIN: 3}
        assert refused.people("customer_curated") == {CY: 1, FIN: 1}

    def test_the_next_run_completes_and_removes_nothing(self, story):
        finished = story["finished"]
        assert finished.run.exit_code == 0, finished.run.stderr
        assert finished.rows == dict(zip(DERIVED, (2, 5, 2, 5, 5), strict=True))
        assert finished.report["removed"] == {}


def test_under_the_reference_policy_withdrawals_go_first_too(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    lake = TestLake(tmp_path, everybody(tmp_path / "in"), {"STEDI_POLICY": "reference"})
    built = Story(lake).chapter(NOW)
    assert built.rows["machine_learning_curated"] == 6 * 6 * 3
    change_of_minds(lake.landing)
    left = Story(lake).chapter(NOW, ["customer_landing"])
    # Readings from before a consent are no reason for removal here; of the pairs, those of the person go.
    assert left.report["removed"] == dict(zip(DERIVED, (2, 6, 2, 6, 2 * 6 * 3), strict=True))
    assert left.rows == dict(zip(DERIVED, (4, 12, 4, 12, 4 * 6 * 3), strict=True))
