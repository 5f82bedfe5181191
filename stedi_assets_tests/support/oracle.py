"""The rules of the design's section 5 once more, in plain Python, one row at a time.

Written from the design and not from the transforms, so that the two can disagree. Here belong the rows of
the tables as tuples and what the rules make of them; no engine and nothing of the package.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal, NamedTuple

Policy = Literal["strict", "reference"]
DAY_MS = 86_400_000


class Customer(NamedTuple):
    """A customer record; the source fields."""

    customername: str
    email: str
    phone: str
    birthday: str
    serialnumber: str
    registrationdate: int
    lastupdatedate: int
    sharewithresearchasofdate: int | None
    sharewithpublicasofdate: int | None = None
    sharewithfriendsasofdate: int | None = None


class Acceleration(NamedTuple):
    """An accelerometer reading; the source fields."""

    user: str
    timestamp: int
    x: float
    y: float
    z: float


class Step(NamedTuple):
    """A step-trainer reading; the source fields."""

    sensorreadingtime: int
    serialnumber: str
    distancefromobject: int


class SubjectReading(NamedTuple):
    """A row of machine_learning_curated without its day."""

    subject_id: str
    timestamp: int
    x: float
    y: float
    z: float
    distancefromobject: int
    split: str


class World(NamedTuple):
    """What the sources sent; `held` are the emails that unreadable customer lines name."""

    customers: list[Customer]
    accelerometer: list[Acceleration]
    step_trainer: list[Step]
    held: list[str] = []  # noqa: RUF012


class Keys(NamedTuple):
    """The pseudonym key and the lake's split salt."""

    pseudonym: bytes
    salt: bytes


class Tables(NamedTuple):
    """The five tables that rules make, as rows in any order; readings without their day."""

    customer_trusted: list[Customer]
    accelerometer_trusted: list[Acceleration]
    customer_curated: list[Customer]
    step_trainer_trusted: list[Step]
    machine_learning_curated: list[SubjectReading]


def tables(world: World, policy: Policy, as_of: int, keys: Keys) -> Tables:
    """The five tables."""
    trusted = customer_trusted(world.customers, world.held, as_of)
    accelerometer = accelerometer_trusted(world.accelerometer, trusted, policy)
    curated = customer_curated(trusted, accelerometer)
    steps = step_trainer_trusted(world.step_trainer, curated, world.customers, policy)
    pairs = machine_learning_curated(accelerometer, steps, curated, policy, keys)
    return Tables(trusted, accelerometer, curated, steps, pairs)


def canonical(email: str) -> str:
    """The one form of an email that names a person."""
    return "".join(filter(_is_seen, email)).strip().lower()


def _is_seen(letter: str) -> bool:
    """Whether a letter is no soft hyphen, BOM or variation selector, nor of zero width or a direction."""
    return not (
        letter in "\u00ad\u034f\u061c\u180e\ufeff"
        or "\u200b" <= letter <= "\u200f"
        or "\u202a" <= letter <= "\u202e"
        or "\u2060" <= letter <= "\u206f"
        or "\ufe00" <= letter <= "\ufe0f"
    )


def event_date(instant: int) -> date:
    """The UTC day of an instant in epoch milliseconds."""
    return date(1970, 1, 1) + timedelta(days=instant // DAY_MS)


def consents(customer: Customer, as_of: int) -> bool:
    """Whether a record gives consent: a positive instant, not in the future."""
    consent = customer.sharewithresearchasofdate
    return consent is not None and 0 < consent <= as_of


def latest_records(customers: Iterable[Customer], as_of: int) -> list[Customer]:
    """The record that counts, of every person who has one not after `as_of`."""
    by_person: dict[str, list[Customer]] = {}
    for customer in customers:
        if customer.lastupdatedate <= as_of:
            by_person.setdefault(canonical(customer.email), []).append(customer)
    return [_latest(records, as_of) for records in by_person.values()]


def _latest(records: list[Customer], as_of: int) -> Customer:
    newest = max(record.lastupdatedate for record in records)
    tied = [record for record in records if record.lastupdatedate == newest]
    without = [record for record in tied if not consents(record, as_of)]
    tied = without or tied
    instants = [r.sharewithresearchasofdate for r in tied if r.sharewithresearchasofdate is not None]
    if instants:
        tied = [record for record in tied if record.sharewithresearchasofdate == max(instants)]
    return min(tied, key=_by_all_columns)


def _by_all_columns(record: Customer) -> list[tuple[bool, object]]:
    """Sorts by all columns in the order of their names, nulls first."""
    values = record._asdict()
    return [(values[name] is not None, values[name]) for name in sorted(values)]


def customer_trusted(customers: Iterable[Customer], held: Iterable[str], as_of: int) -> list[Customer]:
    """The latest record per person, where it consents and the person is not held."""
    out = {canonical(email) for email in held}
    return [
        customer
        for customer in latest_records(customers, as_of)
        if consents(customer, as_of) and canonical(customer.email) not in out
    ]


def accelerometer_trusted(
    readings: Iterable[Acceleration], trusted: list[Customer], policy: Policy
) -> list[Acceleration]:
    """Readings of trusted people; rows equal in every source column once."""
    consent = {canonical(c.email): c.sharewithresearchasofdate or 0 for c in trusted}
    kept = set()
    for reading in readings:
        who = canonical(reading.user)
        if who in consent and (policy == "reference" or reading.timestamp >= consent[who]):
            kept.add(reading)
    return list(kept)


def customer_curated(trusted: list[Customer], accelerometer: list[Acceleration]) -> list[Customer]:
    """Trusted people with at least one trusted accelerometer reading."""
    walkers = {canonical(reading.user) for reading in accelerometer}
    return [customer for customer in trusted if canonical(customer.email) in walkers]


def step_trainer_trusted(
    readings: Iterable[Step], curated: list[Customer], records: list[Customer], policy: Policy
) -> list[Step]:
    """Readings of curated people's devices; rows equal in every source column once."""
    if policy == "reference":
        devices = {customer.serialnumber for customer in curated}
        return list({reading for reading in readings if reading.serialnumber in devices})
    registered_by: dict[str, set[str]] = {}
    for record in records:
        registered_by.setdefault(record.serialnumber, set()).add(canonical(record.email))
    consent = {canonical(c.email): c.sharewithresearchasofdate or 0 for c in curated}
    kept = set()
    for reading in readings:
        owners = registered_by.get(reading.serialnumber, set())
        if len(owners) == 1:
            [owner] = owners
            if owner in consent and reading.sensorreadingtime >= consent[owner]:
                kept.add(reading)
    return list(kept)


def machine_learning_curated(
    accelerometer: list[Acceleration],
    step_trainer: list[Step],
    curated: list[Customer],
    policy: Policy,
    keys: Keys,
) -> list[SubjectReading]:
    """Every accelerometer reading with every step-trainer reading of the same (person and) instant."""
    device = {canonical(customer.email): customer.serialnumber for customer in curated}
    return [
        SubjectReading(
            subject_id(canonical(reading.user), keys.pseudonym),
            *reading[1:],
            step.distancefromobject,
            split(canonical(reading.user), keys.salt),
        )
        for reading in accelerometer
        for step in step_trainer
        if reading.timestamp == step.sensorreadingtime
        and (policy == "reference" or device.get(canonical(reading.user)) == step.serialnumber)
    ]


def subject_id(person: str, key: bytes) -> str:
    """The pseudonym of a person."""
    return hmac.digest(key, person.encode(), "sha256").hex()


def split(person: str, salt: bytes) -> str:
    """The split of a person. The design gives the shares only; the formula is pinned here, because
    another one would move people between train and test."""
    tenth = int(hmac.new(salt, person.encode(), hashlib.sha256).hexdigest()[:16], 16) % 10
    return {8: "validation", 9: "test"}.get(tenth, "train")
