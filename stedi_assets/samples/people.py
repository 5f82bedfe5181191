"""Invented customers: who they are, which device they use, and how their consent went.

Every fact about a customer follows from the seed and the customer's number alone, so a zone with more
customers begins with the same ones. Names are plants and stars, addresses lie in the reserved
`example.com`, phone numbers in the range kept free for fiction.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b

FIRST_DAY = date(2024, 3, 1)
DAY_MS = 86_400_000
FIRST_INSTANT = (FIRST_DAY - date(1970, 1, 1)).days * DAY_MS

# One story per customer, by number. Twenty in a row hold every story; about half end up consenting.
STORIES = (
    *("agreed", "shared", "never", "later", "never", "withdrew", "agreed", "again", "never", "late"),
    *("agreed", "silent", "never", "agreed", "never", "agreed", "never", "agreed", "never", "never"),
)

_PLANTS = (
    *("Fern", "Moss", "Sorrel", "Yarrow", "Thistle", "Bracken", "Clover", "Tansy", "Sedge", "Mallow"),
    *("Teasel", "Borage", "Lupine", "Burdock", "Comfrey", "Nettle", "Rush", "Vetch", "Campion", "Lichen"),
    *("Madder", "Woad", "Bryony", "Samphire"),
)
_STARS = (
    *("Aldebaran", "Capella", "Arcturus", "Deneb", "Fomalhaut", "Procyon", "Antares", "Mizar", "Alcor"),
    *("Achernar", "Canopus", "Polaris", "Dubhe", "Alioth", "Hamal", "Menkar", "Sadr", "Thuban", "Kochab"),
    *("Alphard", "Merak", "Zaurak", "Sheratan", "Alnitak"),
)


@dataclass(frozen=True)
class Customer:
    """One customer.

    Attributes:
        email: The address, spelt as in every one of the customer's lines.
        serial_number: The device; two customers have the same one when the second tells `shared`.
        walks: Whether the customer has any reading.
        lines: Landing lines with the day (0 is the first one) on whose export they arrive.
    """

    email: str
    serial_number: str
    walks: bool
    lines: tuple[tuple[int, str], ...]


def customers(count: int, days: int, seed: int) -> Iterator[Customer]:
    """Yields `count` customers of a zone that covers `days` days."""
    for number in range(count):
        yield _customer(number, days, seed)


def _customer(number: int, days: int, seed: int) -> Customer:
    story = STORIES[number % len(STORIES)]
    facts = _facts(number, seed)
    plant, star, suffix = _name(number)
    email = f"{plant}.{star}{suffix}@example.com"
    serial_number = _serial_number(number - 1 if story == "shared" else number, seed)
    registered = FIRST_INSTANT - (30 + facts[0] % 370) * DAY_MS + facts[1] % DAY_MS
    person = {
        "customerName": f"{plant} {star}{suffix}",
        "email": email,
        "phone": f"555-01{facts[2] % 100:02}",
        "birthDay": f"{1940 + facts[3] % 66}-{1 + facts[4] % 12:02}-{1 + facts[5] % 28:02}",
        "serialNumber": serial_number,
        "registrationDate": registered,
    }
    others = {
        key: registered
        for key, draw in (("shareWithPublicAsOfDate", facts[6]), ("shareWithFriendsAsOfDate", facts[7]))
        if draw % 2
    }
    lines = []
    for arrives, updated, consent in _history(story, days, registered, facts[8]):
        research = {"shareWithResearchAsOfDate": consent} if consent is not None else {}
        lines.append((arrives, json.dumps({**person, "lastUpdateDate": updated, **research, **others})))
    return Customer(email, serial_number, story != "silent", tuple(lines))


def _history(story: str, days: int, registered: int, draw: int) -> list[tuple[int, int, int | None]]:
    """The customer's records in order: (day of the export, lastUpdateDate, consent to research)."""
    third = days * DAY_MS // 3

    def during(part: int) -> tuple[int, int]:
        """Some instant of the first, second or last third of the readings, and its day."""
        offset = part * third + draw % third
        return offset // DAY_MS, FIRST_INSTANT + offset

    agreed = (0, registered, registered)
    silent = (0, registered, None)
    if story == "never":
        return [silent]
    if story == "late":
        return [(days, registered, registered)]
    if story == "later":
        day, instant = during(1)
        return [silent, (day, instant, instant)]
    if story == "withdrew":
        return [agreed, (*during(1), None)]
    if story == "again":
        day, instant = during(2)
        return [agreed, (*during(0), None), (day, instant, instant)]
    return [agreed]


def _name(number: int) -> tuple[str, str, str]:
    """A plant, a star and, once all pairs are used up, a number: never the same three twice."""
    lap, pair = divmod(number, len(_PLANTS) * len(_STARS))
    row, plant = divmod(pair, len(_PLANTS))
    star = (5 * plant + row) % len(_STARS)
    return _PLANTS[plant], _STARS[star], f"{lap + 1}" if lap else ""


def _serial_number(number: int, seed: int) -> str:
    return str(
        uuid.UUID(bytes=blake2b(f"device {seed} {number}".encode(), digest_size=16).digest(), version=4)
    )


def _facts(number: int, seed: int) -> list[int]:
    """Ten draws for one customer, alike on every machine and with every library version."""
    digest = blake2b(f"customer {seed} {number}".encode(), digest_size=60).digest()
    return [int.from_bytes(digest[start : start + 6], "big") for start in range(0, 60, 6)]
