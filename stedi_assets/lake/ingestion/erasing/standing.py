"""The tombstones that stand for a lake, and the devices that count as shared because of them."""

from collections.abc import Iterator

from stedi_assets.lake.erasures import MARK, Erasures, check_mark, keyed_hash
from stedi_assets.lake.ingestion.erasing.tombstones import NEVER, Tombstones
from stedi_assets.lake.resource import Lake
from stedi_assets.tables import LEDGER


def tombstones_of(lake: Lake) -> Tombstones:
    """The tombstones of a lake, which must have seen all erasures.

    Raises:
        LakeError: The lake or the tombstones were put back from a backup.
    """
    erasures = lake.erasures.read()
    ledger = lake.loaded(LEDGER)
    if ledger is not None:
        check_mark(erasures, ledger.properties.get(MARK))
    return standing(lake, erasures)


def standing(lake: Lake, erasures: Erasures | None = None) -> Tombstones:
    """The tombstones of some erasures, with the times from which devices are free again.

    Args:
        lake: The lake.
        erasures: The erasures; None for all of the store, whatever the lake has seen.
    """
    erasures = lake.erasures.read() if erasures is None else erasures
    if not erasures.entries:
        return Tombstones()
    key = lake.erasure_key.read()
    never = dict.fromkeys(erasures.devices, NEVER)
    tombstones = Tombstones(key, erasures.people, never, erasures.shared)
    return Tombstones(key, erasures.people, never | _free_from(lake, erasures, tombstones), erasures.shared)


def shared_devices(lake: Lake) -> frozenset[str]:
    """Serial numbers of registered devices that count as shared because one of their owners was erased."""
    erasures = lake.erasures.read()
    if not erasures.shared:
        return frozenset()
    tombstones = standing(lake, erasures)
    registered = {serial for _, serial, _ in registrations(lake)}
    return frozenset(filter(tombstones.is_shared, registered))


def registrations(lake: Lake) -> Iterator[tuple[str, str, int]]:
    """Email, serial number and time of each registration in the landing table of people."""
    pinned = lake.pinned(lake.tables.people.name)
    if pinned.exists:
        for batch in pinned.batches(["email", "serialnumber", "registrationdate"]):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _free_from(lake: Lake, erasures: Erasures, tombstones: Tombstones) -> dict[str, int]:
    """When someone else registered an erased device after its erasure, epoch ms, by its hash."""
    free: dict[str, int] = {}
    if not erasures.devices:
        return free
    for email, serial, registered in registrations(lake):
        device = keyed_hash(tombstones.key, "device", serial)
        erased_at = erasures.devices.get(device)
        if erased_at is not None and registered > erased_at and not tombstones.has_person(email):
            free[device] = min(registered, free.get(device, NEVER))
    return free
