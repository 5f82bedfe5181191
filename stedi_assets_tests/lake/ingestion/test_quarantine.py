"""Lines that cannot become rows are kept with the reason, in step with the table that they were meant for."""

import gzip
import json
from collections import Counter

import pytest

from stedi_assets.assets import TABLES
from stedi_assets.lake import Run, publish
from stedi_assets.lake.iceberg.commit import replace_files
from stedi_assets.lake.ingestion import refresh_landing
from stedi_assets.lake.ingestion.lines import KEPT_BYTES
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets.tables import QUARANTINE
from stedi_assets_tests.support import steps
from stedi_assets_tests.support.copies import Kept, sampled
from stedi_assets_tests.support.lakes import (
    EPOCH,
    TestLake,
    counts,
    customer,
    reading,
    write_landing,
)
from stedi_assets_tests.support.town import LANDING
from stedi_assets_tests.support.zones import awkward_zone

ADA, BO = customer("ada@example.com", 500), customer("bo@example.com", 500, serial="device-2")
ADA_UNREADABLE = customer("Ada@example.com", None, updated=2_000)[:-30]


def lines(lake, table=None):
    """The quarantined lines as (file, number, reason, raw), of one landing table or of all."""
    found = lake.table("quarantine").scan().to_arrow().to_pylist()
    return sorted(
        (row["source_file"], row["line_number"], row["reason"], row["raw"])
        for row in found
        if table in (None, row["table_name"])
    )


def customers_trusted(lake):
    return sorted(row[1] for row in lake.rows("customer_trusted"))


def zone(tmp_path, **customers):
    files = {f"customer/landing/{name}.json": content for name, content in customers.items()}
    return write_landing(tmp_path / "in", files)


@pytest.mark.parametrize("table", LANDING)
def test_every_quarantined_line_of_the_sample_is_the_line_of_its_file(sample_lake, table):
    found = lines(sample_lake, table)
    properties = sample_lake.table(table).current_snapshot().summary.additional_properties
    assert len(found) == counts(sample_lake, table)["quarantined"]
    assert Counter(reason for _, _, reason, _ in found) == json.loads(properties["stedi.reasons"])
    for file, number, _, raw in found:
        data = (awkward_zone() / file).read_bytes()
        text = gzip.decompress(data) if file.endswith(".gz") else data
        assert text.splitlines()[number - 1] == raw


def test_customer_lines_of_the_sample_that_name_nobody_are_counted(sample_lake):
    assert counts(sample_lake, "customer_landing")["nameless"] == 4
    assert counts(sample_lake, "accelerometer_landing")["nameless"] == 0


def test_who_is_held_in_the_sample_is_in_no_table_but_customer_landing(sample_lake):
    held = {"Hazel.Parallax@example.com", "Rowan.Parallax@example.com"}
    assert held <= {row[1] for row in sample_lake.rows("customer_landing")}
    for name in ("customer_trusted", "accelerometer_trusted", "customer_curated"):
        assert not held & {value for row in sample_lake.rows(name) for value in row}


def test_lines_that_break_value_rules_are_found_among_plain_ones(tmp_path):
    clean = "".join(f"{reading(x=n / 100)}\n" for n in range(50))
    files = {
        "clean.json": clean,
        "broken.json": f"{clean}{reading(x=17)}\n\n{reading('ada')}\n{clean}",
        "odd.json": f"{reading(timestamp=5)},\n{reading()},\n",
    }
    lake = TestLake(
        tmp_path,
        write_landing(tmp_path / "in", {f"accelerometer/landing/{name}": c for name, c in files.items()}),
    )
    lake.built(select="accelerometer_landing")
    assert lines(lake) == [
        ("accelerometer/landing/broken.json", 51, "x_in_range", reading(x=17).encode()),
        ("accelerometer/landing/broken.json", 53, "user_format", reading("ada").encode()),
        ("accelerometer/landing/odd.json", 1, "timestamp_in_range", f"{reading(timestamp=5)},".encode()),
    ]
    found = counts(lake, "accelerometer_landing")
    assert (found["lines"], found["rows"], found["quarantined"], found["empty"]) == (155, 151, 3, 1)
    assert sum(lake.rows("accelerometer_landing").values()) == 151


@pytest.mark.slow
def test_of_a_long_line_the_beginning_is_kept(tmp_path):
    lake = TestLake(tmp_path, zone(tmp_path, a=ADA[:-1] + ', "note": "' + "é" * 2_000_000 + '"}\n' + BO))
    lake.built()
    [(_, number, reason, raw)] = lines(lake)
    assert (number, reason, len(raw)) == (1, "record_too_long", KEPT_BYTES)
    assert raw.startswith(ADA[:-1].encode())
    assert customers_trusted(lake) == ["bo@example.com"]


def test_a_held_person_is_out_until_the_line_is_mended(tmp_path):
    lake = TestLake(tmp_path, zone(tmp_path, a=f"{ADA}\n{BO}\n"))
    lake.built()
    assert customers_trusted(lake) == ["ada@example.com", "bo@example.com"]
    zone(tmp_path, b=ADA_UNREADABLE)
    lake.built()
    assert customers_trusted(lake) == ["bo@example.com"]
    zone(tmp_path, b=ADA)
    lake.built()
    assert customers_trusted(lake) == ["ada@example.com", "bo@example.com"]
    assert lines(lake) == []


@pytest.mark.slow
def test_the_same_files_give_the_same_lines(tmp_path):
    lake = TestLake(tmp_path)
    lake.built()
    before = lake.rows("quarantine")
    lake.built()
    assert len(lake.table("quarantine").snapshots()) == len(LANDING)
    lake.built(full=True)
    assert lake.rows("quarantine") == before


@pytest.mark.slow
def test_without_faulty_lines_there_is_no_quarantine(tmp_path):
    lake = TestLake(tmp_path, zone(tmp_path, a=ADA))
    lake.built()
    with opened_lake(lake.environment) as opened:
        handle = opened.pinned("quarantine")
        assert not handle.exists
        assert handle.frame(opened.spark).columns == QUARANTINE.columns
        assert handle.frame(opened.spark).count() == 0


@pytest.mark.slow
def test_the_lines_of_readings_are_nothing_to_customer_trusted(tmp_path):
    lake = TestLake(tmp_path, zone(tmp_path, a=f"{ADA}\n{BO}\n", b=ADA_UNREADABLE))
    lake.built()
    write_landing(tmp_path / "in", {"accelerometer/landing/a.json": "-- end of export --"})
    again = lake.built()
    assert again.tables["accelerometer_landing"].changed
    assert not again.tables["customer_trusted"].changed
    assert len(lines(lake)) == 2


class TestInterrupted:
    """Several commits: a run that ends between them is found out, and finished by the next one."""

    @pytest.fixture(scope="class")
    def built(self, tmp_path_factory):
        """A lake whose customer_landing is ahead of the quarantine: Ada's line was fixed by a withdrawal."""
        folder = tmp_path_factory.mktemp("lakes") / "built"
        lake = TestLake(folder, zone(folder, a=f"{ADA}\n{BO}\n", b=ADA_UNREADABLE))
        lake.built()
        zone(folder, b=customer("ada@example.com", None, updated=2_000))

        def crash(*_arguments, **_options):
            raise MemoryError

        with pytest.MonkeyPatch.context() as patched:
            steps.COMMIT_SYSTEM.replace(patched, crash)
            assert lake.run(select="customer_landing").failures
        assert len(lake.rows("customer_landing")) == 3
        assert [reason for _, _, reason, _ in lines(lake)] == ["truncated"]
        return lake, Kept.of(folder)

    @pytest.fixture
    def lake(self, built):
        lake, kept = built
        yield lake
        kept.restore()

    @pytest.mark.parametrize(
        "tables",
        sampled(
            ["customer_trusted", "customer_landing,customer_trusted", None], "customer_trusted", rest="slow"
        ),
    )
    def test_whoever_comes_next_finishes(self, lake, tables):
        lake.built(select=tables)
        assert lines(lake) == []
        assert len(lake.rows("customer_landing")) == 3
        assert customers_trusted(lake) == ["bo@example.com"]

    def test_what_has_happened_to_the_file_since_is_another_batch(self, lake):
        zone(lake.folder, b=ADA_UNREADABLE)
        lake.built()
        assert [reason for _, _, reason, _ in lines(lake)] == ["truncated"]
        assert len(lake.rows("customer_landing")) == 2
        assert customers_trusted(lake) == ["bo@example.com"]


def test_lines_of_another_table_may_be_published_meanwhile(tmp_path, monkeypatch):
    files = {"customer/landing/a.json": ADA_UNREADABLE, "accelerometer/landing/a.json": "null"}
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", files))
    lake.built(select="accelerometer_landing")
    load, meanwhile = steps.LOAD_TABLE.function, []

    def overtaken(catalog, database, name, uri):
        table = load(catalog, database, name, uri)
        if name == QUARANTINE.name and not meanwhile:
            meanwhile.append(
                replace_files(load(catalog, database, name, uri), [], [], snapshot_id=1_001, properties={})
            )
        return table

    with opened_lake(lake.environment) as mine:
        outcome = refresh_landing(mine, TABLES["customer_landing"], Run("run", EPOCH, "strict"))
        steps.LOAD_TABLE.replace(monkeypatch, overtaken)
        publish(mine, outcome)
    assert meanwhile
    assert [reason for _, _, reason, _ in lines(lake)] == ["not_an_object", "truncated"]
