"""One behaviour, wherever the lake is: local, and S3 under each kind of catalog."""

import uuid
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import pytest

from scripts.local_s3 import WAREHOUSES
from stedi_assets.assets import TABLES
from stedi_assets.cli.commands.sql import parse_query, run_query
from stedi_assets.errors import LakeError
from stedi_assets.lake.iceberg.commit import replace_files
from stedi_assets.lake.storage import Aws, open_storage
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets_tests.support import public, steps
from stedi_assets_tests.support.copies import sampled
from stedi_assets_tests.support.lakes import (
    KEY,
    PUBLIC,
    TestLake,
    customer,
    one_person,
    write_landing,
)
from stedi_assets_tests.support.maintenance import maintained, scatter
from stedi_assets_tests.support.public import COUNTS
from stedi_assets_tests.support.s3 import upload
from stedi_assets_tests.support.states import contents
from stedi_assets_tests.support.zones import awkward_zone

pytestmark = pytest.mark.slow

PLACES = ("local", "s3-sqlite", "s3-postgres", "s3-rest", "s3-glue")
IN_S3 = PLACES[1:]
fresh_warehouses = iter(range(WAREHOUSES))


@dataclass
class PlacedLake(TestLake):
    """A lake in one of the places, and how landing files get to it."""

    place: str = "local"
    in_s3: bool = field(init=False)

    def __post_init__(self):
        self.in_s3 = self.place != "local"

    def deliver(self, files):
        """Puts landing files where the lake finds them."""
        write_landing(self.landing, files)
        if self.in_s3:
            upload(self.landing, self.settings["STEDI_LANDING"], files)


@pytest.fixture(params=sampled(PLACES, "local", "s3-glue"))
def place(request):
    """Where the lake of the test is."""
    if request.param != "local":
        request.getfixturevalue("s3")
    return request.param


@pytest.fixture
def make_lake(request, tmp_path, monkeypatch, place):
    """Makes lakes in the place: of the sample zone, or of landing files."""
    monkeypatch.setenv("STEDI_PSEUDONYM_KEY", KEY)

    def make(files=None, landing=None, **settings):
        folder = tmp_path / uuid.uuid4().hex[:8]
        folder.mkdir()
        landing = landing or awkward_zone()
        lake = PlacedLake(
            folder,
            write_landing(folder / "in", {}) if files is not None else landing,
            {**placed(request, place, folder), "STEDI_PSEUDONYM_KEY": KEY, **settings},
            place,
        )
        if files is not None:
            lake.deliver(files)
        elif lake.in_s3:
            upload(landing, lake.settings["STEDI_LANDING"])
        return lake

    return make


def placed(request, place, folder):
    """The settings of a fresh lake in a place."""
    if place == "local":
        return {}
    name = folder.name
    settings = {"STEDI_LANDING": f"s3://landing/{name}", "STEDI_LAKE": f"s3://lake/{name}"}
    if place == "s3-sqlite":
        return {**settings, "STEDI_CATALOG": f"sqlite:///{folder}/catalog.db"}
    if place == "s3-postgres":
        server = request.getfixturevalue("postgres_server")
        return {**settings, "STEDI_CATALOG": server.database(f"lake_{name}")}
    if place == "s3-glue":
        request.getfixturevalue("glue").reset()
        return {**settings, "STEDI_CATALOG": "glue"}
    store = request.getfixturevalue("s3")
    warehouse = f"s3://warehouse-{next(fresh_warehouses)}"
    return {**settings, "STEDI_LAKE": warehouse, "STEDI_CATALOG": store.rest}


NEWCOMER = {"customer/landing/2.json": customer("bo@example.com", 500, serial="device-2")}


@pytest.fixture(scope="module")
def in_a_local_lake(tmp_path_factory, dagster_home):
    """What tables a landing zone gives in a local lake under the key of the tests, made once."""

    @cache
    def made(landing, policy="strict", **options):
        settings = {"STEDI_PSEUDONYM_KEY": KEY, "STEDI_POLICY": policy}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STEDI_PSEUDONYM_KEY", KEY)
            lake = TestLake(tmp_path_factory.mktemp("local"), landing, settings)
            lake.built(**options)
            return contents(lake)

    return made


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, in_a_local_lake):
    """The tables of someone with readings and a newcomer."""
    return in_a_local_lake(write_landing(tmp_path_factory.mktemp("in"), one_person() | NEWCOMER))


def test_the_sample_zone_gives_the_rows_of_the_local_lake_and_a_second_run_keeps_them(
    make_lake, in_a_local_lake
):
    lake = make_lake()
    lake.built()
    assert contents(lake) == in_a_local_lake(awkward_zone())
    before = lake.snapshots()
    again = lake.built()
    assert lake.snapshots() == before
    assert {table.changed for table in again.tables.values()} == {False}


def test_a_new_customer_file_changes_what_depends_on_it_and_tables_empty(make_lake):
    lake = make_lake(one_person())
    lake.built()
    assert sum(lake.rows("machine_learning_curated").values()) == 1
    lake.deliver({"customer/landing/2.json": customer("ada@example.com", None, updated=2_000)})
    again = lake.built()
    assert not again.tables["accelerometer_landing"].changed
    assert again.removed["customer_trusted"] == 1
    for name in ("customer_trusted", "accelerometer_trusted", "machine_learning_curated"):
        assert lake.rows(name) == Counter()


def test_an_interrupted_run_leaves_the_old_content_and_the_next_one_finishes(
    make_lake, monkeypatch, uninterrupted
):
    lake = make_lake(one_person())
    lake.built()
    before = lake.contents()
    lake.deliver(NEWCOMER)

    def crash(*_args, **_options):
        raise MemoryError

    with monkeypatch.context() as patched:
        steps.COMMIT.replace(patched, crash)
        assert lake.run().failures
    assert lake.contents() == before
    lake.built()
    assert sum(lake.rows("customer_trusted").values()) == 2
    assert lake.rows("machine_learning_curated") == uninterrupted["machine_learning_curated"]


def test_two_policies_lie_beside_each_other_and_a_table_has_one_folder_below_its_zone(make_lake):
    lake = make_lake(one_person())
    lake.built()
    before = lake.snapshots()
    reference = PlacedLake(
        lake.folder, lake.landing, {**lake.settings, "STEDI_POLICY": "reference"}, lake.place
    )
    reference.built()
    assert lake.snapshots() == before
    assert reference.rows("machine_learning_curated") == lake.rows("machine_learning_curated")
    for name, spec in TABLES.specs.items():
        assert lake.table(name).location() == f"{lake.environment.lake}/{spec.zone}/{name}"
        assert reference.table(name).location() != lake.table(name).location()


def test_queries_read_the_tables_which_a_full_run_makes_anew(make_lake):
    lake = make_lake(one_person())
    lake.built()
    full = lake.built(full=True)
    assert {table.changed for table in full.tables.values()} == {True}
    with opened_lake(lake.environment) as opened:
        query = parse_query("SELECT user, x FROM stedi.accelerometer_trusted", "stedi", TABLES)
        columns, rows = run_query(opened, query)
        assert (columns, list(rows)) == (["user", "x"], [("ada@example.com", 0.1)])
        assert {name: opened.pinned(name).content.rows for name in TABLES} == dict.fromkeys(TABLES, 1)


def test_a_publish_after_another_one_is_refused(make_lake):
    lake = make_lake({})
    lake.built(select="customer_landing")
    mine, theirs = lake.table("customer_landing"), lake.table("customer_landing")
    replace_files(theirs, [], [], snapshot_id=1_001, properties={})
    with pytest.raises(LakeError, match="published by another run"):
        replace_files(mine, [], [], snapshot_id=1_002, properties={})
    assert lake.table("customer_landing").current_snapshot().snapshot_id == 1_001


def test_maintenance_keeps_the_rows_and_deletes_what_no_snapshot_names(make_lake):
    lake = make_lake(one_person())
    lake.deliver({"customer/landing/2.json": customer("bo@example.com", 500, serial="device-2")})
    lake.built(select="customer_landing")
    scatter(lake, "customer_landing")
    rows = lake.rows("customer_landing")
    table = lake.table("customer_landing")
    orphan = f"{table.location()}/data/{'a' * 32}/part.parquet"
    with table.io.new_output(orphan).create() as stream:
        stream.write(b"left behind")
    now = maintained(lake)
    assert (now.files_before, now.files_after, now.files_deleted, now.failures) == (2, 1, 0, ())
    later = maintained(lake, later=8 * 86_400_000)
    assert (later.snapshots_expired, later.failures) == (2, ())
    assert later.files_deleted
    assert later.bytes_deleted
    assert lake.rows("customer_landing") == rows
    assert sum(rows.values()) == 2
    left = open_storage(table.location(), Aws("us-east-1")).list(f"{table.location()}/data")
    assert len([*left]) == 1
    again = maintained(lake, later=8 * 86_400_000)
    assert (again.snapshots_expired, again.files_deleted, again.failures) == (0, 0, ())


@pytest.mark.parametrize("in_s3", ["STEDI_LANDING", "STEDI_LAKE"])
def test_landing_files_and_lake_lie_in_different_places(s3, tmp_path, monkeypatch, in_s3):
    monkeypatch.setenv("STEDI_PSEUDONYM_KEY", KEY)
    landing = write_landing(tmp_path / "in", one_person())
    settings = {"STEDI_PSEUDONYM_KEY": KEY, in_s3: f"s3://{in_s3[6:].lower()}/{tmp_path.name}"}
    if in_s3 == "STEDI_LANDING":
        upload(landing, settings[in_s3])
    else:
        settings["STEDI_CATALOG"] = f"sqlite:///{tmp_path}/catalog.db"
    lake = TestLake(tmp_path, landing, settings)
    assert {table: done.rows for table, done in lake.built().tables.items()} == dict.fromkeys(TABLES, 1)
    assert {name: sum(lake.rows(name).values()) for name in TABLES} == dict.fromkeys(TABLES, 1)
    assert not any(table.changed for table in lake.built().tables.values())


@pytest.mark.parametrize("place", ["s3-rest", "s3-glue"], indirect=True)
@pytest.mark.parametrize("policy", sampled(COUNTS, "strict"))
@public.public
def test_the_public_data_gives_the_counts_of_the_design_and_the_rows_of_a_local_lake(
    make_lake, in_a_local_lake, policy
):
    lake = make_lake(landing=PUBLIC, STEDI_POLICY=policy)
    lake.built(as_of=public.AS_OF)
    assert {name: sum(lake.rows(name).values()) for name in TABLES} == COUNTS[policy]
    assert contents(lake) == in_a_local_lake(PUBLIC, policy, as_of=public.AS_OF)
