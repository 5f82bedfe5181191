"""Faults on S3: short ones are carried; a long one ends the run in a sentence, and the next run completes.

Person after person moves in, each of whom has one row in every table. Everything goes through a proxy that
refuses and breaks: what boto3, Arrow and the engine ask for.
"""

import gzip
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from scripts.local_s3 import object_store
from stedi_assets.assets import TABLES
from stedi_assets.errors import LakeError
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets_tests.support.copies import sampled
from stedi_assets_tests.support.faulty import RESET, Fault, FaultyServer, faulty
from stedi_assets_tests.support.lakes import KEY, TestLake, customer, one_person, write_landing
from stedi_assets_tests.support.s3 import lake_in_s3, upload

pytestmark = pytest.mark.slow

# What no sentence may hold: people, devices, landing files, keys of S3, and traces of code.
UNSPEAKABLE = ("@example.com", "device-", "Quill", ".json", ".parquet", ".avro", "prefix", "Traceback", "\n")


@dataclass
class Town(TestLake):
    """A lake in S3 behind a proxy, and how many people are in its landing files."""

    proxy: FaultyServer | None = None
    people: int = 0

    def move_in(self):
        """Delivers the files of one more person; those of the phone can be read line by line only."""
        self.people += 1
        email, serial = f"p{self.people}@example.com", f"device-{self.people}"
        files = one_person(email, serial) | {"customer/landing/1.json": customer(email, 500, serial=serial)}
        files = {path.replace("1.json", f"{self.people}.json"): text for path, text in files.items()}
        phone = f"accelerometer/landing/{self.people}.json"
        files[f"{phone}.gz"] = gzip.compress(files.pop(phone).encode(), mtime=0)
        upload(write_landing(self.folder / str(self.people), files), self.settings["STEDI_LANDING"])

    def run_under(self, *faults, **options):
        """Runs the graph while S3 has faults, all of which must strike."""
        self.proxy.faults = list(faults)
        try:
            result = self.run(**options)
        finally:
            self.proxy.faults = []
        assert all(fault.hits for fault in faults), faults
        return result

    def contents(self):
        """The published rows of all tables."""
        with ThreadPoolExecutor() as pool:
            return dict(zip(TABLES, pool.map(self.rows, TABLES), strict=True))

    def rows(self, name):
        # The name of a batch follows from all its files, so it is another one after every delivery.
        columns = [column for column in TABLES[name].columns if column != "batch_id"]
        rows = self.table(name).scan().to_arrow().select(columns)
        return Counter(zip(*(column.to_pylist() for column in rows.columns), strict=True))


@pytest.fixture(scope="module")
def town(object_store_server, tmp_path_factory):
    """A town of two people."""
    folder = tmp_path_factory.mktemp("town")
    with faulty(object_store_server.s3) as proxy, pytest.MonkeyPatch.context() as patch:
        variables = object_store_server.variables() | {
            "AWS_ENDPOINT_URL_S3": proxy.url, "STEDI_PSEUDONYM_KEY": KEY,
        }  # fmt: skip
        for name, value in variables.items():
            patch.setenv(name, value)
        town = Town(folder, settings=lake_in_s3(folder).settings, proxy=proxy)
        town.move_in()
        town.move_in()
        town.built()
        yield town


@pytest.mark.parametrize("what", sampled(["SlowDown", "InternalError", RESET], RESET))
def test_short_faults_are_carried(town, what):
    town.move_in()
    places = {
        "^/l[a-z]+/?$": "GET",  # lists of files
        "^/landing/.*/customer/": "GET|HEAD",
        "^/landing/.*/accelerometer/": "GET|HEAD",
        "/data/.*parquet$": "GET|HEAD",
        "/data/.*parquet": "PUT|POST",
        "/metadata/.*json$": "GET|HEAD",
        "/metadata/.*json": "PUT|POST",
        "/metadata/.*avro$": "GET|HEAD",
        "/metadata/.*avro": "PUT|POST",
    }
    result = town.run_under(*(Fault(what, methods, key, times=2) for key, methods in places.items()))
    assert not result.failures
    assert {name: table.rows for name, table in result.tables.items()} == dict.fromkeys(TABLES, town.people)


# A landing file is read for its content's hash first, then by the engine.
LONG = {
    "a landing file is denied": (
        "customer_landing",
        Fault("AccessDenied", "GET", "^/landing/.*/customer/"),
        "customer_landing: storage or catalog failed (ACCESS_DENIED during GetObject)",
    ),
    "a landing file is denied to the engine": (
        "customer_landing",
        Fault("AccessDenied", "GET", "^/landing/.*/customer/", first=2, by_key=True),
        "customer_landing: the engine stopped while reading landing files (403 Forbidden during GET)",
    ),
    "a landing file breaks off in the parser": (
        "accelerometer_landing",
        Fault(RESET, "GET", "^/landing/.*/accelerometer/", first=2, by_key=True),
        "accelerometer_landing: the engine stopped while reading landing files (NETWORK_CONNECTION during",
    ),
    "rows cannot be counted": (
        "step_trainer_trusted",
        Fault("AccessDenied", "HEAD", "/customer_curated/data/"),
        "customer_curated: the engine stopped while counting rows (403 Forbidden)",
    ),
    "counting rows breaks off": (
        "step_trainer_trusted",
        Fault(RESET, "GET", "/customer_curated/data/"),
        "customer_curated: the engine stopped while counting rows (broken connection)",
    ),
    "rows cannot be read": (
        "machine_learning_curated",
        Fault("AccessDenied", "GET", "/accelerometer_trusted/data/", first=2),
        "machine_learning_curated: the engine stopped while staging rows (403 Forbidden during GET)",
    ),
    "a file with rows vanishes after the rows were counted": (
        "step_trainer_trusted",
        Fault("NoSuchKey", "HEAD", "/customer_curated/data/", first=4),
        "customer_curated: the engine sees 0 of ",
    ),
    "rows cannot be written": (
        "customer_trusted",
        Fault("SlowDown", "PUT|POST", "/customer_trusted/data/.*parquet"),
        "customer_trusted: the engine stopped while staging rows (503 Service Unavailable during PUT)",
    ),
    "writing rows breaks off": (
        "customer_trusted",
        Fault(RESET, "PUT|POST", "/customer_trusted/data/.*parquet"),
        "customer_trusted: the engine stopped while staging rows (no answer during PUT)",
    ),
    "no data file of a table can be read": (
        "customer_trusted",
        Fault("AccessDenied", "GET", "/customer_trusted/data/.*parquet"),
        "customer_trusted: the engine stopped while counting rows (403 Forbidden",
    ),
    "a manifest cannot be written": (
        "customer_trusted",
        Fault("InternalError", "PUT|POST", "/customer_trusted/metadata/.*avro"),
        "customer_trusted: storage or catalog failed (",
    ),
    "the commit cannot be written": (
        "customer_trusted",
        Fault("AccessDenied", "PUT|POST", "/customer_trusted/metadata/.*json"),
        "customer_trusted: storage or catalog failed (ACCESS_DENIED during ",
    ),
    "the commit is written in half": (
        "customer_trusted",
        Fault(RESET, "PUT", "/customer_trusted/metadata/.*json"),
        "customer_trusted: storage or catalog failed (NETWORK_CONNECTION during ",
    ),
}


@pytest.mark.parametrize("case", sampled(LONG, *list(LONG)[::2]))
def test_a_long_fault_ends_the_run_in_a_sentence_and_the_next_run_completes(town, case):
    table, fault, sentence = LONG[case]
    before = town.rows(table)
    failures = town.run_under(fault, select=table, full=True).failures
    assert [failure[: len(sentence)] for failure in failures] == [sentence]
    assert not speaks_of(failures)
    assert town.rows(table) == before
    town.built(select=table, full=True)
    assert town.rows(table) == before


@pytest.mark.parametrize("first", sampled([60, 250], 250))
def test_access_that_is_lost_in_the_middle_of_a_run(town, first):
    before = town.contents()
    town.move_in()
    try:
        failures = town.run_under(Fault("AccessDenied", first=first)).failures
    except LakeError as error:  # lost before a run was started
        failures = [str(error)]
    assert failures
    assert not speaks_of(failures)
    between = town.contents()
    town.built()
    after = town.contents()
    assert {name: sum(rows.values()) for name, rows in after.items()} == dict.fromkeys(TABLES, town.people)
    for name in TABLES:
        assert between[name] in (before[name], after[name])


def test_a_fault_while_tables_are_read_is_a_sentence(town):
    town.proxy.faults = [Fault("AccessDenied", "GET|HEAD", "/metadata/")]
    try:
        with (
            pytest.raises(LakeError, match="ACCESS_DENIED during") as failed,
            opened_lake(town.environment) as lake,
        ):
            assert lake.pinned("customer_trusted").content
    finally:
        town.proxy.faults = []
    assert not speaks_of([str(failed.value)])


def test_after_all_that_the_tables_are_those_of_a_lake_that_never_saw_a_fault(town, tmp_path):
    calm = lake_in_s3(tmp_path, STEDI_LANDING=town.settings["STEDI_LANDING"])
    calm.built()
    calm_town = Town(calm.folder, settings=calm.settings)
    assert town.contents() == calm_town.contents()


@pytest.fixture(scope="module")
def island(tmp_path_factory):
    """A town of one person, and the S3 server that it alone is on."""
    folder = tmp_path_factory.mktemp("island")
    with object_store() as store, pytest.MonkeyPatch.context() as patch:
        for name, value in (store.variables() | {"STEDI_PSEUDONYM_KEY": KEY}).items():
            patch.setenv(name, value)
        town = Town(folder, settings=lake_in_s3(folder).settings)
        town.move_in()
        town.built()
        yield town, store.server


@pytest.mark.parametrize(
    ("table", "step"),
    sampled(
        [
            ("accelerometer_landing", "staging"),
            ("accelerometer_trusted", "staging"),
            ("customer_landing", "publishing"),
        ],
        ("customer_landing", "publishing"),
    ),
)
def test_the_server_is_killed_in_the_middle_of_a_run_and_started_again(island, table, step):
    town, server = island
    town.move_in()

    def kill(progress):
        if (progress.table, progress.step) == (table, step):
            server.kill()

    failures = town.run(select=f"+{table}", on_progress=kill).failures
    server.start()
    assert failures
    assert not speaks_of(failures)
    town.built()
    assert {name: sum(town.rows(name).values()) for name in TABLES} == dict.fromkeys(TABLES, town.people)
    assert {name: len(town.rows(name)) for name in TABLES} == dict.fromkeys(TABLES, town.people)


def speaks_of(sentences):
    return [word for word in UNSPEAKABLE for sentence in sentences if word in sentence]
