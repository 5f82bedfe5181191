"""The servers of the tests never outlive them."""

import os
import signal
import subprocess
import sys

import pytest

from stedi_assets_tests.lakes import REPOSITORY
from stedi_assets_tests.servers import answers, wait_until

START = """
import time
from stedi_assets_tests.servers import aws_services, object_store
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
