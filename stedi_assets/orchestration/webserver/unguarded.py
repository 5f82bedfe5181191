"""The sentence that `dagster dev` and `dg dev` print, as they serve the UI without the guard."""

import multiprocessing
import os
import sys
from pathlib import Path

from dagster._utils.env import using_dagster_dev

SENTENCE = (
    "This UI has no guard, so any web page that is open in a browser of this machine can start runs: "
    "use make dev, or stedi dev, instead."
)
CODE_SERVER = ["api", "grpc"]


def warn_if_unguarded() -> None:
    """Prints the sentence when `dagster dev` or `dg dev` starts; not on a reload, nor in runs."""
    starts = sys.argv[1:3] == CODE_SERVER and multiprocessing.parent_process() is None
    if starts and using_dagster_dev() and not _replaces_another():
        print(SENTENCE, file=sys.stderr)


def _replaces_another() -> bool:
    """Whether this code server has a sibling: on a reload, the former one ends after this one has loaded.

    Only Linux can answer; elsewhere the sentence is printed on every reload.
    """
    siblings = [file.read_text().split() for file in Path(f"/proc/{os.getppid()}/task").glob("*/children")]
    return sum(map(len, siblings)) > 1
