"""The awkward world of `scenario` as a lake whose tables are made wrongly and audited."""

import json

import pytest

from stedi_assets.assets import TABLES
from stedi_assets.lake import Run
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets_tests.support import scenario
from stedi_assets_tests.support.lakes import TestLake, write_landing
from stedi_assets_tests.support.mutations import Auditor
from stedi_assets_tests.support.oracle import World
from stedi_assets_tests.support.scenario import LATER, REGISTERED, WORLD, acceleration, device, record, step

# Beyond the scenario: a withdrawal in a spelling of the email that only trimming finds.
SPACED = "spaced@example.com"
# Shares with the public, and with no friends: the only person whose two consents of that kind differ.
SHARES = "shares@example.com"
AWKWARD = World(
    [*WORLD.customers, record(SPACED, REGISTERED), record(f"{SPACED}\t", None, LATER, serial=device(SPACED))],
    [*WORLD.accelerometer, acceleration(SPACED), acceleration(SHARES)],
    [*WORLD.step_trainer, step(device(SPACED)), step(device(SHARES))],
    WORLD.held,
)


def landing_files(world: World) -> dict[str, str]:
    """The landing files that a world arrives in; a held person is in a customer line that is cut off."""
    keys = {
        spec.source.folder: {
            name: (column.metadata or {}).get("key", name)
            for name, column in spec.source.record.to_schema().columns.items()
        }
        for spec in TABLES.values()
        if spec.source
    }
    rows = {
        "customer/landing": world.customers,
        "accelerometer/landing": world.accelerometer,
        "step_trainer/landing": world.step_trainer,
    }
    files = {
        f"{folder}/a.json": "".join(
            json.dumps({keys[folder][name]: value for name, value in row._asdict().items()}) + "\n"
            for row in rows[folder]
        )
        for folder in keys
    }
    held = "".join(f'{{"email": {json.dumps(email)}, "phone": \n' for email in world.held)
    sharing = record(SHARES, REGISTERED)._asdict()
    line = {keys["customer/landing"][name]: value for name, value in sharing.items()}
    public = json.dumps(line | {"shareWithPublicAsOfDate": REGISTERED}) + "\n"
    return {**files, "customer/landing/held.json": held, "customer/landing/public.json": public}


@pytest.fixture(scope="session")
def awkward_lake(tmp_path_factory):
    """The awkward world, built once; tests must not change it."""
    folder = tmp_path_factory.mktemp("awkward")
    lake = TestLake(folder, write_landing(folder / "in", landing_files(AWKWARD)))
    lake.built(as_of=scenario.AS_OF)
    return lake


@pytest.fixture(scope="module")
def auditor(awkward_lake):
    with opened_lake(awkward_lake.environment) as lake:
        yield Auditor(lake, Run("mutations", scenario.AS_OF, "strict", full=True))
