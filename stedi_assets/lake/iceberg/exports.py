"""Exports that were made of a table: where copies of its rows lie that no erasure can reach."""

import json
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from stedi_assets.lake.iceberg.commit import Conflict

if TYPE_CHECKING:
    from pyiceberg.table import Table

EXPORT = "stedi.export."
"""Begin of the table properties that hold an export each."""


@dataclass(frozen=True)
class Exported:
    """An export of a table.

    Attributes:
        citation: The snapshot, as the loader cites it.
        place: URI of the folder.
        at: When it was made, epoch ms.
    """

    citation: str
    place: str
    at: int


def register(table: "Table", export: Exported) -> None:
    """Notes an export in its table; comes before the first file, so that no copy is unknown.

    Raises:
        Conflict: A run published at the same time.
    """
    from pyiceberg.exceptions import CommitFailedException

    note = {f"{EXPORT}{uuid.uuid4().hex}": json.dumps(asdict(export), sort_keys=True)}
    try:
        table.transaction().set_properties(note).commit_transaction()
    except CommitFailedException:
        raise Conflict(
            f"{table.name()[-1]} was published while it was being exported: export again."
        ) from None


def exports_of(table: "Table") -> list[Exported]:
    """All exports that were made of a table, oldest first."""
    noted = [text for name, text in table.properties.items() if name.startswith(EXPORT)]
    return sorted((Exported(**json.loads(text)) for text in noted), key=lambda export: export.at)
