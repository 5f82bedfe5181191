"""The embedded engine."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from stedi_assets.engines import sail
from stedi_assets_tests.support import commands

NOWHERE = "http://127.0.0.1:9"


def test_a_proxy_of_the_environment_does_not_catch_the_connection_to_the_engine(sample_lake, tmp_path):
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "ALL_PROXY"), NOWHERE)
    query = ["sql", "SELECT 7 AS n", "--format", "csv", "--lake", sample_lake.environment.lake]
    done = commands.stedi(tmp_path, *query, **proxies, no_proxy="", NO_PROXY="")
    assert done.stdout == "n\n7\n"


@pytest.mark.parametrize(
    ("uid", "shell", "warned"),
    [(1_234, "/bin/bash", True), (1_234, "/usr/sbin/nologin", False), (65_534, "/bin/sh", False)],
)
def test_a_run_says_once_who_else_reaches_the_engine(monkeypatch, uid, shell, warned):
    """Sail has no password, so that an account that can log in can use its port."""
    steps = []
    account = SimpleNamespace(pw_uid=uid, pw_shell=shell)
    monkeypatch.setattr(sail.pwd, "getpwall", lambda: [account])
    monkeypatch.setattr(sail, "report", lambda *step: steps.append(step))
    sail.warn_of_neighbours.cache_clear()
    sail.warn_of_neighbours()
    sail.warn_of_neighbours()
    assert [table for table, _ in steps] == ["engine"] * warned
    assert all("other accounts of this machine (1) can run code as you" in step for _, step in steps)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_another_account_reaches_the_port_but_not_the_files(spark, sample_lake):
    """The warning is true for a process in the network of the machine, as a run of the UI is."""
    host, port = spark.client._builder.endpoint.split(":")
    code = f"""
import encodings.idna, os, socket
os.setuid(65534)
socket.create_connection(({host!r}, {port})).close()
try:
    os.listdir({sample_lake.environment.lake.removeprefix("file://")!r})
except PermissionError:
    print("reached the port, not the files")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "reached the port, not the files\n"
