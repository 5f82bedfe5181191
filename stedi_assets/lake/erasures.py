"""The store of erasures: who is to stay away, as keyed hashes, and how many erasures a lake has seen.

The store lies outside of the lake and of the landing root, so that a backup of either brings no one back. Its
files are numbered; each names the hash of the one before.
"""

import hashlib
import hmac
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from stedi_assets.errors import LakeError, SettingError
from stedi_assets.lake.storage import Storage

MARK = "stedi.erasures"
"""The property of the ledger in which a lake notes the last erasure that it has seen: number and hash."""
FORM = 1
"""Version of the canonical form of emails of which the hashes are made."""


def keyed_hash(key: bytes, kind: str, value: str) -> str:
    """The hash under which a person, a device or a content is remembered: 64 hexadecimal digits.

    Args:
        key: The key of erasures.
        kind: `person`, `device` or `content`.
        value: The canonical email, the serial number as received, or the SHA-256 of a file.
    """
    text = f"stedi {kind} {FORM}:{value}"
    return hmac.new(key, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Erasure:
    """An erasure, or the end of some tombstones.

    Attributes:
        number: Its place in the store, from 1.
        before: SHA-256 of the file of the one before; empty for the first.
        at: When, epoch ms.
        people: Hashes of the people who stay away from now on.
        devices: Hashes of devices that were theirs alone.
        shared: Hashes of devices that others registered too; they count as shared for ever.
        lifted: Hashes of people and devices that may come back.
        reason: Why they may.
        plan: Digest of the plan.
    """

    number: int
    before: str
    at: int
    people: Sequence[str] = ()
    devices: Sequence[str] = ()
    shared: Sequence[str] = ()
    lifted: Sequence[str] = ()
    reason: str = ""
    plan: str = ""


@dataclass(frozen=True)
class Erasures:
    """All erasures in order.

    Attributes:
        entries: The erasures.
        head: SHA-256 of the file of the last one; empty without any.
    """

    entries: tuple[Erasure, ...] = ()
    head: str = ""

    @property
    def mark(self) -> str:
        """What a lake notes that has seen them all."""
        return f"{len(self.entries)} {self.head}"

    @property
    def people(self) -> frozenset[str]:
        """Hashes of the people who stay away."""
        return frozenset(self._standing("people"))

    @property
    def devices(self) -> Mapping[str, int]:
        """When devices were erased, epoch ms, by their hashes."""
        return self._standing("devices")

    @property
    def shared(self) -> frozenset[str]:
        """Hashes of the devices that count as shared."""
        return frozenset(self._standing("shared")) - self.devices.keys()

    def _standing(self, kind: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for entry in self.entries:
            found.update(dict.fromkeys(getattr(entry, kind), entry.at))
            for lifted in entry.lifted:
                found.pop(lifted, None)
        return found


@dataclass(frozen=True)
class ErasureStore:
    """The numbered files below a place.

    Attributes:
        place: URI of the folder; empty if there is none, as beside a lake that is a whole bucket.
        storage: Its storage.
    """

    place: str
    storage: Storage = field(repr=False)

    def read(self) -> Erasures:
        """All erasures.

        Raises:
            LakeError: A file is missing or was changed.
        """
        head, entries = "", []
        if not self.place:
            return Erasures()
        for number, data in enumerate(self._files(), start=1):
            known = {part.name for part in fields(Erasure)}
            given: dict[str, Any] = json.loads(data)
            entry = Erasure(**{name: value for name, value in given.items() if name in known})
            if (entry.number, entry.before) != (number, head):
                raise LakeError(
                    f"The tombstones in {self.place} are not whole: erasure {number} is missing or was "
                    "changed. Put back the folder as it was."
                )
            entries.append(entry)
            head = hashlib.sha256(data).hexdigest()
        return Erasures(tuple(entries), head)

    def append(self, known: Erasures, **what: Any) -> Erasures:
        """Adds an erasure.

        Args:
            known: All erasures so far.
            what: Attributes of the new one.
        """
        entry = Erasure(number=len(known.entries) + 1, before=known.head, **what)
        data = json.dumps(asdict(entry), sort_keys=True).encode()
        self.storage.write(f"{self.place}/tombstones/{entry.number:06}.json", io.BytesIO(data))
        return Erasures((*known.entries, entry), hashlib.sha256(data).hexdigest())

    def check_place(self) -> None:
        """Checks that there is a place for tombstones.

        Raises:
            SettingError: There is none.
        """
        if not self.place:
            raise SettingError(
                "STEDI_ERASURE is not given, but STEDI_LAKE is a whole bucket: give the tombstones a place "
                "outside it, such as `s3://another-bucket/erasures`."
            )

    def _files(self) -> Iterator[bytes]:
        for file in self.storage.list(f"{self.place}/tombstones"):
            if file.path.endswith(".json"):
                data = self.storage.read(file.uri)
                assert data is not None
                yield data


def check_mark(erasures: Erasures, mark: str | None) -> None:
    """Checks that a lake has seen the same erasures as the store has.

    Args:
        erasures: The erasures of the store.
        mark: What the lake noted; None if it noted nothing.

    Raises:
        LakeError: The lake or the store was put back from a backup.
    """
    number, _, head = (mark or "0 ").partition(" ")
    seen = int(number)
    if seen > len(erasures.entries):
        raise LakeError(
            f"The lake has seen {seen} erasures, but STEDI_ERASURE has {len(erasures.entries)}: put the "
            "tombstones back, or correct the setting; without them erased people would come back."
        )
    known = {0: ""} | {entry.number - 1: entry.before for entry in erasures.entries}
    known[len(erasures.entries)] = erasures.head
    if known[seen] != head:
        raise LakeError(
            "The lake has seen other erasures than STEDI_ERASURE has: correct the setting, so that it names "
            "the tombstones of this lake."
        )
    if seen < len(erasures.entries):
        raise LakeError(
            f"The lake has seen {seen} of {len(erasures.entries)} erasures, as one put back from a backup "
            "has: run `stedi erase reapply` first."
        )
