"""Tombstones: which records are about people who were erased.

The engine's workers receive this module by value, see `reader`. It knows people and devices by keyed hashes
only.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from stedi_assets.lake.erasures import keyed_hash
from stedi_assets.lake.ingestion.faults import canonical, named_people, other_form, texts_of

if TYPE_CHECKING:
    from stedi_assets.lake.ingestion.lines import ParsedLine

ERASED = "erased"
"""Stands where a reason stands: the record is counted, and kept nowhere."""
NEVER = 2**63
MOST_ASKED = 50_000


@dataclass(frozen=True)
class Tombstones:
    """The people and devices that stay away.

    Attributes:
        key: The key of the hashes.
        people: Hashes of people.
        devices: Hashes of devices, with the time from which each is free for its next owner, epoch ms.
        shared: Hashes of devices that count as shared.
    """

    key: bytes = field(default=b"", repr=False)
    people: frozenset[str] = frozenset()
    devices: Mapping[str, int] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()
    _asked: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)
    """Emails that were asked for, because a file names the same ones again and again."""

    @classmethod
    def of(
        cls, key: bytes, people: Iterable[str], devices: Iterable[str] = (), shared: Iterable[str] = ()
    ) -> "Tombstones":
        """The tombstones of some people.

        Args:
            key: The key.
            people: Canonical emails.
            devices: Serial numbers of devices that were theirs alone.
            shared: Serial numbers of devices that count as shared.
        """
        return cls(
            key,
            frozenset(keyed_hash(key, "person", person) for person in people),
            {keyed_hash(key, "device", serial): NEVER for serial in devices},
            frozenset(keyed_hash(key, "device", serial) for serial in shared),
        )

    def __bool__(self) -> bool:
        return bool(self.people or self.devices or self.shared)

    def has_person(self, email: str) -> bool:
        """Whether an email, in any spelling, is that of an erased person."""
        known = self._asked.get(email)
        if known is None:
            spelling = canonical(email)
            forms = {spelling, other_form(spelling)}
            known = any(keyed_hash(self.key, "person", form) in self.people for form in forms)
            if len(self._asked) >= MOST_ASKED:
                self._asked.clear()
            self._asked[email] = known
        return known

    def has_device(self, serial: str, instant: int | None = None) -> bool:
        """Whether a reading of a device is that of an erased person.

        Args:
            serial: The serial number.
            instant: The time of the reading, epoch ms; None if it is not known.
        """
        free_from = self.devices.get(keyed_hash(self.key, "device", serial))
        return free_from is not None and (instant is None or instant < free_from)

    def names_in(self, path: str) -> bool:
        """Whether a path of a file holds the email or the device of an erased person."""
        devices = re.findall(r"[0-9A-Za-z]+(?:-[0-9A-Za-z]+)*", path)
        return any(map(self.has_device, devices)) or any(map(self.has_person, _emails_in(path)))

    def anonymous(self, path: str) -> str:
        """A path of a landing file as it may stay: without a name that holds an erased person."""
        if not self or not self.names_in(path):
            return path
        [source, landing, *_] = path.split("/")
        ending = "".join(re.findall(r"\.(?:jsonl?|ndjson|gz|gzip|bz2|bzip2|zst|zstd)(?=\.|$)", path.lower()))
        return f"{source}/{landing}/erased-{keyed_hash(self.key, 'path', path)[:16]}{ending}"

    def is_shared(self, serial: str) -> bool:
        """Whether a device counts as shared because one of its owners was erased."""
        return keyed_hash(self.key, "device", serial) in self.shared


NO_ONE = Tombstones()


@dataclass(frozen=True)
class ErasedRecords:
    """Tells the records of a landing table that are about erased people.

    Attributes:
        tombstones: The tombstones.
        key: JSON key of the field that names the person or the device.
        place: Place of that field among the values of a row.
        device: Whether it names a device.
        instant: Place of the time of a reading among the values.
        describes: Whether a record describes a person, so that a faulty one may hold people.
    """

    tombstones: Tombstones
    key: str
    place: int
    device: bool
    instant: int | None
    describes: bool

    def knows(self, named: str, instant: int | None = None) -> bool:
        """Whether an email, or the serial number of a reading, is that of an erased person.

        Args:
            named: What the field of the table holds that names the person or the device.
            instant: The time of the reading, epoch ms; None if it is not known.
        """
        if self.device:
            return self.tombstones.has_device(named, instant)
        return self.tombstones.has_person(named)

    def names(self, values: Sequence[Any]) -> bool:
        """Whether a row is about an erased person."""
        return self.knows(values[self.place], None if self.instant is None else values[self.instant])

    def filtered(self, line: "ParsedLine") -> "ParsedLine":
        """A parsed line without what is about erased people."""
        if line.values is not None:
            return _erased(line) if self.names(line.values) else line
        if line.raw is None:
            return line
        kept = self.faulty(line.raw, line.people)
        if kept is None:
            return _erased(line)
        return replace(line, raw=kept[0], people=kept[1])

    def faulty(self, raw: bytes, people: str | None) -> tuple[bytes, str | None] | None:
        """The text of a faulty record and the people whom it names, as they may be kept.

        A record that names an erased person and others holds the others, without its text.

        Args:
            raw: The text.
            people: Canonical emails that it names, with a space between; None for a reading.

        Returns:
            None if the record may not be kept.
        """
        if self.describes and people is not None:
            named = people.split()
            others = [person for person in named if not self.tombstones.has_person(person)]
            if len(others) == len(named):
                return raw, people
            return (b"", " ".join(others)) if others else None
        text = raw.decode(errors="surrogateescape")
        named_by = texts_of if self.device else named_people
        return None if any(map(self.knows, named_by(text, self.key))) else (raw, people)


def _emails_in(path: str) -> Iterator[str]:
    """What may be an email in a path, with more or less of what stands around it."""
    for at in re.finditer("@", path):
        left = re.split(r"([/\s_,;+.-])", path[: at.start()])[-9:]
        right = re.split(r"([/\s_,;])", path[at.end() :])[0].split(".")
        locals_ = ["".join(left[start:]) for start in range(0, len(left))]
        domains = [".".join(right[:end]) for end in range(2, len(right) + 1)]
        yield from (f"{local}@{domain}" for local in locals_ for domain in domains if local)


def _erased(line: "ParsedLine") -> "ParsedLine":
    return replace(line, values=None, reason=ERASED, raw=None, people=None, unknown_keys=0, coerced=0)
