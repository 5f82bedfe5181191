"""The servers of the tests never outlive them, and lose nothing when they are killed and started again."""

import os
import signal
import subprocess
import sys

import boto3
import pytest
from botocore.config import Config

from scripts.local_s3 import answers, object_store, wait_until
from stedi_assets_tests.support.lakes import REPOSITORY

START = """
import time
from scripts.local_s3 import aws_services, object_store
with {server}() as running:
    print({port}, flush=True)
    time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(
    ("server", "port"),
    [("object_store", "*running.server.ports"), ("aws_services", "running.url.split(':')[-1]")],
)
def test_a_server_ends_when_whoever_started_it_is_killed(tmp_path, server, port, sign):
    child = subprocess.Popen(
        [sys.executable, "-c", START.format(server=server, port=port)],
        stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    try:
        ports = [int(port) for port in child.stdout.readline().split()]
        assert ports
        assert all(answers(port) for port in ports)
    finally:
        child.send_signal(sign)
        child.wait()
        child.stdout.close()
    wait_until(lambda: not any(answers(port) for port in ports), "the end of the server")


@pytest.mark.slow
def test_nothing_is_left_when_the_block_ends(tmp_path):
    source = START.format(server="object_store", port="*running.server.ports").replace("time.sleep(600)", "")
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True, text=True, check=True, cwd=REPOSITORY,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert not any(answers(int(port)) for port in done.stdout.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_objects_can_be_read_as_soon_as_a_killed_server_is_up_again(monkeypatch):
    with object_store() as store:
        for name, value in store.variables().items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))
        for last in range(3):
            client.put_object(Bucket="lake", Key=str(last), Body=b"stored")
            store.server.kill()
            store.server.start()
            for key in map(str, range(last + 1)):
                assert client.get_object(Bucket="lake", Key=key)["Body"].read() == b"stored"
