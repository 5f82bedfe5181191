"""Erasing awkward people from a lake with a history: nothing of them is left, all of the others is."""

import gzip
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from scripts import verify_receipt
from stedi_assets.assets import DECLARED
from stedi_assets.cli.main import main
from stedi_assets.cli.people import COLUMNS
from stedi_assets.erasure.eraser import reapply
from stedi_assets.erasure.request import WorkFolder
from stedi_assets.errors import LakeError, SettingError
from stedi_assets.lake.iceberg.catalog import open_catalog
from stedi_assets.lake.ingestion.faults import canonical
from stedi_assets.lake.storage import Aws
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.erasing import erased, every_lake, run_now, work_folder
from stedi_assets_tests.support.copies import Kept
from stedi_assets_tests.support.erasure import (
    ASKED_FORMS,
    AT,
    STAYS,
    THEIR_DEVICES,
    erase_all,
    planned,
    quiet,
    searched,
    zone,
)
from stedi_assets_tests.support.lakes import (
    AS_OF,
    KEY,
    customer,
    new_lake,
    present_at,
    reading,
    step,
    write_landing,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kept(tmp_path_factory, key):
    """A lake under both policies with six snapshots or more."""
    folder = tmp_path_factory.mktemp("erasure") / "all"
    folder.mkdir()
    lake = new_lake(folder)
    write_landing(lake.landing, zone())
    reference = replace(lake, settings={**lake.settings, "STEDI_POLICY": "reference"})
    for placed in (lake, reference):
        placed.built()
    for day in range(2):
        later = AT + 86_400_000 * (day + 1)
        more = f"{reading('ada@example.com', later)}\n{reading('stays@example.com', later)}\n"
        write_landing(lake.landing, {f"accelerometer/landing/later{day}.json": more})
        lake.built()
    reference.built()
    return lake, Kept.of(folder)


@pytest.fixture
def lake(kept):
    kept[1].restore()
    return kept[0]


def tables(lake, database="stedi"):
    """The rows of all tables, as another program reads them, with their columns."""
    settings = lake.environment
    catalog = open_catalog(settings.catalog, settings.lake, Aws(""))
    found = {}
    for _, name in catalog.list_tables(database):
        if name != "ledger":
            found[name] = catalog.load_table((database, name)).scan().to_arrow().to_pylist()
    return found


def of_others(rows, subjects):
    """The rows that stay, by plain comparison of what names a person or a device."""

    def stays(row):
        named = {canonical(str(row.get(column) or "")) for column in ("email", "user", "who")}
        serials = {str(row.get(column) or "") for column in ("serialnumber", "who")}
        subject = row.get("subject_id")
        return not (named & ASKED_FORMS or serials & THEIR_DEVICES or subject in subjects)

    def shown(row):
        path = str(row.get("source_file"))
        renamed = "erased-" in path or "Ada@" in path or "d-ada" in path
        return json.dumps({**row, "source_file": renamed or path}, default=repr, sort_keys=True)

    return Counter(shown(row) for row in rows if stays(row))


class TestNothingIsLeft:
    @pytest.fixture(scope="class")
    def after(self, kept):
        kept[1].restore()
        lake = kept[0]
        before = {name: tables(lake, name) for name in ("stedi", "stedi_reference")}
        receipt, scanned = erase_all(lake)
        return lake, before, receipt, scanned

    def test_the_scanner_finds_nothing(self, after):
        assert after[3].clean, after[3]
        assert after[3].files > 50

    def test_plain_bytes_hold_nothing_of_them(self, after):
        texts = [*ASKED_FORMS, *THEIR_DEVICES]
        assert searched(after[0].folder, texts) == set()

    @pytest.mark.parametrize("database", ["stedi", "stedi_reference"])
    def test_all_rows_of_the_others_are_there_and_no_other(self, after, database):
        from stedi_assets.transforms.pseudonyms import subject_id

        lake, before, _, _ = after
        subjects = {subject_id(KEY.encode(), email) for email in ASKED_FORMS}
        now = tables(lake, database)
        for name, rows in before[database].items():
            if name == "quarantine":
                continue
            expected = of_others(rows, subjects)
            if database == "stedi_reference" and name == "machine_learning_curated":
                assert of_others(now[name], subjects) <= expected  # their devices met readings of others
                continue
            assert of_others(now[name], set()) == expected, name

    def test_a_faulty_record_of_several_people_holds_the_others_without_its_text(self, after):
        lines = tables(after[0])["quarantine"]
        assert [(line["people"], line["raw"]) for line in lines if line["people"]] == [
            ("also.held@example.com", b"")
        ]
        assert any(b"stays@example.com" in line["raw"] for line in lines)

    def test_landing_files_keep_every_byte_of_the_others(self, after):
        landing = after[0].landing
        whole = zone()
        first = whole["customer/landing/1.json"].splitlines(keepends=True)
        assert (landing / "customer/landing/1.json").read_text() == first[2]
        assert not (landing / "customer/landing/alone/only.json").exists()
        packed = (landing / "accelerometer/landing/2.json.gz").read_bytes()
        assert gzip.decompress(packed).decode() == f"{reading('stays@example.com', AT + 1)}\n"

    def test_no_name_of_a_file_holds_one(self, after):
        ledger = after[0].table("ledger").scan().to_arrow().to_pylist()
        listed = [path.relative_to(after[0].landing).as_posix() for path in after[0].landing.rglob("*.json*")]
        for path in [*listed, *(entry["path"] for entry in ledger)]:
            assert not [name for name in (*ASKED_FORMS, *THEIR_DEVICES) if name in path.lower()]
        assert sum("erased-" in path for path in listed) == 2

    def test_a_device_that_was_shared_stays_shared(self, after):
        assert not [
            row for row in tables(after[0])["step_trainer_trusted"] if row["serialnumber"] == "d-shared"
        ]

    def test_everything_is_up_to_date_and_every_check_passes(self, after):
        lake = after[0]
        with present_at(AS_OF):
            result = lake.run()
        assert result.run_id is None or not any(table.changed for table in result.tables.values())

    def test_files_that_were_rewritten_are_no_changed_files(self, after):
        lake = after[0]
        before = lake.snapshots()
        lake.built()
        assert lake.snapshots() == before

    def test_the_receipt_is_good_and_holds_no_value(self, after, monkeypatch, capsys):
        folder = Path(after[2].removeprefix("file://")).parent
        monkeypatch.setattr("sys.argv", ["verify_receipt", str(folder)])
        assert verify_receipt.main() == 0
        text = Path(after[2].removeprefix("file://")).read_text()
        assert not [value for value in [*ASKED_FORMS, *THEIR_DEVICES] if value in text]
        assert "out of reach" in text

    def test_the_work_with_their_names_is_wiped(self, after):
        plan = json.loads(Path(after[2].removeprefix("file://")).read_text())["receipt"]["plan"]
        with pytest.raises(SettingError, match="There is no plan"):
            work_folder(after[0].environment).load(plan)


class TestTheyStayAway:
    @pytest.fixture
    def lake(self, lake):
        erase_all(lake)
        return lake

    def rows(self, lake):
        return {name: Counter(map(repr, rows)) for name, rows in tables(lake).items() if name != "quarantine"}

    def test_old_files_under_new_names_and_under_their_own_bring_no_one_back(self, lake):
        before = self.rows(lake)
        again = {path.replace("landing/", "landing/again/"): data for path, data in zone().items()}
        write_landing(lake.landing, again)
        lake.built()
        write_landing(lake.landing, zone())
        lake.built()
        lake.built(full=True)
        lake.built(retry=True)
        after = self.rows(lake)
        for name in ("customer_trusted", "accelerometer_trusted", "step_trainer_trusted", "activity"):
            assert not [row for row in after[name] if any(value in row for value in ASKED_FORMS)]
        assert after["machine_learning_curated"] == before["machine_learning_curated"]
        assert {
            key for row in tables(lake)["accelerometer_landing"] for key in [canonical(row["user"])]
        } <= set(STAYS)

    def test_a_new_key_brings_no_one_back(self, lake):
        before = Counter(map(len, map(repr, tables(lake)["machine_learning_curated"])))
        lake.built(rekey=True)
        assert Counter(map(len, map(repr, tables(lake)["machine_learning_curated"]))) == before


def test_the_bytes_of_before_land_no_one_else_twice(lake):
    erase_all(lake)
    before = Counter(map(repr, tables(lake)["accelerometer_landing"]))
    write_landing(lake.landing, {"accelerometer/landing/copy.json": zone()["accelerometer/landing/1.json"]})
    lake.built()
    assert Counter(map(repr, tables(lake)["accelerometer_landing"])) == before


def test_a_lake_that_was_put_back_is_refused_until_everyone_is_erased_again(lake):
    backup = lake.folder / "lake-backup"
    shutil.copytree(lake.folder / "lake", backup)
    landing = lake.folder / "in-backup"
    shutil.copytree(lake.landing, landing)
    erase_all(lake)
    good = tables(lake)["accelerometer_trusted"]
    for copy, place in ((backup, lake.folder / "lake"), (landing, lake.landing)):
        shutil.rmtree(place)
        copy.rename(place)
    assert "stedi erase reapply" in " ".join(lake.run().failures)
    settings = lake.environment
    with present_at(AS_OF), every_lake(settings, DECLARED) as lakes:
        reapply(lakes, run_now(settings), quiet(settings))
    assert Counter(map(repr, tables(lake)["accelerometer_trusted"])) == Counter(map(repr, good))
    assert searched(lake.folder, [*ASKED_FORMS, *THEIR_DEVICES]) == set()


def test_without_its_tombstones_a_lake_is_refused(lake):
    erase_all(lake)
    shutil.rmtree(lake.folder / "lake.erasure")
    write_landing(lake.landing, {"accelerometer/landing/new.json": reading("stays@example.com", AT + 5)})
    assert "put the tombstones back" in " ".join(lake.run().failures)


def test_an_erasure_that_is_killed_after_any_step_goes_on(lake, monkeypatch):
    """Every note of the progress is a point at which the process may end."""
    _, digest = planned(lake)
    note, stopped = WorkFolder.note, 0

    class Killed(BaseException):
        pass

    while True:
        seen = 0

        def dies(self, work):
            nonlocal seen
            note(self, work)
            seen += 1
            if seen == 1:
                raise Killed

        monkeypatch.setattr(WorkFolder, "note", dies)
        try:
            with present_at(AS_OF):
                _, scanned = erased(lake.environment, DECLARED, digest, quiet(lake.environment))
            break
        except Killed:
            stopped += 1
    assert stopped > 8
    assert scanned.clean, scanned
    assert searched(lake.folder, [*ASKED_FORMS, *THEIR_DEVICES]) == set()


class TestPlan:
    def test_a_lake_that_changed_is_planned_again(self, lake):
        _, digest = planned(lake)
        write_landing(lake.landing, {"accelerometer/landing/new.json": reading("stays@example.com", AT + 5)})
        with pytest.raises(LakeError, match="plan again"), present_at(AS_OF):
            erased(lake.environment, DECLARED, digest, quiet(lake.environment))

    def test_another_digest_is_refused(self, lake):
        planned(lake)
        with pytest.raises(SettingError, match="There is no plan"):
            erased(lake.environment, DECLARED, "0" * 16, quiet(lake.environment))

    def test_a_tag_blocks_by_name(self, lake):
        table = lake.table("customer_trusted")
        table.manage_snapshots().create_tag(table.metadata.snapshots[0].snapshot_id, "audit-2024").commit()
        lake.built(full=True)
        plan, digest = planned(lake)
        assert any("the tag audit-2024" in reason for reason in plan.blocked)
        with pytest.raises(LakeError, match="audit-2024"), present_at(AS_OF):
            erased(lake.environment, DECLARED, digest, quiet(lake.environment))

    def test_places_counts_and_no_value(self, lake):
        plan, _ = planned(lake)
        found = {(place.place, place.of): place.found for place in plan.places}
        assert found["stedi.customer_landing", "rows"] == 8
        assert found["landing files of customer_landing", "records"] == 10
        assert not [value for value in [*ASKED_FORMS, *THEIR_DEVICES] if value in repr(plan)]
        assert any("counts as shared for ever" in sentence for sentence in plan.decisions)


class TestCommands:
    def printed(self, lake, *arguments, given=""):
        home = {"STEDI_LANDING": str(lake.landing), "STEDI_LAKE": str(lake.folder / "lake")}
        with present_at(AS_OF):
            return CliRunner().invoke(main, [*arguments], input=given, env=home, catch_exceptions=False)

    def test_show_counts_and_copies_what_there_is_of_someone(self, lake, tmp_path):
        out = tmp_path / "answer"
        done = self.printed(
            lake, "person", "show", "--export", str(out), "--format", "json", given="ADA@example.com\n"
        )
        assert done.exit_code == 0, done.output
        assert {row["place"]: row["found"] for row in json.loads(done.stdout)}[
            "stedi.accelerometer_trusted"
        ] == 4
        assert "ada@example.com" not in done.output.lower()
        delivered = (out / "customer_landing-delivered.jsonl").read_text().splitlines()
        assert len(delivered) == 2
        assert (out / "customer_landing-delivered.jsonl").stat().st_mode & 0o077 == 0

    def test_a_line_that_is_no_email_is_named_by_its_number(self, lake):
        done = self.printed(lake, "erase", "plan", given="ada@example.com\nAda Lovelace\n")
        assert done.exit_code == 2
        assert "Line 2" in done.output
        assert "Lovelace" not in done.output

    def test_those_who_want_to_come_back_may(self, lake):
        erase_all(lake, ["ada@example.com"])
        record = customer("ada@example.com", 500, updated=9_500, serial="d-new")
        write_landing(lake.landing, {"customer/landing/new.json": record})
        lake.built()
        assert not [row for row in tables(lake)["customer_landing"] if "ada" in row["email"].lower()]
        done = self.printed(lake, "erase", "lift", "--reason", "registered again", given="ada@example.com\n")
        assert done.exit_code == 0, done.output
        assert "1 tombstone ended" in done.output
        lake.built(full=True)
        assert [row["email"] for row in tables(lake)["customer_landing"] if "ada" in row["email"].lower()]

    def test_a_device_is_free_again_for_its_next_owner(self, lake):
        erase_all(lake, ["ada@example.com"])
        registered = AS_OF + 1_000
        next_owner = json.loads(customer("next@example.com", 500, serial="d-ada"))
        next_owner["registrationDate"] = registered
        write_landing(
            lake.landing,
            {
                "customer/landing/next.json": json.dumps(next_owner),
            },
        )
        lake.built()
        lines = f"{step(registered - 1, 'd-ada')}\n{step(registered + 1, 'd-ada')}\n"
        write_landing(lake.landing, {"step_trainer/landing/next.json": lines})
        lake.built()
        times = [
            row["sensorreadingtime"]
            for row in tables(lake)["step_trainer_landing"]
            if row["serialnumber"] == "d-ada"
        ]
        assert times == [registered + 1]


def test_the_job_of_the_ui_is_told_the_digest_only(lake):
    _, digest = planned(lake)
    job = build_defs(lake.environment).resolve_job_def("erase")
    with present_at(AS_OF), dg.DagsterInstance.ephemeral() as instance:
        done = job.execute_in_process(run_config={"digest": digest}, instance=instance)
        told = " ".join(repr(event) for event in done.all_events)
    assert done.success
    assert searched(lake.folder, [*ASKED_FORMS, *THEIR_DEVICES]) == set()
    assert digest in str(done.dagster_run.run_config)
    assert not [value for value in [*ASKED_FORMS, *THEIR_DEVICES] if value in told]


def test_columns_of_the_plan():
    assert COLUMNS == ("place", "found", "of")
