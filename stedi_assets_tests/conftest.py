"""Fixtures that several test modules share: a session, a Dagster home, a lake built from the sample zone."""

import sqlite3
from collections.abc import Iterator

import dagster as dg
import pytest
from hypothesis import HealthCheck, Phase, settings
from pyspark.sql import SparkSession
from sqlalchemy import Engine, event

from scripts.local_s3 import POSTGRES, aws_services, object_store, postgres
from stedi_assets.cli import in_process
from stedi_assets.engines.sail import SailResource
from stedi_assets.settings import DEFAULTS
from stedi_assets_tests.support.faulty import faulty
from stedi_assets_tests.support.forgetful import forgetful_instance
from stedi_assets_tests.support.lakes import KEY, TestLake

# One example is some queries of the engine, so that to shrink one takes minutes: a failing test leaves its
# example in .hypothesis/, and `pytest --hypothesis-profile=thorough --timeout=0` finds and shrinks more.
FIND = (Phase.explicit, Phase.reuse, Phase.generate)
for name, examples, phases in (("quick", 60, FIND), ("thorough", 1_000, (*FIND, Phase.shrink))):
    settings.register_profile(
        name,
        max_examples=examples,
        phases=phases,
        deadline=None,  # the first query of a session is slower than any deadline
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
settings.load_profile("quick")


@event.listens_for(Engine, "connect")
def do_not_wait_for_the_disk(connection, _record):
    """A run commits some 200 times to Dagster's SQLite, and tests need not outlive a power cut."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A session on an embedded Sail server: the engine that runs by default."""
    engine = SailResource(memory_mb=1024)
    try:
        yield engine.spark_session
    finally:
        engine.teardown_after_execution(dg.build_init_resource_context())


@pytest.fixture(scope="session", autouse=True)
def dagster_home(tmp_path_factory):
    """Keeps the tests out of the Dagster home and the settings of anyone who runs them.

    What runs in this process reports to an instance that keeps no events: to store the 400 events of a run
    is a third of a small run, in memory too. A test that looks at the instance sets a home of its own.
    """
    from_config, shown = dg.DagsterInstance.from_config, in_process.shown

    def instance(folder, *arguments):
        return forgetful_instance() if folder == str(home) else from_config(folder, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("dagster")
        patch.setattr(dg.DagsterInstance, "from_config", staticmethod(instance))
        # No run is started only to show tables in an instance that shows nothing.
        patch.setattr(
            in_process, "shown", lambda found, keys: found is forgetful_instance() or shown(found, keys)
        )
        patch.setenv("DAGSTER_HOME", str(home))
        for name in DEFAULTS:
            patch.delenv(name, raising=False)
        yield home


@pytest.fixture(scope="module")
def key():
    """The key of the tests, which a lake looks up in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEDI_PSEUDONYM_KEY", KEY)
        yield


@pytest.fixture(scope="session")
def sample_lake(tmp_path_factory, dagster_home):
    """The sample zone, built once; tests must not change it."""
    lake = TestLake(tmp_path_factory.mktemp("sample"))
    lake.built()
    return lake


@pytest.fixture(scope="session")
def object_store_server():
    """One S3 server for all tests that need one."""
    with object_store() as store:
        yield store


@pytest.fixture(scope="session")
def aws_services_server():
    """One Glue and Secrets Manager for all tests that need them."""
    with aws_services() as services:
        yield services


@pytest.fixture(scope="session")
def postgres_server():
    """One PostgreSQL for all tests that need it."""
    if POSTGRES is None:
        pytest.skip("PostgreSQL is not installed here.")
    with postgres() as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.variables().items():
            patch.setenv(name, value)
        yield running


@pytest.fixture
def s3(object_store_server, monkeypatch):
    """S3 with an Iceberg REST catalog, which AWS clients find by the standard variables."""
    for name, value in object_store_server.variables().items():
        monkeypatch.setenv(name, value)
    return object_store_server


@pytest.fixture
def faulty_s3(s3, monkeypatch):
    """The proxy that every AWS client goes through on its way to S3."""
    with faulty(s3.s3) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        yield proxy


@pytest.fixture
def glue(s3, aws_services_server, monkeypatch):
    """Glue and Secrets Manager beside S3."""
    for name, value in aws_services_server.variables().items():
        monkeypatch.setenv(name, value)
    return aws_services_server
