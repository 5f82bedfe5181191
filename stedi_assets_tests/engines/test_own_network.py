"""A command that works on this machine only has a network of its own, in which no one reaches its engine."""

import json
import os
import subprocess
import sys

import pytest

from stedi_assets.settings import Settings
from stedi_assets_tests.support.commands import STEDI, reached, started
from stedi_assets_tests.support.lakes import new_lake, one_person, write_landing

ENTER = """
import json, os, socket
from stedi_assets.engines.own_network import enter_own_network, has_own_network
{become}
before = os.readlink("/proc/self/ns/net"), os.geteuid()
assert enter_own_network() is has_own_network()
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
now = os.readlink("/proc/self/ns/net"), os.geteuid()
print(json.dumps([has_own_network(), now[0] != before[0], now[1] == before[1]]))
"""
# A process that gave up root is not shown its own files in /proc, as another program might look into it.
WITHOUT_RIGHTS = """
import ctypes, encodings.idna
os.setgroups([]); os.setgid(65534); os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1)
"""
PORTS = "/proc/{}/net/tcp"
LISTENS = "0A"


def entered(become=""):
    code = ENTER.format(become=become)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def allowed():
    return entered() == [True, True, True]


ALLOWED = pytest.mark.skipif(not allowed(), reason="this system makes no network for a process")


@ALLOWED
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_an_account_without_rights_has_one_too():
    assert entered(WITHOUT_RIGHTS) == [True, True, True]


@ALLOWED
def test_no_one_outside_finds_the_port_of_the_engine(tmp_path):
    lake = new_lake(tmp_path)
    write_landing(lake.landing, one_person())
    process = started(lake, "-c", STEDI, "run", "--format", "json")
    reached(process, "accelerometer_landing: staging")
    theirs = listening(process.pid)
    assert theirs
    assert not {*theirs} & {*listening("self")}
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    assert "other accounts of this machine" not in printed


def listening(process):
    """The ports on which something listens in the network of a process."""
    with open(PORTS.format(process)) as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return [int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == LISTENS]


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({}, False),
        ({"STEDI_ENGINE": "local[2]"}, True),
        ({"STEDI_LANDING": "s3://landing"}, True),
        ({"STEDI_CATALOG": "glue", "STEDI_LAKE": "s3://lake", "STEDI_PSEUDONYM_KEY": "k" * 32}, True),
        ({"STEDI_CATALOG": "postgresql://db.example.com/lake"}, True),
    ],
)
def test_a_command_that_needs_another_network_keeps_it(tmp_path, monkeypatch, given, needed):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert Settings.from_settings(given, region="eu-west-1").needs_network is needed


def test_a_home_of_others_may_need_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("storage: {postgres: {postgres_url: postgresql://db/dagster}}")
    assert Settings.from_settings({}).needs_network
