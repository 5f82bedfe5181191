"""Spark on a cluster makes in S3 the very tables that Sail makes on this machine.

`make spark-s3-test` runs this: Spark fetches hadoop-aws with the AWS SDK (700 MB) from Maven, and keeps it.
"""

import os
from pathlib import Path

import pyspark
import pytest

from scripts.local_s3 import object_store
from scripts.spark_cluster import spark_cluster
from stedi_assets.assets import TABLES
from stedi_assets_tests.support.commands import stedi
from stedi_assets_tests.support.lakes import KEY, PUBLIC, TestLake
from stedi_assets_tests.support.public import AS_OF, COUNTS, public
from stedi_assets_tests.support.s3 import upload
from stedi_assets_tests.support.states import contents

pytestmark = [pytest.mark.maven, pytest.mark.timeout(1800), public]

[HADOOP] = Path(pyspark.__file__).parent.glob("jars/hadoop-client-api-*.jar")
HADOOP_AWS = f"org.apache.hadoop:hadoop-aws:{HADOOP.stem.removeprefix('hadoop-client-api-')}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster beside an S3 server that has the public data; gives its address."""
    with object_store() as store, pytest.MonkeyPatch.context() as patch:
        for name, value in store.variables().items():
            patch.setenv(name, value)
        upload(PUBLIC, "s3://landing/public")
        with spark_cluster(tmp_path_factory.mktemp("cluster")) as address:
            yield address


def test_a_spark_without_hadoop_aws_is_refused_in_a_sentence(cluster, tmp_path):
    where = ("--landing", "s3://landing/public", "--lake", "s3://lake/none")
    where += ("--catalog", f"sqlite:///{tmp_path}/s3.db")
    done = stedi(tmp_path, "run", *where, "--engine", cluster, "--select", "customer_landing", check=False)
    assert done.returncode == 1
    assert "STEDI_ENGINE: this Spark lacks hadoop-aws" in done.stderr


@pytest.mark.parametrize("policy", COUNTS)
def test_every_row_is_the_one_that_sail_makes_on_this_machine(cluster, tmp_path, monkeypatch, policy):
    monkeypatch.setenv("STEDI_PSEUDONYM_KEY", KEY)
    common = {"STEDI_POLICY": policy, "STEDI_PSEUDONYM_KEY": KEY}
    local = TestLake(tmp_path, PUBLIC, common)
    local.built(as_of=AS_OF)
    in_s3 = {
        "STEDI_LANDING": "s3://landing/public",
        "STEDI_LAKE": f"s3://lake/{policy}",
        "STEDI_CATALOG": f"sqlite:///{tmp_path}/s3.db",
        "STEDI_ENGINE": cluster,
    }
    packages = {"PYSPARK_SUBMIT_ARGS": f"--packages {HADOOP_AWS} pyspark-shell"}
    done = stedi(tmp_path, "run", as_of=AS_OF, **common, **in_s3, **packages)
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr
    expected, made = contents(local), contents(TestLake(tmp_path, settings=common | in_s3))
    assert {name: rows.total() for name, rows in made.items()} == COUNTS[policy]
    assert [name for name in TABLES if made[name] != expected[name]] == []
