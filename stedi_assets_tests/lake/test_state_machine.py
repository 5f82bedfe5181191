"""Any sequence of deliveries, changes of mind, interruptions and time ends as the rules and a rebuild say.

Two people, a third who only ever shares a device, two devices, three days. Every run of all tables is
compared with the oracle; at the end of a sequence a lake that is built at once from what is live is compared
with both. What is live is kept here as the design has it: the newest content of every file that a run saw,
also of one that was deleted since.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from stedi_assets.assets import TABLES
from stedi_assets.lake.maintenance import maintain
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets.tables import SYSTEM_TABLES
from stedi_assets_tests.support import oracle, steps
from stedi_assets_tests.support.lakes import TestLake, new_lake
from stedi_assets_tests.support.maintenance import expire_history
from stedi_assets_tests.support.oracle import Acceleration, Customer, Step, World
from stedi_assets_tests.support.scenario import acceleration, device, record, step
from stedi_assets_tests.support.states import Content, arrow, state, text
from stedi_assets_tests.support.town import ADA, BO, CY, DERIVED, LANDING, day, expected

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(0), pytest.mark.usefixtures("key")]

STEPS = (
    steps.WRITE, steps.DESCRIBE_BATCH, steps.WRITE_LEDGER, steps.DESCRIBE, steps.COMMIT, steps.COMMIT_SYSTEM,
)  # fmt: skip
NAMES = "abcd"
INSTANTS = [day(number, hour) for number in range(3) for hour in (0, 10)]
DEVICES = [device(ADA), device(BO)]

# Few values, so that records tie, devices are shared, and consents begin at a reading, in between, and later.
records = st.builds(
    record,
    st.sampled_from([ADA, ADA, BO, BO, ADA.upper(), CY]),
    st.sampled_from([day(0), day(1, 10), day(0), None, 0, day(6), day(9)]),
    st.sampled_from([day(0), day(3), day(4), day(5), day(7), day(10)]),
    serial=st.sampled_from([None, None, *DEVICES]),
)
unreadable = st.sampled_from([ADA, BO]).map(lambda email: f'{{"email": "{email}", "customerName": "Inv')
walks = st.builds(
    lambda email, at, x: [acceleration(email, at, x), step(device(email), at)],
    st.sampled_from([ADA, BO]),
    st.sampled_from(INSTANTS),
    st.sampled_from([0.1, 0.2]),
)
accelerations = st.builds(acceleration, st.sampled_from([ADA, BO]), st.sampled_from(INSTANTS))
step_rows = st.builds(step, st.sampled_from(DEVICES), st.sampled_from(INSTANTS), st.sampled_from([100, 200]))

File = tuple[str, str]


class Landing(RuleBasedStateMachine):
    """A lake, its landing zone, and what is known to be live of that."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.lake = new_lake(self.folder)
        self.there: dict[File, Content] = {}
        self.live: dict[File, Content] = {}
        self.unsure: set[File] = set()  # a run that was interrupted may have seen them or not
        self.as_of = day(8)

    @initialize(people=st.lists(records, min_size=1, max_size=3), walks=st.lists(walks, max_size=4))
    def begin(self, people: list[Customer], walks: list[list[Acceleration | Step]]) -> None:
        """Most sequences begin with someone who walks."""
        self._write(("customer", "a"), tuple(people))
        readings = [reading for walk in walks for reading in walk]
        for source, kind in (("accelerometer", Acceleration), ("step_trainer", Step)):
            self._write((source, "a"), tuple(row for row in readings if isinstance(row, kind)))

    @rule(name=st.sampled_from(NAMES), rows=st.lists(records | unreadable, min_size=1, max_size=2))
    def deliver_people(self, name: str, rows: list[Customer | str]) -> None:
        self._write(("customer", name), tuple(rows))

    @rule(person=st.sampled_from([ADA, BO]), later=st.sampled_from([1, 2]))
    def withdraw(self, person: str, later: int) -> None:
        self._write(("customer", f"{person} withdraws"), (record(person, None, self.as_of + later - 1),))

    @rule(name=st.sampled_from(NAMES), rows=st.lists(accelerations, max_size=3))
    def deliver_accelerations(self, name: str, rows: list[Acceleration]) -> None:
        self._write(("accelerometer", name), tuple(rows))

    @rule(name=st.sampled_from(NAMES), rows=st.lists(step_rows, max_size=3), nonsense=st.booleans())
    def deliver_steps(self, name: str, rows: list[Step], nonsense: bool) -> None:
        self._write(("step_trainer", name), (*rows, *(["nonsense"] if nonsense else [])))

    @rule(which=st.integers(0, 20), name=st.sampled_from(NAMES))
    def copy(self, which: int, name: str) -> None:
        files = sorted(self.there)
        source, former = files[which % len(files)]
        self._write((source, name), self.there[source, former])

    @precondition(lambda self: set(self.there) - self.unsure)
    @rule(which=st.integers(0, 20))
    def delete(self, which: int) -> None:
        files = sorted(set(self.there) - self.unsure)
        file = files[which % len(files)]
        self._path(file).unlink()
        del self.there[file]

    @rule(days=st.sampled_from([1, 2, 2, -1]))
    def pass_time(self, days: int) -> None:
        self.as_of += days * oracle.DAY_MS

    @rule(tables=st.sampled_from([LANDING, LANDING[:1], [*LANDING[:1], "customer_trusted"], DERIVED[1:3]]))
    def run_some(self, tables: list[str]) -> None:
        """A run of some tables only; what it finds unpublished it refuses, which changes nothing."""
        result = self.lake.run(select=",".join(tables), as_of=self.as_of)
        assert all("is not published yet" in failure for failure in result.failures), result.failures
        self._seen([name for name in tables if name in LANDING])

    @rule()
    def run_all(self) -> None:
        self.run({})

    @rule(options=st.sampled_from([{}, {"days": "2024-03-02"}, {"full": True}, {"retry": True}]))
    def run(self, options: dict[str, Any]) -> None:
        result = self.lake.built(as_of=self.as_of, **options)
        note(f"{ {name: table.what_changed for name, table in result.tables.items()} }")
        self._seen(LANDING)
        self._compare()

    @rule(where=st.sampled_from(range(len(STEPS))), number=st.integers(1, 12), after=st.booleans())
    def interrupt(self, where: int, number: int, after: bool) -> None:
        """A run that does nothing any more from some step on, not even tidy up."""
        with dying(STEPS[where], number, after=after):
            self.lake.run(as_of=self.as_of)
        self.unsure |= {file for file, content in self.there.items() if self.live.get(file) != content}

    @rule(expired=st.booleans())
    def maintain(self, expired: bool) -> None:
        if not self._published:
            return
        with opened_lake(self.lake.environment) as lake:
            for spec in (*TABLES.values(), *SYSTEM_TABLES.values()):
                assert not maintain(lake, spec).failures
        if expired:
            expire_history(self.lake)

    def teardown(self) -> None:
        try:
            if self.there:
                self.run({})
                self._compare_with_a_rebuild()
        finally:
            shutil.rmtree(self.folder)

    @property
    def _published(self) -> bool:
        with opened_lake(self.lake.environment) as lake:
            return all(lake.pinned(name).exists for name in TABLES)

    def _path(self, file: File) -> Path:
        source, name = file
        return self.lake.landing / source / "landing" / f"{name}.json"

    def _write(self, file: File, content: Content) -> None:
        self._path(file).write_text(text(file[0], content))
        self.there[file] = content

    def _seen(self, tables: list[str]) -> None:
        sources = {name.removesuffix("_landing") for name in tables}
        seen = {file: content for file, content in self.there.items() if file[0] in sources}
        self.live |= seen
        self.unsure -= {file for file in self.unsure if file[0] in sources}

    def _compare(self) -> None:
        world = world_of(self.live)
        landed = {
            "customer_landing": world.customers,
            "accelerometer_landing": world.accelerometer,
            "step_trainer_landing": world.step_trainer,
        }
        for name, rows in landed.items():
            assert found(self.lake, name) == Counter(map(tuple, rows)), name
        for name, rows in expected(world, self.as_of).items():
            assert found(self.lake, name) == rows, name

    def _compare_with_a_rebuild(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            rebuilt = new_lake(Path(folder))
            for file, content in self.live.items():
                path = rebuilt.landing / file[0] / "landing" / f"{file[1]}.json"
                path.write_text(text(file[0], content))
            rebuilt.built(as_of=self.as_of)
            afresh = state(rebuilt)
            for name, rows in state(self.lake).items():
                assert rows == afresh[name], name


def world_of(live: dict[File, Content]) -> World:
    """The rows of the live contents, of each once."""
    contents = {(source, text(source, content)): content for (source, _), content in live.items()}
    rows = [row for content in contents.values() for row in content]
    held = [email for email in (ADA, BO) for row in rows if isinstance(row, str) and email in row]
    return World(
        *([row for row in rows if isinstance(row, kind)] for kind in (Customer, Acceleration, Step)), held
    )


def found(lake: TestLake, name: str) -> Counter[tuple[Any, ...]]:
    """The rows of a table without what says how they were delivered."""
    delivery = {"source_file", "batch_id"}
    if name in LANDING:
        delivery.add("event_date")
    rows = arrow(lake, name)
    columns = [column for column in rows.column_names if column not in delivery]
    return Counter(zip(*(rows[column].to_pylist() for column in columns), strict=True))


class Died(MemoryError):
    """The run is dead from here on."""


@contextmanager
def dying(step: steps.Step, number: int, *, after: bool) -> Iterator[None]:
    """From before or after the call of a step on, no step does anything any more, and nothing is removed."""
    calls = [0]
    dead: list[bool] = []

    def traced(original: Callable[..., Any], *, counts: bool) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if dead:
                raise Died
            calls[0] += counts
            if counts and calls[0] == number and not after:
                dead.append(True)
                raise Died
            outcome = original(*args, **options)
            if counts and calls[0] == number:
                dead.append(True)
                raise Died
            return outcome

        return call

    with pytest.MonkeyPatch.context() as patch:
        for watched in STEPS:
            watched.replace(patch, traced(watched.function, counts=watched == step))
        for tidying in steps.TIDYING:
            tidying.replace(patch, lambda *args, it=tidying.function: None if dead else it(*args))
        yield


def test_any_sequence_ends_as_the_rules_say_and_as_a_rebuild() -> None:
    thorough = settings.default.max_examples >= 1_000
    run_state_machine_as_test(
        Landing,
        settings=settings(
            settings.default,
            max_examples=settings.default.max_examples // 5 if thorough else 4,
            stateful_step_count=15 if thorough else 8,
        ),
    )
