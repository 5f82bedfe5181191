"""Runs that are killed at a chosen step, each in a process of its own.

A process that has everything imported and nothing started forks a child for every run, so that one does not
pay for the imports again. The child is killed with SIGKILL: nothing tidies up after it.
"""

import json
import os
import resource as limits
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from stedi_assets_tests.support import steps
from stedi_assets_tests.support.forgetful import forgetful_instance
from stedi_assets_tests.support.lakes import AS_OF, TestLake

KILLED = -signal.SIGKILL
Call = tuple[str, str]
"""A step and the table that it is done to."""


@dataclass(frozen=True)
class Fault:
    """Where a run is killed.

    Attributes:
        step: See `steps.BY_FAULT`.
        table: The table that the step is done to.
        number: Which of such steps of the run it is, from 1.
        after: Whether the step is still done.
    """

    step: str
    table: str
    number: int = 1
    after: bool = False

    def __str__(self) -> str:
        when = "after" if self.after else "before"
        return f"{when} {self.step} {self.table} {self.number}"


@contextmanager
def traced(at: Callable[[Call, int, bool], None]) -> Iterator[None]:
    """Calls `at` before (False) and after (True) every step, with the step and how often it was done."""
    calls: Counter[Call] = Counter()

    def watched(step: str, original: Callable[..., Any], table: Callable[..., str]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            what = (step, table(*args))
            calls[what] += 1
            number = calls[what]
            at(what, number, False)
            outcome = original(*args, **options)
            at(what, number, True)
            return outcome

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name, places in steps.BY_FAULT.items():
            for step in places:
                step.replace(patch, watched(name, step.function, step.table))
        yield


class Killer:
    """The process that forks the runs."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self,
        lake: TestLake,
        *faults: Fault | None,
        select: str | None = None,
        as_of: int = AS_OF,
        file_bytes: int | None = None,
    ) -> list[int]:
        """Runs the graph once for every fault, all at once; gives the statuses of the processes.

        Args:
            lake: The lake.
            faults: Where to kill; None for nowhere.
            select: The tables.
            as_of: Instant at which consent is judged.
            file_bytes: Size at which the disk is full, for every file.
        """
        order = {
            "folder": str(lake.folder), "landing": str(lake.landing), "settings": dict(lake.settings),
            "faults": [fault and asdict(fault) for fault in faults], "select": select, "as_of": as_of,
            "file_bytes": file_bytes,
        }  # fmt: skip
        to, back = self._pipes
        to.write(json.dumps(order) + "\n")
        to.flush()
        statuses: list[int] = json.loads(back.readline())
        return statuses

    def close(self) -> None:
        """Ends the process."""
        self._pipes[0].close()
        self._process.wait()

    @property
    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


def _child(order: Mapping[str, Any], fault: Mapping[str, Any] | None) -> None:
    lake = TestLake(Path(order["folder"]), Path(order["landing"]), order["settings"])
    wanted = None if fault is None else Fault(**fault)
    if order["file_bytes"] is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limits.setrlimit(limits.RLIMIT_FSIZE, (order["file_bytes"], order["file_bytes"]))

    def at(call: Call, number: int, after: bool) -> None:
        if wanted is not None and (*call, number, after) == tuple(asdict(wanted).values()):
            os.kill(os.getpid(), signal.SIGKILL)

    with traced(at):
        failures = lake.run(select=order["select"], as_of=order["as_of"]).failures
    os._exit(1 if failures else 0)


def _serve(orders: Iterator[str], answers: IO[str]) -> None:
    for line in orders:
        order = json.loads(line)
        children = []
        for fault in order["faults"]:
            if not (child := os.fork()):
                try:
                    _child(order, fault)
                finally:
                    os._exit(2)
            children.append(child)
        statuses: Sequence[int] = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        answers.write(json.dumps(statuses) + "\n")
        answers.flush()


def _main() -> None:
    import dagster as dg
    import pyspark.sql.connect.session  # noqa: F401

    from stedi_assets import definitions  # noqa: F401

    # As in conftest.py: to store the events would be a third of a run.
    dg.DagsterInstance.from_config = staticmethod(lambda *_: forgetful_instance())  # type: ignore[method-assign, assignment]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as home:
        os.environ["DAGSTER_HOME"] = home
        _serve(iter(sys.stdin.readline, ""), answers)


if __name__ == "__main__":
    _main()
