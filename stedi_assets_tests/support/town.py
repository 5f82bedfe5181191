"""The people of small tests, the days on which they walk, and the tables that follow from it by the rules."""

from collections import Counter
from datetime import date

from stedi_assets.assets import TABLES
from stedi_assets.transforms import pseudonyms
from stedi_assets_tests.support import oracle
from stedi_assets_tests.support.lakes import KEY
from stedi_assets_tests.support.oracle import Acceleration, Customer, Keys, Step, World
from stedi_assets_tests.support.scenario import acceleration, device, instant, step

FIRST = date(2024, 3, 1)
HOUR, DAY = 3_600_000, 86_400_000
START = instant("2024-03-01T00:00:00")
ADA, BO, CY, DEE = PEOPLE = [f"{name}@example.com" for name in ("ada", "bo", "cy", "dee")]
LANDING = [name for name, spec in TABLES.specs.items() if spec.source]
DERIVED = [name for name, spec in TABLES.specs.items() if spec.inputs]
DATED = ["accelerometer_trusted", "step_trainer_trusted", "machine_learning_curated"]
FOLDERS = {"customer": Customer, "accelerometer": Acceleration, "step_trainer": Step}


def day(number: int, hour: int = 0) -> int:
    """An instant on one of the days of the story, which are numbered from 0."""
    return START + number * DAY + hour * HOUR


def readings(email: str, *days: int) -> list[Acceleration | Step]:
    """What a person and their device measure on some days."""
    instants = [day(number, hour) for number in days for hour in (10, 12)]
    return [
        row
        for at in instants
        for row in (acceleration(email, at), step(device(email), at, distance=PEOPLE.index(email)))
    ]


def expected(world: World, as_of: int, policy: oracle.Policy = "strict") -> dict[str, Counter]:
    """The derived tables as the oracle has them."""
    keys = Keys(KEY.encode(), pseudonyms.first_salt(KEY.encode()))
    tables = oracle.tables(world, policy, as_of, keys)
    found = {}
    for name, rows in tables._asdict().items():
        instant_of = TABLES[name].instant
        found[name] = Counter(
            (*row, oracle.event_date(getattr(row, instant_of))) if instant_of else tuple(row) for row in rows
        )
    return found
