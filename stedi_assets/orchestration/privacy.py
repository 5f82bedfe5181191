"""What a privacy officer asks of a lake, in counts: who consents, and what former snapshots still hold.

Here belongs what the page of a table and `stedi privacy` tell. Whether a table obeys is said by its checks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from stedi_assets.assets import Declared
from stedi_assets.lake import Lake, engine_errors
from stedi_assets.lake.iceberg import PinnedTable
from stedi_assets.lake.maintenance import ends_of
from stedi_assets.schemas.columns import DAY_MS
from stedi_assets.tables import QUARANTINE
from stedi_assets.transforms.consent import people_by_consent, shared_devices
from stedi_assets.transforms.held import held_people

STATES = {
    "consenting": "consenting",
    "not yet": "consent not yet in force",
    "withdrew": "withdrew",
    "never": "never consented",
    "held": "held by an unreadable record",
}


@dataclass(frozen=True)
class Fact:
    """A line of the report.

    Attributes:
        about: The table, or what else the line is about.
        fact: What is said.
        value: A count, a time or a name; never a person's value.
    """

    about: str
    fact: str
    value: object


def consent_facts(lake: Lake, as_of: int) -> list[Fact]:
    """What the customer records say about consent.

    Args:
        lake: The lake.
        as_of: Time at which consent is judged, epoch ms.

    Raises:
        LakeError: The engine stopped, or there are no customer records yet.
    """
    people = lake.tables.people
    records = lake.pinned(people.name).frame(lake.spark)
    held = held_people(lake.system(QUARANTINE, people.name).frame(lake.spark))
    with engine_errors(people.name, "counting people"):
        counted = {row["state"]: row["people"] for row in people_by_consent(records, held, as_of).collect()}
        devices = shared_devices(records).count()
    return [
        Fact("people", "judged as of", time_text(as_of)),
        *(Fact("people", words, counted.get(state, 0)) for state, words in STATES.items()),
        Fact("devices", "of more than one person", devices),
    ]


def table_facts(lake: Lake, declared: Declared) -> Iterator[Fact]:
    """What the tables that people can leave still hold, and the keys of their pseudonyms."""
    for table in declared:
        pinned = lake.pinned(table.spec.name)
        if table.removal is None or not pinned.exists:
            continue
        yield Fact(table.spec.name, "policy", pinned.record.policy if pinned.record else None)
        yield Fact(table.spec.name, "rows", pinned.content.rows)
        if pinned.record and pinned.record.key:
            yield Fact(table.spec.name, "fingerprint of the key", pinned.record.key)
            yield Fact(table.spec.name, "key in use since", time_text(_key_since(pinned)))
        yield from _former(pinned, lake.keep_days)


def report(lake: Lake, declared: Declared, as_of: int) -> list[Fact]:
    """All facts about a lake; see `consent_facts` and `table_facts`."""
    return [*consent_facts(lake, as_of), *table_facts(lake, declared)]


def markdown(facts: Iterable[Fact]) -> str:
    """Facts as a table in Markdown."""
    lines = ["| about | fact | value |", "|---|---|---:|"]
    for fact in facts:
        value = f"{fact.value:,}" if isinstance(fact.value, int) else fact.value
        lines.append(f"| {fact.about} | {fact.fact} | {value} |")
    return "\n".join(lines)


def time_text(instant: int) -> str:
    """A time in UTC.

    Args:
        instant: Epoch ms.
    """
    return f"{datetime.fromtimestamp(instant / 1000, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def _key_since(pinned: PinnedTable) -> int:
    """The commit time of the oldest snapshot that was made with the present key, epoch ms."""
    assert pinned.record is not None
    return min(
        snapshot.timestamp_ms
        for snapshot, record in pinned.history
        if record is not None and record.key == pinned.record.key
    )


def _former(pinned: PinnedTable, keep_days: int) -> Iterator[Fact]:
    """The oldest former snapshot, which may hold rows of people who withdrew since, and when it goes."""
    former = [snapshot for snapshot, _ in pinned.history if snapshot.snapshot_id != pinned.snapshot_id]
    yield Fact(pinned.spec.name, "former snapshots", len(former))
    if former:
        ends = ends_of(snapshot for snapshot, _ in pinned.history)
        first = min(ends[snapshot.snapshot_id] for snapshot in former)
        goes = time_text(first + keep_days * DAY_MS)
        yield Fact(pinned.spec.name, "oldest former snapshot", time_text(former[0].timestamp_ms))
        yield Fact(pinned.spec.name, "goes with maintenance after", goes)
