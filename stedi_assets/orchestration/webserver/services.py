"""The processes behind `stedi dev`: the guarded webserver, which is this one, the daemon and a code server.

It does what `dagster dev` does, with the same parts of Dagster, except that the webserver's app is wrapped in
the guard before anything listens. The code server listens on a Unix socket that belongs to this account.

    python -m stedi_assets.orchestration.webserver.services FD

FD is a TCP socket that is bound. The processes end when standard input does, so they outlive no parent.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import dagster as dg
import uvicorn
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget, WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__

from stedi_assets.orchestration.webserver.guard import Guard, hosts_of
from stedi_assets.settings import Settings

CODE_LOCATION = ModuleTarget(
    module_name="stedi_assets.definitions",
    attribute=None,
    working_directory=os.getcwd(),
    location_name="stedi_assets",
)
LOG_LEVEL = "warning"
POLL_MS = 2_000
"""How often the UI asks for new data."""
REQUEST_SECONDS = 1
"""How long open requests may take when the server stops; the UI keeps some open all the time."""


class _Server(uvicorn.Server):
    """Prints the address when it serves; ends when the daemon does."""

    def __init__(self, config: uvicorn.Config, url: str, daemon: subprocess.Popen[bytes]) -> None:
        super().__init__(config)
        self._url = url
        self._daemon = daemon

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        click.echo(f"\nThe Dagster UI is on {self._url} – Ctrl-C ends it.\n")

    async def on_tick(self, counter: int) -> bool:
        if not self.should_exit and self._daemon.poll() is not None:
            click.echo(f"The Dagster daemon ended by itself (code {self._daemon.returncode}).", err=True)
            return True
        return await super().on_tick(counter)


def serve(listener: socket.socket, settings: Settings) -> None:
    """Serves the UI until this process is interrupted or the daemon ends.

    Args:
        listener: The TCP socket, bound.
        settings: The settings.
    """
    host, port = listener.getsockname()
    with (
        dg.DagsterInstance.get() as instance,
        ProxyServerManager(instance, CODE_LOCATION, code_server_log_level=LOG_LEVEL) as code_servers,
        _workspace(code_servers) as workspace,
        WorkspaceProcessContext(instance, WorkspaceFileTarget([str(workspace)]), __version__) as context,
    ):
        daemon = _daemon(workspace)
        app = create_app_from_workspace_process_context(context, live_data_poll_rate=POLL_MS)
        config = uvicorn.Config(
            Guard(app, hosts_of(port, settings.ui_hosts)),
            log_level=LOG_LEVEL,
            proxy_headers=False,
            timeout_graceful_shutdown=REQUEST_SECONDS,
        )
        _Server(config, f"http://{host}:{port}", daemon).run([listener])


@contextmanager
def _workspace(code_servers: ProxyServerManager) -> Iterator[Path]:
    """A workspace file that names the sockets of the code servers."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "workspace.yaml"
        # JSON is YAML.
        file.write_text(json.dumps({"load_from": code_servers.get_code_server_specs()}))
        yield file


def _daemon(workspace: Path) -> subprocess.Popen[bytes]:
    """Starts the daemon, which evaluates sensors and schedules and starts queued runs."""
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace), "--log-level", LOG_LEVEL]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def _interrupt_when_let_go() -> None:
    os.read(sys.stdin.fileno(), 1)  # not `sys.stdin.read`, whose lock a thread may not hold at exit
    os.killpg(0, signal.SIGINT)


def main() -> None:
    """Serves the UI on the socket that the parent passed."""
    parent = os.getppid()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_interrupt_when_let_go, daemon=True).start()
    with suppress(KeyboardInterrupt), socket.socket(fileno=int(sys.argv[1])) as listener:
        serve(listener, Settings.from_process())
    if os.getppid() != parent:  # was killed, so it does not end the runs that are left
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
