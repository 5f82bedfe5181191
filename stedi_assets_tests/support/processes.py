"""The processes that a process started, and the doors that they opened; Linux only."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
LISTENING = "0A"


def descendants(root: int) -> list[int]:
    """A process and all that it started, by id."""
    parents = {pid: parent for pid, parent, _ in _processes()}
    found = [root]
    for process in found:
        found += [pid for pid, parent in parents.items() if parent == process]
    return found


def alive(processes: list[int]) -> list[int]:
    """Those of some processes that have not ended."""
    running = {pid for pid, _, state in _processes() if state != "Z"}
    return [process for process in processes if process in running]


def tcp_ports(processes: list[int]) -> set[tuple[str, int]]:
    """The TCP addresses on which some processes listen: the address as the kernel writes it, and the port."""
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in (PROC / "net" / table).read_text().splitlines()[1:]
    ]
    inodes = _sockets(processes)
    return {
        (address, int(port, 16))
        for _, local, _, state, *_, inode in (line[:10] for line in lines)
        if state == LISTENING and inode in inodes
        for address, port in [local.split(":")]
    }


def unix_sockets(processes: list[int]) -> list[Path]:
    """The files of Unix sockets that some processes serve."""
    lines = [line.split() for line in (PROC / "net" / "unix").read_text().splitlines()[1:]]
    inodes = _sockets(processes)
    return sorted({Path(line[7]) for line in lines if line[6] in inodes and line[7:] and line[7][0] == "/"})


def _sockets(processes: list[int]) -> set[str]:
    """Inodes of the sockets that some processes have."""
    found = set()
    for process in processes:
        for descriptor in (PROC / str(process) / "fd").glob("*"):
            with suppress(FileNotFoundError):  # closed in the meantime
                if match := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(descriptor)):
                    found.add(match[1])
    return found


def _processes() -> Iterator[tuple[int, int, str]]:
    """Id, parent and state of every process."""
    for folder in PROC.glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = text[text.rindex(")") + 2 :].split()[:2]
        yield int(folder.name), int(parent), state
