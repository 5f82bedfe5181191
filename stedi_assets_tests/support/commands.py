"""The command `stedi` in processes of its own: one each, or one for many, which then start Spark once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stedi_assets_tests.support.lakes import KEY, REPOSITORY, TestLake

# Commands come as lines of JSON; their exit codes go where standard output was before it became a file. Each
# starts with the environment that the process started with.
READ_AND_RUN = """
import json, os, sys
from stedi_assets.cli.main import main
{clock}

answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open("stdout", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
started = dict(os.environ)
for line in sys.stdin:
    code = 0
    os.environ.clear()
    os.environ.update(started)
    try:
        main(json.loads(line), standalone_mode=False)
    except SystemExit as end:
        code = end.code or 0
    sys.stdout.flush()
    print(code, file=answers, flush=True)
"""


STEDI = "from stedi_assets.cli.main import main; main()"
"""The code of the program."""


def stedi(
    folder: Path, *arguments: str, check: bool = True, as_of: int | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs one command in a folder, which becomes its Dagster home too, at a time (epoch ms) or now."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{_clock(as_of)}\n{STEDI}",
            *arguments,
        ],
        cwd=folder,
        env=environment(folder, **variables),
        capture_output=True,
        text=True,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


@dataclass(frozen=True)
class Commands:
    """A process that runs one command after another.

    Attributes:
        folder: Where it runs; its Dagster home is there too.
        process: The process.
    """

    folder: Path
    process: subprocess.Popen[str]

    def stedi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        before = [self._size(name) for name in ("stdout", "stderr")]
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        printed = [self._since(*start) for start in zip(("stdout", "stderr"), before, strict=True)]
        assert answer, printed[1]
        done = subprocess.CompletedProcess(arguments, int(answer), *printed)
        assert not check or done.returncode == 0, done.stderr
        return done

    def _size(self, name: str) -> int:
        path = self.folder / name
        return path.stat().st_size if path.exists() else 0

    def _since(self, name: str, start: int) -> str:
        return (self.folder / name).read_bytes()[start:].decode()


@contextmanager
def commands(folder: Path, *, as_of: int | None = None, **variables: str) -> Iterator[Commands]:
    """Runs commands in a folder until the block ends, all of them at a time (epoch ms) or now."""
    with (folder / "stderr").open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", READ_AND_RUN.replace("{clock}", _clock(as_of))],
            cwd=folder,
            env=environment(folder, **variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    with process:
        yield Commands(folder, process)
        assert process.stdin is not None
        process.stdin.close()


def _clock(as_of: int | None) -> str:
    """Code that moves the clock of a process; none for the present."""
    if as_of is None:
        return ""
    return f"from stedi_assets.orchestration import clock; clock.present = lambda _started: {as_of}"


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """The variables of a process that knows no setting of anyone who runs the tests."""
    left_out = ("STEDI_", "PYSPARK_", "SPARK_")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(left_out)},
        "DAGSTER_HOME": str(folder / "dagster"),
        "PYTHONPATH": str(REPOSITORY),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "STEDI_PSEUDONYM_KEY": KEY,
        **variables,
    }


def started(lake: TestLake, *arguments: str) -> subprocess.Popen[str]:
    """A Python process in a session of its own that works on a lake, and what it prints as errors."""
    where = {"STEDI_LANDING": str(lake.landing), "STEDI_LAKE": str(lake.folder / "lake")}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=lake.folder,
        env=environment(lake.folder, **where),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
        start_new_session=True,
    )


def reached(process: subprocess.Popen[str], point: str) -> None:
    """Waits until a process prints a line that has a text."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if point in line:
            return
    raise AssertionError(f"never reached: {point}\n{''.join(lines)}")
