"""The decision whether to request a run for waiting landing files, and the memory between ticks.

Pure functions: the waiting files and the result of the last request in, a decision out. The memory holds
digests and numbers only, so that no file path gets into Dagster's storage. The run key is the digest of the
waiting files and the number of the attempt: after a failed run, the same files are requested again.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone

from stedi_assets.lake.ingestion import Waiting

SETTLED_SECONDS = 3.0
"""A local file changed within this time may still be written to."""
LONGEST_WAIT_SECONDS = 60.0
"""Time that complete files wait for others that may still be written to."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60.0, 3_600.0
"""Pause after a failed run; it doubles after each further failure."""


@dataclass(frozen=True)
class Memory:
    """The memory of the sensor from tick to tick.

    Attributes:
        digest: Digest of the files of the last request; empty if there was none.
        attempt: Number of the attempt of that request.
        requested: Time of that request, epoch seconds.
        judged: Whether its result has been taken in.
        failures: Consecutive requests whose runs failed, up to that one.
        held: Time since which complete files wait for others, epoch seconds.
    """

    digest: str = ""
    attempt: int = 0
    requested: float = 0.0
    judged: bool = True
    failures: int = 0
    held: float | None = None

    @property
    def run_key(self) -> str:
        """The run key of the last request."""
        return f"{self.digest}-{self.attempt}"

    @classmethod
    def load(cls, cursor: str | None) -> "Memory":
        """The memory from a cursor; a new one if this version cannot read the cursor."""
        try:
            return cls(**json.loads(cursor or "{}"))
        except (TypeError, ValueError):
            return cls()

    def dump(self) -> str:
        """The memory as a cursor."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Decision:
    """The decision of a tick.

    Attributes:
        memory: The new memory.
        files: Number of files that the request covers.
        wait: A sentence on why no run is requested; empty if one is.
    """

    memory: Memory
    files: int = 0
    wait: str = ""


def judge(memory: Memory, waiting: Mapping[str, Waiting], ended: str | None) -> Memory:
    """Takes in the result of the last request.

    Args:
        memory: The memory.
        waiting: The waiting files, by landing table.
        ended: `success`, `failure` or `canceled`; None if there is no such run.
    """
    if memory.judged:
        return memory
    # A run that succeeds but leaves its files behind would otherwise be requested at every tick.
    left = digest_of(waiting) == memory.digest and any(True for _ in _parts(waiting))
    stopped = ended == "canceled" and not left
    failed = not stopped and (ended != "success" or left)
    return replace(memory, judged=True, failures=memory.failures + 1 if failed else 0)


def decide(memory: Memory, waiting: Mapping[str, Waiting], now: float) -> Decision:
    """Decides whether to request a run.

    Args:
        memory: The memory, with the result of the last request taken in.
        waiting: The waiting files, by landing table.
        now: The time, epoch seconds.
    """
    files = [file for table in waiting.values() for file in table.files]
    due = any(table.due is not None or table.outdated for table in waiting.values())
    count = len(files) + sum(len(table.deleted) for table in waiting.values())
    # A time far in the future comes from another clock. If such a file still changes, the run leaves it.
    ages = [abs(now - file.modified / 1000) for file in files if not file.appears_whole]
    moving = sum(age < SETTLED_SECONDS for age in ages)
    if not (count or due or memory.failures):
        return Decision(replace(memory, held=None), wait="No landing files are waiting.")
    if moving:
        held = now if memory.held is None else memory.held
        if (moving == count and not due) or now - held < LONGEST_WAIT_SECONDS:
            held_on = None if moving == count and not due else held
            return Decision(
                replace(memory, held=held_on),
                wait=f"{moving:,} of {count:,} waiting landing files may still be written to.",
            )
    if memory.failures and now < (until := memory.requested + pause(memory.failures)):
        again = datetime.fromtimestamp(until, timezone.utc)
        return Decision(
            memory,
            wait=f"{count:,} landing files are waiting; the last {memory.failures:,} requested runs failed, "
            f"the next one is requested at {again:%H:%M:%S} UTC.",
        )
    digest = digest_of(waiting)
    asked = replace(memory, digest=digest, attempt=1, requested=now, judged=False, held=None)
    return Decision(asked, files=count)


def pause(failures: int) -> float:
    """Seconds between a request whose run failed and the next request.

    Args:
        failures: Consecutive failed runs.
    """
    return float(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 20)))


def digest_of(waiting: Mapping[str, Waiting]) -> str:
    """Digest of the waiting files: the same versions of the same files give the same digest."""
    digest = hashlib.sha256()
    for part in sorted(_parts(waiting)):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def _parts(waiting: Mapping[str, Waiting]) -> Iterator[bytes]:
    for name, table in waiting.items():
        for file in table.files:
            yield _text(name, file.path, file.version)
        for path in table.deleted:
            yield _text(name, path, "deleted")
        if table.due is not None:
            yield _text(name, "due", str(table.due))
        if table.outdated:
            yield _text(name, "outdated", table.outdated)


def _text(*parts: str) -> bytes:
    return "\0".join(parts).encode(errors="surrogateescape")
