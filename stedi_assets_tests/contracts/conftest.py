"""The awkward world of `scenario` as a lake, and a bench on which tables are made wrongly and audited."""

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import dagster as dg
import pytest
from pyspark.sql import DataFrame

from stedi_assets.assets import DECLARED, TABLES
from stedi_assets.lake import Lake, Run
from stedi_assets.orchestration.refreshing.gate import Gate
from stedi_assets_tests.support import scenario
from stedi_assets_tests.support.lakes import TestLake, write_landing
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


@dataclass(frozen=True)
class Bench:
    """A table about to be made: its inputs, and its genuine transform to make it with others.

    Attributes:
        lake: The lake, with all tables published.
        run: The run.
        frames: The inputs by name.
        genuine: The transform that the product has.
    """

    lake: Lake
    run: Run
    frames: Mapping[str, DataFrame]
    genuine: Callable[..., DataFrame]

    def rows(self, **others: DataFrame) -> DataFrame:
        """The rows as the product makes them, from other inputs where these are given."""
        return self.genuine({**self.frames, **others}, self.run)

    def patched(self, *patches: tuple[Any, str, Any]) -> DataFrame:
        """The rows as the product makes them when functions of it are replaced."""
        with ExitStack() as stack:
            for owner, name, value in patches:
                stack.enter_context(mock.patch.object(owner, name, value))
            return self.rows()

    def table(self, name: str) -> DataFrame:
        """A published table that is no input."""
        return self.lake.pinned(name).frame(self.lake.spark)


@dataclass(frozen=True)
class Auditor:
    """Stages tables on a built lake, audits them as every run does, and publishes nothing."""

    lake: Lake
    run: Run

    def refusing(self, name: str, make: Callable[[Bench], DataFrame] = Bench.rows) -> dict[str, int]:
        """The rules that refuse a table that is made so, with the rows that break them."""
        spec, genuine = DECLARED[name].spec, DECLARED[name].transform
        inputs = {name: self.lake.pinned(name) for name in spec.inputs}
        transform = None
        if genuine is not None:
            transform = lambda frames, run: make(Bench(self.lake, run, frames, genuine))  # noqa: E731
        table = replace(DECLARED[name], transform=transform)
        gate = Gate(table, DECLARED, lake=self.lake, run=self.run, inputs=inputs)
        assert not list(gate.publish_early())
        audited = gate.last
        self.lake.discard(audited.outcome)
        return {it.rule.name: it.counts.broken for it in audited.results if it.refuses}


@pytest.fixture(scope="module")
def awkward_lake(tmp_path_factory):
    """The awkward world, built once per module; tests must not change it."""
    folder = tmp_path_factory.mktemp("awkward")
    lake = TestLake(folder, write_landing(folder / "in", landing_files(AWKWARD)))
    lake.built(as_of=scenario.AS_OF)
    return lake


@pytest.fixture(scope="module")
def auditor(awkward_lake):
    with dg.build_resources(awkward_lake.environment.resources()) as resources:
        yield Auditor(resources.lake, Run("mutations", scenario.AS_OF, "strict", full=True))
