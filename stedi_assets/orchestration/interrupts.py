"""Signals: Ctrl-C and SIGTERM end a command within seconds, whatever the engine or Dagster is doing.

Sail and Dagster put handlers of their own in the place of others, and wait for queries that may take minutes.
So no thread receives the signals, and one thread waits for them. It ends the process as a crash would: every
commit of a table is made or not made, and the next run goes on from there.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg

EXIT = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SECONDS_TO_RECORD = 3.0
"""How long the end of a run may take to record while another process writes to the Dagster home."""
SECONDS_TO_END = 10.0
"""How long Dagster may take to record the end of a run that was terminated."""

_runs: "list[tuple[dg.DagsterInstance, str]]" = []


def end_on_signals() -> None:
    """Ends this process on SIGINT and SIGTERM with a sentence; to be called before it starts a thread."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    threading.Thread(target=_wait, name="signals", daemon=True).start()


@contextmanager
def recorded(instance: "dg.DagsterInstance", run_id: str) -> Iterator[None]:
    """If a signal ends the process meanwhile, the run is recorded as canceled.

    Args:
        instance: Where the run is recorded.
        run_id: The run.
    """
    _runs.append((instance, run_id))
    try:
        yield
    finally:
        _runs.pop()


def end_soon() -> None:
    """Ends this process after a while, even if queries are still running in it.

    For the process of a run that was terminated in the UI: Dagster has recorded the end of the run by then.
    """
    timer = threading.Timer(SECONDS_TO_END, os._exit, (EXIT,))
    timer.daemon = True
    timer.start()


def stopped(number: int) -> str:
    """The sentence about a signal."""
    name = signal.Signals(number).name
    if not _runs:
        return f"Stopped by {name}."
    return f"Stopped by {name}: each table has its former rows or its new ones; the next run goes on."


def _wait() -> None:
    sentence = stopped(signal.sigwait(SIGNALS))
    cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # the display of a run hides it
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{cursor}\n{sentence}\n".encode())
    recording = threading.Thread(target=_record, args=(sentence,), daemon=True)
    recording.start()
    recording.join(SECONDS_TO_RECORD)
    os._exit(EXIT)


def _record(sentence: str) -> None:
    for instance, run_id in _runs:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            with suppress(Exception):
                instance.report_run_canceling(run, sentence)
                instance.report_run_canceled(run, sentence)
