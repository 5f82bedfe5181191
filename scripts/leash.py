"""Runs a command until standard input ends, that is, until the process at its other end is gone.

    python leash.py signal user command argument…

The signal, a number, ends it; the user runs it, unless the name is empty.

A server that is run so does not outlive the tests, however these end: the kernel closes a pipe also of a
process that was killed. Nothing is imported that makes this slow to start.
"""

import os
import subprocess
import sys
import threading
from contextlib import suppress


def main() -> int:
    end, user, *command = sys.argv[1:]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, user=user or None)

    def kill_when_let_go() -> None:
        sys.stdin.buffer.read()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, int(end))

    threading.Thread(target=kill_when_let_go, daemon=True).start()
    return process.wait()


if __name__ == "__main__":
    # Not sys.exit, which would wait for the thread's hold on standard input.
    os._exit(main() & 0xFF)
