"""Looking for people in a lake and its landing files: how much there is of them, place by place."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from stedi_assets.lake import Lake, Run
from stedi_assets.lake.ingestion.erasing import (
    Tombstones,
    customer_records,
    email_forms,
    gone_of,
    landing_hits,
)
from stedi_assets.tables import TableSpec
from stedi_assets.transforms.pseudonyms import subject_id

if TYPE_CHECKING:
    import pyarrow as pa

    from stedi_assets.lake.ingestion.erasing.rewriting import Hit

Reading = tuple[float, ...]
"""A reading: its time, and its values."""

PERSONAL = {"email": "emails", "customername": "names", "phone": "phones"}
"""Columns of customer records that say who someone is, and what the scanner calls their values."""


@dataclass(frozen=True)
class Place:
    """What there is of the people in one place.

    Attributes:
        place: The place, such as a table.
        found: Rows, lines or files.
        of: What is counted.
    """

    place: str
    found: int
    of: str


@dataclass
class Found:
    """What is known of the people who are asked for.

    Attributes:
        people: Canonical emails, in every form.
        terms: Values that are theirs alone, by kind.
        common: How many of their values others have too, by kind.
        devices: Serial numbers of devices that are theirs alone.
        shared: Serial numbers of devices that others registered too.
        others: How many others registered one of these devices.
        explained: Values of others in which a term occurs, such as a longer email.
        readings: Readings that only they have, each with its time first.
    """

    people: list[str]
    terms: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    common: Counter[str] = field(default_factory=Counter)
    devices: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    others: int = 0
    explained: set[str] = field(default_factory=set)
    readings: set[Reading] = field(default_factory=set)

    def tombstones(self, key: bytes) -> Tombstones:
        """The tombstones that these people will have."""
        return Tombstones.of(key, self.people, self.devices, self.shared)


def look_for(lakes: Sequence[Lake], people: Collection[str]) -> Found:
    """Collects what customer records say of some people, in the tables and in the landing files.

    Args:
        lakes: The lake under each policy.
        people: Canonical emails.
    """
    forms = {form for person in people for form in email_forms(person)}
    found = Found(sorted(forms))
    owners: dict[str, set[str]] = defaultdict(set)
    theirs: dict[str, set[str]] = defaultdict(set)
    of_others: dict[str, set[str]] = defaultdict(set)
    records = (customer_records(lake, [*PERSONAL, "serialnumber"]) for lake in lakes)
    for record in chain.from_iterable(records):
        person, other = email_forms(record["email"])
        asked = person in forms or other in forms
        owners[record["serialnumber"]].add("" if asked else person)
        for column, kind in PERSONAL.items():
            if record[column]:
                (theirs if asked else of_others)[kind].add(record[column])
    for serial, registered in owners.items():
        if "" in registered:
            (found.devices if registered == {""} else found.shared).add(serial)
    found.others = len({person for serial in found.shared for person in owners[serial] if person})
    for kind, values in theirs.items():
        found.terms[kind] |= values - of_others[kind]
        found.common[kind] += len(values & of_others[kind])
    found.terms["emails"] |= forms
    found.terms["serial numbers"] |= found.devices
    terms = [re.escape(term.lower()) for values in found.terms.values() for term in values]
    occurs = re.compile("|".join(terms))
    of_others["serial numbers"] = owners.keys() - found.devices
    found.explained = {
        value for values in of_others.values() for value in values if occurs.search(value.lower())
    }
    for lake in lakes[:1]:  # landing tables of other policies have the same readings
        _add_readings(lake, found)
    for lake in lakes:
        for person in forms if _has_subjects(lake) else ():
            found.terms["pseudonyms"].add(subject_id(lake.key.read(), person))
    return found


def places(
    lakes: Sequence[Lake], found: Found, tombstones: Tombstones, run: Run, hits: "Mapping[str, Sequence[Hit]]"
) -> Iterator[Place]:
    """Counts what there is of the people, place by place; landing files once, tables under each policy.

    Args:
        lakes: The lake under each policy.
        found: The people.
        tombstones: The tombstones that they will have.
        run: The run.
        hits: The landing files with records of theirs, see `all_hits`.
    """
    for spec in lakes[0].tables.landing:
        files = hits[spec.name]
        yield Place(f"landing files of {spec.name}", sum(hit.erased for hit in files), "records")
        yield Place(f"landing files of {spec.name}", len(files), "files")
    for lake in lakes:
        for spec in lake.tables.landing:
            gone = gone_of(lake, spec, run, tombstones)
            name = f"{lake.database}.{spec.name}"
            yield Place(name, gone.rows.total(), "rows")
            yield Place(f"{lake.database}.quarantine of {spec.name}", gone.lines.total(), "lines")
            yield Place(f"{lake.database}.activity of {spec.name}", gone.activity, "rows")
        for spec in lake.tables.derived:
            rows = sum(batch.num_rows for batch in theirs(lake, spec, found))
            yield Place(f"{lake.database}.{spec.name}", rows, "rows")


def all_hits(lake: Lake, tombstones: Tombstones) -> "dict[str, list[Hit]]":
    """The landing files with records of the people, by landing table."""
    return {spec.name: [*landing_hits(lake, spec, tombstones)] for spec in lake.tables.landing}


def theirs(
    lake: Lake, spec: TableSpec, found: Found, columns: "list[str] | None" = None
) -> "Iterator[pa.RecordBatch]":
    """The rows of the people in a table.

    Args:
        lake: The lake.
        spec: The table.
        found: The people.
        columns: The columns that are wanted; None for the one that names them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    pinned = lake.pinned(spec.name)
    if not pinned.exists:
        return
    column = next(name for name in ("subject_id", "user", "email", "serialnumber") if name in spec.columns)
    for batch in pinned.batches(columns or [column]):
        named = batch.column(column)
        known = _theirs_among(named, found)
        if known:
            yield batch.filter(pc.is_in(named, pa.array(known, pa.string())))


def _add_readings(lake: Lake, found: Found) -> None:
    """Collects the readings of the people; those that others have too are counted only."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for spec in lake.tables.landing:
        who, pinned = spec.source and spec.source.who, lake.pinned(spec.name)
        if not who or spec.instant is None or not pinned.exists:
            continue
        delivered = spec.source.record.to_schema().columns if spec.source else {}
        values = [spec.instant, *(name for name in delivered if name not in (who, spec.instant))]
        theirs: set[Reading] = set()
        for batch in pinned.batches([who, *values]):
            names = pa.array(_theirs_among(batch.column(who), found), pa.string())
            theirs |= _readings(batch.filter(pc.is_in(batch.column(who), names)), values)
        instants = pa.array({reading[0] for reading in theirs}, pa.int64())
        others: set[Reading] = set()
        for batch in pinned.batches([who, *values]) if theirs else ():
            names = pa.array(_theirs_among(batch.column(who), found), pa.string())
            same_time = pc.is_in(batch.column(spec.instant), instants)
            of_others = pc.and_(same_time, pc.invert(pc.is_in(batch.column(who), names)))
            others |= _readings(batch.filter(of_others), values) & theirs
        found.readings |= theirs - others
        found.common["readings"] += len(others)


def _readings(rows: "pa.RecordBatch", columns: list[str]) -> set[Reading]:
    return set(zip(*(rows.column(name).to_pylist() for name in columns), strict=True))


def _theirs_among(named: "pa.Array", found: Found) -> list[str]:
    """The emails, or the serial numbers, in a column that are those of the people."""
    known = found.terms["pseudonyms"] | found.devices
    names = named.unique().to_pylist()
    return [name for name in names if name in known or email_forms(name)[0] in found.people]


def _has_subjects(lake: Lake) -> bool:
    return any(lake.pinned(spec.name).exists for spec in lake.tables.derived if spec.subjects)
