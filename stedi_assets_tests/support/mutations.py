"""Tables made in a wrong way, and the audit that must refuse them."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.assets import DECLARED
from stedi_assets.lake import Lake, Run
from stedi_assets.orchestration.refreshing.gate import Gate
from stedi_assets.transforms import consent, machine_learning, readings


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
        audited.outcome.discard()
        return {it.rule.name: it.counts.broken for it in audited.results if it.refuses}


Make = Callable[[Bench], DataFrame]


@dataclass(frozen=True)
class Mutation:
    """A table made in a wrong way, and the rules that must refuse it."""

    table: str
    rules: tuple[str, ...]
    make: Make

    def __str__(self) -> str:
        return self.make.__name__


class Mutations(list[Mutation]):
    """The mutations of a test module."""

    def of(
        self, table: str, *rules: str
    ) -> Callable[[Callable[[Bench], DataFrame]], Callable[[Bench], DataFrame]]:
        """Registers the wrong way to make a table that the decorated function is named after."""

        def register(make: Make) -> Make:
            assert make not in [mutation.make for mutation in self]
            self.append(Mutation(table, rules, make))
            return make

        return register


def given(instant: Column) -> Column:
    """A condition on the consent that is never null."""
    return F.coalesce(instant, F.lit(False))


def only_lower(email: str) -> Column:
    return F.lower(F.col(email))


def only_trimmed(email: str) -> Column:
    return F.btrim(F.col(email), F.lit(consent.WHITESPACE))


def everywhere(how: Callable[[str], Column]):
    """Patches that make people known in another way."""
    return [(module, "person", how) for module in (consent, readings, machine_learning)]


def first_day(frame: DataFrame) -> DataFrame:
    return frame.where(F.col("event_date") == F.lit("2024-03-05").cast("date"))
