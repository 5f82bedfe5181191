"""A network of its own for a process: nothing outside of it reaches the port of its embedded engine.

Linux gives each network namespace a loopback interface of its own. A command that needs no other network, as
all that it works with is on this machine, moves into a new namespace before it starts a thread. No one who
shares the machine then finds a port to connect to.
"""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

NEW_USER, NEW_NETWORK = 0x1000_0000, 0x4000_0000  # CLONE_NEWUSER, CLONE_NEWNET
SET_FLAGS = 0x8914  # SIOCSIFFLAGS
UP = 0x1 | 0x40  # IFF_UP, IFF_RUNNING

_entered = False


def has_own_network() -> bool:
    """Whether this process is in a network of its own."""
    return _entered


def enter_own_network() -> bool:
    """Moves this process, which has no thread but this one, into a network of its own.

    Returns:
        Whether it is in one; it stays where it was if this system does not allow it.
    """
    global _entered
    if not _entered and _tried():
        _enter()
        _entered = True
    return _entered


def _tried() -> bool:
    """Whether it works in a process that is given up afterwards: halfway there is no way back."""
    child = os.fork()
    if child == 0:
        try:
            _enter()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _enter() -> None:
    user, group = os.geteuid(), os.getegid()
    # Only root may make a network alone. Others make a user namespace too, in which they stay who they are.
    flags = NEW_NETWORK if user == 0 else NEW_NETWORK | NEW_USER
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if flags & NEW_USER:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14x", b"lo", UP))
