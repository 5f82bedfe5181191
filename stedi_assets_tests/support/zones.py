"""Landing zones as the bytes of their files."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parents[2] / "data"


SOURCES = ("customer", "accelerometer", "step_trainer")


def bytes_of(folder: Path) -> dict[str, bytes]:
    """The landing files below `folder`, by their path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for source in SOURCES
        for path in (folder / source).rglob("*")
        if path.is_file()
    }
