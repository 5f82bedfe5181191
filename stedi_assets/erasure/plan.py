"""The plan of an erasure: what there is of the people, place by place, without a personal value."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from stedi_assets.erasure.request import Work
from stedi_assets.erasure.search import Found, Place, all_hits, look_for, places
from stedi_assets.errors import counted_words
from stedi_assets.lake import Lake, Run
from stedi_assets.lake.iceberg.exports import exports_of
from stedi_assets.lake.maintenance import blocked
from stedi_assets.lake.storage import open_storage
from stedi_assets.tables import SYSTEM_TABLES

if TYPE_CHECKING:
    from stedi_assets.lake.ingestion.erasing.rewriting import Hit

DIGEST = 16  # hexadecimal digits


@dataclass(frozen=True)
class ErasurePlan:
    """What an erasure will do.

    Attributes:
        people: How many people are asked for.
        places: What there is of them.
        decisions: How devices and shared values are decided, in words.
        blocked: What has to be solved first, in words.
        state: A hash of the state of the lake and the landing files that the plan depends on.
    """

    people: int
    places: tuple[Place, ...]
    decisions: tuple[str, ...]
    blocked: tuple[str, ...]
    state: str

    @property
    def content(self) -> dict[str, Any]:
        """The plan as JSON takes it."""
        return asdict(self)

    def digest(self, secret: str) -> str:
        """16 hexadecimal digits that name the plan and the people, of whom they reveal nothing."""
        text = json.dumps([self.content, secret], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST]


def make_plan(
    lakes: Sequence[Lake], people: list[str], reference: str, run: Run, key: bytes
) -> tuple[ErasurePlan, Work]:
    """Looks everywhere for some people.

    Args:
        lakes: The lake under each policy that has tables.
        people: Canonical emails.
        reference: Who asked.
        run: The run.
        key: The key of erasures.
    """
    found = look_for(lakes, people)
    tombstones = found.tombstones(key)
    hits = all_hits(lakes[0], tombstones)
    counted = tuple(places(lakes, found, tombstones, run, hits))
    plan = ErasurePlan(
        people=len(people),
        places=counted,
        decisions=(*_decisions(found), *_out_of_reach(lakes)),
        blocked=tuple(_blocked(lakes, hits)),
        state=state_of(lakes),
    )
    secret = ",".join(sorted(tombstones.people))
    work = Work(
        digest=plan.digest(secret),
        reference=reference,
        people=people,
        terms={kind: sorted(values) for kind, values in sorted(found.terms.items())},
        devices=sorted(found.devices),
        shared=sorted(found.shared),
        explained=sorted(found.explained),
        readings=sorted(map(list, found.readings)),
        files={table: [hit.file.path for hit in files] for table, files in hits.items()},
        plan=plan.content,
    )
    return plan, work


def state_of(lakes: Sequence[Lake]) -> str:
    """A hash of the snapshots of all tables and of the versions of all landing files."""
    digest = hashlib.sha256()
    for lake in lakes:
        for name in [*lake.tables, *SYSTEM_TABLES]:
            pinned = lake.pinned(name)
            digest.update(
                f"{lake.database} {name} {pinned.snapshot_id if pinned.exists else None}\n".encode()
            )
    storage = open_storage(lakes[0].landing, lakes[0].aws)
    for spec in lakes[0].tables.landing:
        assert spec.source is not None
        for file in storage.list(f"{lakes[0].landing}/{spec.source.folder}", within=lakes[0].landing):
            digest.update(f"{file.path} {file.version}\n".encode())
    return digest.hexdigest()


def _decisions(found: Found) -> Iterator[str]:
    if found.devices:
        devices = counted_words(len(found.devices), "device was", "devices were")
        yield f"{devices} of no one else: all readings of it go"
    if found.shared:
        devices = counted_words(len(found.shared), "device was", "devices were")
        others = counted_words(found.others, "other person", "other people")
        yield f"{devices} registered by {others} too: the readings stay, and it counts as shared for ever"
    for kind, number in sorted(found.common.items()):
        if number:
            values = counted_words(number, f"of their {kind} is", f"of their {kind} are")
            yield f"{values} also that of someone else, so it is not looked for"


def _out_of_reach(lakes: Sequence[Lake]) -> Iterator[str]:
    for lake in lakes:
        for spec in lake.tables.values():
            table = lake.loaded(spec)
            for export in exports_of(table) if table is not None else ():
                day = datetime.fromtimestamp(export.at / 1000, timezone.utc).date()
                yield (
                    f"The export of {day} in {export.place} ({export.citation}) is out of reach and may hold "
                    "their readings: delete it, and export again afterwards"
                )


def _blocked(lakes: Sequence[Lake], hits: "Mapping[str, Sequence[Hit]]") -> Iterator[str]:
    for lake in lakes:
        for spec in (*lake.tables.values(), *SYSTEM_TABLES.values()):
            table = lake.loaded(spec)
            for reason in blocked(table) if table is not None else ():
                yield f"{lake.database}.{spec.name}: {reason}"
    storage = open_storage(lakes[0].landing, lakes[0].aws)
    for table_name, files in hits.items():
        for hit in files:
            if lock := storage.locked(hit.file.uri):
                yield f"landing files of {table_name}: {lock}"
