"""Starts the services of `stedi dev` and ends all their processes; loads nothing that is slow to load."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

from stedi_assets.errors import SettingError

HOST = "127.0.0.1"
SERVICES = "stedi_assets.orchestration.webserver.services"
STOP_SECONDS = 10
"""How long processes may take to end, until they are killed."""
VARIABLES = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    # Dagster starts code servers again that ended, also while all is ended: so it checks less often.
    "DAGSTER_CODE_SERVER_AUTO_RESTART_INTERVAL": "20",
}


def bound(port: int) -> socket.socket:
    """A TCP socket on loopback that does not listen yet.

    Args:
        port: The port; 0 for any that is free.

    Raises:
        SettingError: The port cannot be used.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise SettingError(
            f"Port {port} cannot be used ({error.strerror}): give another one, such as make dev PORT=3001."
        ) from error
    return listener


def serve_until_interrupted(listener: socket.socket) -> int:
    """Runs the services until they end or this process is interrupted; leaves none of their processes.

    They have a process group of their own, so that runs that they started are found and ended, too.

    Args:
        listener: The socket on which the UI is served, bound.

    Returns:
        0 if they were interrupted, another exit code if they ended by themselves.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    services = subprocess.Popen(
        [sys.executable, "-m", SERVICES, str(listener.fileno())],
        stdin=subprocess.PIPE,  # closed when this process ends, however it does
        pass_fds=[listener.fileno()],
        start_new_session=True,
        env=os.environ | VARIABLES,
    )
    listener.close()  # or connections would be accepted after the services ended
    try:
        return services.wait() or 1
    except KeyboardInterrupt:
        return 0
    finally:
        _end_group(services)


def _end_group(leader: subprocess.Popen[bytes]) -> None:
    """Ends the processes of a group: asks them first."""
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGINT)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            leader.poll()
            os.killpg(leader.pid, 0)
            time.sleep(0.1)
        os.killpg(leader.pid, signal.SIGKILL)
    leader.wait()
