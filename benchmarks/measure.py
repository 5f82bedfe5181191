"""Runs a command and measures the whole of it: wall seconds and the peak memory of its process tree.

Memory is the sum of resident sets, read from /proc (Linux; elsewhere it is None). Pages that processes share
are counted once for each, so a contender of several processes looks slightly bigger than it is.
"""

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.05


class CommandFailedError(Exception):
    """The command ended with an error; the message holds the end of its log."""


@dataclass(frozen=True)
class Measured:
    stdout: str
    wall_seconds: float
    peak_bytes: int | None


def run_measured(command: list[str], environ: dict[str, str], log: Path) -> Measured:
    """Runs `command` to its end in a session of its own.

    Args:
        command: the program and its arguments.
        environ: its whole environment.
        log: file that receives its stderr.

    Raises:
        CommandFailedError: the exit status was not zero.
    """
    output = log.with_suffix(".out")
    with log.open("wb") as stderr, output.open("wb") as stdout:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environ, stdout=stdout, stderr=stderr, start_new_session=True)
        sampler = MemorySampler(process.pid)
        sampler.start()
        try:
            status = process.wait()
            wall_seconds = time.perf_counter() - started
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            sampler.stop()
    if status != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise CommandFailedError(f"{' '.join(command)} ended with status {status}:\n{tail}")
    return Measured(output.read_text(errors="replace"), wall_seconds, sampler.peak_bytes or None)


class MemorySampler(threading.Thread):
    """Keeps the highest memory seen of a process and everything below it."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root = root
        self.peak_bytes = 0
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, tree_bytes(self.root))

    def stop(self) -> None:
        self.stopped.set()
        self.join()


def tree_bytes(root: int) -> int:
    """Resident bytes of the session that `root` leads and of its descendants that left the session."""
    resident: dict[int, int] = {}
    parents: dict[int, int] = {}
    members = {root}
    for pid in process_ids():
        try:
            # Fields from the third on; the second, the program's name, may hold spaces and brackets.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended between the listing and the reading
        parents[pid], session, resident[pid] = int(fields[1]), int(fields[3]), int(fields[21])
        if session == root:
            members.add(pid)
    pages = sum(size for pid, size in resident.items() if pid in members or descends(pid, members, parents))
    return pages * os.sysconf("SC_PAGE_SIZE")


def descends(pid: int, members: set[int], parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid in members:
            return True
    return False


def process_ids() -> list[int]:
    folder = Path("/proc")
    return [int(name) for name in os.listdir(folder) if name.isdigit()] if folder.is_dir() else []
