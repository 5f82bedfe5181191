"""Stands in for the services of `stedi dev`: does not end when asked to, and neither does the run it started.

Prints the two process ids, then waits.
"""

import os
import signal
import subprocess
import sys
import time

SLEEPER = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print(flush=True)
time.sleep(600)
"""

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE) as sleeper:
        assert sleeper.stdout is not None
        sleeper.stdout.readline()
        print(os.getpid(), sleeper.pid, flush=True)
        time.sleep(600)
