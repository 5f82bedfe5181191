"""Folders that go back to how they were: a lake is built once and every test changes it as it likes."""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Kept:
    """A folder and a copy of it. A lake knows where it is, so that it comes back at the same place."""

    folder: Path

    @property
    def _copy(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-kept")

    @classmethod
    def of(cls, folder: Path) -> "Kept":
        """Keeps a folder as it is now."""
        kept = cls(folder)
        shutil.copytree(folder, kept._copy, symlinks=True)
        return kept

    def restore(self) -> None:
        """Makes the folder what it was."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._copy, self.folder, symlinks=True)


def sampled(cells: Collection[Any], *sample: Any, rest: str = "nightly") -> list[Any]:
    """The cells of a matrix as parameters: those of the sample always run, the others under a marker."""
    return [
        pytest.param(
            *(cell if isinstance(cell, tuple) else [cell]),
            marks=() if cell in sample else getattr(pytest.mark, rest),
        )
        for cell in cells
    ]
