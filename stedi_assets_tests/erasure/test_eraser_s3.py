"""Erasing people whose landing files and lake lie in buckets that keep versions."""

import uuid

import pytest

from stedi_assets.assets import DECLARED
from stedi_assets.cli.commands.erase import refresher
from stedi_assets.erasure.plan import make_plan
from stedi_assets.lake.storage import Aws
from stedi_assets.lake.storage.s3 import S3Storage
from stedi_assets.orchestration.erasing import erased, every_lake, run_now, work_folder
from stedi_assets_tests.support.lakes import KEY, one_person, present_at
from stedi_assets_tests.support.s3 import lake_in_s3, put

pytestmark = pytest.mark.slow

AS_OF = 1_709_596_800_000


@pytest.fixture
def client(s3):
    return Aws("us-east-1").s3


@pytest.fixture
def lake(tmp_path, client, monkeypatch, key):
    """A lake and its landing files in a bucket with versions; each landing file was written twice."""
    bucket = f"versions-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    monkeypatch.setenv("STEDI_ERASURE_KEY", KEY)
    lake = lake_in_s3(
        tmp_path,
        STEDI_LANDING=f"s3://{bucket}/in",
        STEDI_LAKE=f"s3://{bucket}/lake",
        STEDI_ERASURE_KEY=KEY,
    )
    people = one_person() | {
        path.replace("/1.json", "/2.json"): text
        for path, text in one_person("stays@example.com", "device-2").items()
    }
    for path, text in people.items():
        put(f"s3://{bucket}/in/{path}", f"{text} ".encode())
        put(f"s3://{bucket}/in/{path}", f"{text}\n{people[path.replace('/1.json', '/2.json')]}\n".encode())
    lake.built(as_of=AS_OF)
    return lake, bucket


def versions(client, bucket):
    """Every version of every object, with its bytes."""
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for found in page.get("Versions", []):
            version = {"VersionId": found["VersionId"]} if found["VersionId"] != "null" else {}
            yield found["Key"], client.get_object(Bucket=bucket, Key=found["Key"], **version)["Body"].read()


def test_no_version_of_an_object_holds_them_afterwards(lake, client):
    placed, bucket = lake
    settings = placed.environment
    assert sum(b"ada@example.com" in data for _, data in versions(client, bucket)) > 4
    with present_at(AS_OF):
        with every_lake(settings, DECLARED) as lakes:
            key = lakes[0].erasure_key.read()
            plan, work = make_plan(lakes, ["ada@example.com"], "T-2", run_now(settings), key)
            work_folder(settings).save(work)
        assert not plan.blocked
        refresh = refresher(settings, lambda progress: None, DECLARED)
        receipt, scanned = erased(settings, DECLARED, work.digest, refresh)
    assert scanned.clean, scanned
    assert receipt.startswith(f"s3://{bucket}/lake.erasure/receipts/")
    assert [name for name, data in versions(client, bucket) if b"ada@example.com" in data.lower()] == []
    assert [row["user"] for row in placed.table("accelerometer_landing").scan().to_arrow().to_pylist()]
    assert [row["email"] for row in placed.table("customer_trusted").scan().to_arrow().to_pylist()] == [
        "stays@example.com"
    ]


def test_a_locked_object_blocks_by_name(lake, monkeypatch):
    settings = lake[0].environment
    monkeypatch.setattr(S3Storage, "locked", lambda self, uri: f"{uri} is locked (COMPLIANCE).")
    with present_at(AS_OF), every_lake(settings, DECLARED) as lakes:
        key = lakes[0].erasure_key.read()
        plan, _ = make_plan(lakes, ["ada@example.com"], "T-2", run_now(settings), key)
    assert any("is locked" in reason for reason in plan.blocked)
