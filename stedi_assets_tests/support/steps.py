"""The steps of a run at which tests interrupt it: only this module names these functions of the product."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from stedi_assets.lake import publishing, resource
from stedi_assets.lake.iceberg import staging
from stedi_assets.lake.ingestion import staged_batch, system_tables
from stedi_assets.lake.maintenance import compaction
from stedi_assets.lake.refresh import derived


@dataclass(frozen=True)
class Step:
    """A function that a run calls through a module or a class.

    Attributes:
        owner: The module or class that calls it by name.
        name: Its name there.
        table: The table that it is called for, from the arguments of a call.
    """

    owner: Any
    name: str
    table: Callable[..., str] = lambda *_: ""

    def __str__(self) -> str:
        return f"{self.owner.__name__}.{self.name}"

    @property
    def function(self) -> Callable[..., Any]:
        """The function as it is now."""
        function: Callable[..., Any] = getattr(self.owner, self.name)
        return function

    def replace(self, patch: pytest.MonkeyPatch, function: Callable[..., Any]) -> None:
        """Puts another function in its place."""
        patch.setattr(self.owner, self.name, function)


def _of_area(area: staging.StagingArea, *_: Any) -> str:
    return area.spec.name


def _of_table(table: Any, *_: Any) -> str:
    name: str = table.name()[-1]
    return name


WRITE = Step(staging.StagingArea, "write", _of_area)
STAGED_FILES = Step(staging.StagingArea, "staged_files", _of_area)
INGEST = Step(staged_batch, "ingest")
DESCRIBE_BATCH = Step(staged_batch, "describe_files", _of_table)
DESCRIBE = Step(derived, "describe_files", _of_table)
DESCRIBE_SYSTEM = Step(system_tables, "describe_files", _of_table)
DESCRIBE_COMPACTED = Step(compaction, "describe_files", _of_table)
READ_ROWS_TO_COMPACT = Step(compaction, "_row_groups")
WRITE_LEDGER = Step(staged_batch, "write_ledger", lambda *_: "ledger")
COMMIT = Step(publishing, "replace_files", _of_table)
COMMIT_SYSTEM = Step(system_tables, "replace_files", _of_table)
APPLY_SYSTEM = Step(system_tables, "apply")
LOAD_TABLE = Step(resource, "load_table")

OF_A_RUN = (
    WRITE, STAGED_FILES, INGEST, DESCRIBE_BATCH, WRITE_LEDGER, DESCRIBE, COMMIT, DESCRIBE_SYSTEM,
    COMMIT_SYSTEM,
)  # fmt: skip
"""The steps of a run in the order in which it first comes to them."""

BY_FAULT = {
    "write": [WRITE],
    "describe": [DESCRIBE_BATCH, DESCRIBE, DESCRIBE_SYSTEM],
    "write_ledger": [WRITE_LEDGER],
    "commit": [COMMIT, COMMIT_SYSTEM],
}
"""The steps at which a process is killed, by the name that a fault gives them."""

TIDYING = [Step(staging.StagingArea, name) for name in ("discard", "discard_part", "discard_folders")]
"""What removes staged files; a dead run removes nothing."""
