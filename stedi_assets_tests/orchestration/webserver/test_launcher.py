"""`stedi dev` until its services start, and when they do not end."""

import signal
import socket
import subprocess
import sys

import pytest

from stedi_assets.errors import SettingError
from stedi_assets.orchestration.webserver.launcher import bound
from stedi_assets_tests.support.commands import environment, stedi
from stedi_assets_tests.support.processes import alive

LAUNCH = """
import sys
from stedi_assets.orchestration.webserver import launcher
launcher.SERVICES = "stedi_assets_tests.support.stubborn"
launcher.STOP_SECONDS = 0.3
sys.exit(launcher.serve_until_interrupted(launcher.bound(0)))
"""


def test_the_ui_is_on_loopback_alone():
    with bound(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert not listener.get_inheritable()


def test_a_port_that_another_process_has_is_named_with_the_fix():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingError, match=f"Port {port} cannot be used .*make dev PORT=3001"):
            bound(port)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_no_process_is_left_even_if_some_do_not_end(tmp_path, end):
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCH], env=environment(tmp_path), stdout=subprocess.PIPE, text=True
    ) as launcher:
        started = [int(pid) for pid in launcher.stdout.readline().split()]
        assert alive(started) == started
        launcher.send_signal(end)
        assert launcher.wait(60) == 0
    assert alive(started) == []


def test_a_wrong_setting_is_reported_before_anything_starts(tmp_path):
    done = stedi(tmp_path, "dev", check=False, STEDI_UI_HOSTS="http://evil.example/")
    assert done.returncode == 2
    assert done.stderr.startswith("STEDI_UI_HOSTS names http://evil.example/, but must be hosts as")
    assert not (tmp_path / "dagster").exists()


def test_services_that_fail_to_start_are_no_success(tmp_path):
    command = LAUNCH.replace("stedi_assets_tests.support.stubborn", "stedi_assets_tests.support.missing")
    done = subprocess.run([sys.executable, "-c", command], env=environment(tmp_path), capture_output=True)
    assert done.returncode == 1
