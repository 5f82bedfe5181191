"""Landing zones as the bytes of their files."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from stedi_assets.samples import generate

DATA = Path(__file__).parents[2] / "data"

SOURCES = ("customer", "accelerometer", "step_trainer")


@cache
def awkward_zone() -> Path:
    """The zone of docs/awkward.md, made once in a process; tests only read it."""
    folder = Path(tempfile.mkdtemp(prefix="stedi-awkward-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    generate(folder, customers=24, days=3, seed=2024, awkward=True)
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    """The landing files below `folder`, by their path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for source in SOURCES
        for path in (folder / source).rglob("*")
        if path.is_file()
    }
