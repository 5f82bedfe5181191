"""The transforms and the oracle make the same tables of any small world."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from stedi_assets_tests.support import frames, oracle, scenario
from stedi_assets_tests.support.copies import sampled
from stedi_assets_tests.support.oracle import Acceleration, Customer, Policy, Step, Tables, World
from stedi_assets_tests.support.scenario import KEYS, instant

EXAMPLES = settings.default.max_examples

MIDNIGHT = instant("2024-03-02T00:00:00")
AS_OF = MIDNIGHT + 1_000
# Few values, so that readings, records and consents meet in one instant, one day or one device.
INSTANTS = [-1, 0, MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + 1, AS_OF, AS_OF + 1]
CONSENTS = [None, 0, -1, 1, MIDNIGHT, MIDNIGHT, AS_OF, AS_OF + 1]
UPDATES = [MIDNIGHT - 1, MIDNIGHT, MIDNIGHT, AS_OF, AS_OF + 1]
EMAILS = [
    "ada@example.com",
    " ADA@example.com",
    "\u00a0Ada@example.com\u2003",
    "\u200b ada@exam\u00adple.com\ufeff",
    "\u202eADA\u2060@example.com\ufe0f ",
    scenario.SIGMA,
    scenario.SIGMA_LOWER_CASE,
    "ΦύλλοΣ@example.org\n",
    scenario.DOTTED,
    scenario.DOTTED_LOWER_CASE,
    scenario.UNDOTTED,
]
SERIALS = ["s1", "s2", "S1"]

customers = st.builds(
    Customer,
    customername=st.just("Invented"),
    email=st.sampled_from(EMAILS),
    phone=st.sampled_from("12"),
    birthday=st.sampled_from(["0967-01-01", "967-01-01"]),
    serialnumber=st.sampled_from(SERIALS),
    registrationdate=st.just(0),
    lastupdatedate=st.sampled_from(UPDATES),
    sharewithresearchasofdate=st.sampled_from(CONSENTS),
    sharewithpublicasofdate=st.sampled_from([None, 0]),
    sharewithfriendsasofdate=st.none(),
)
accelerations = st.builds(
    Acceleration,
    user=st.sampled_from(EMAILS),
    timestamp=st.sampled_from(INSTANTS),
    x=st.sampled_from([0.0, 0.1]),
    y=st.just(0.0),
    z=st.just(-1.0),
)
steps = st.builds(Step, st.sampled_from(INSTANTS), st.sampled_from(SERIALS), st.sampled_from([0, 200]))


@st.composite
def records(draw: st.DrawFn) -> list[Customer]:
    """Customer records, of which some are the twin of another: same person and date, one value changed."""
    # Without consenting people most worlds would be empty at the end.
    consenting = customers.map(lambda customer: customer._replace(sharewithresearchasofdate=1))
    first = draw(st.lists(customers | consenting, max_size=6))
    changes = st.sampled_from(
        ["phone", "serialnumber", "sharewithpublicasofdate", "sharewithresearchasofdate"]
    )
    twins = []
    if first:
        for twin in draw(st.lists(st.sampled_from(first), max_size=3)):
            name = draw(changes)
            twins.append(twin._replace(**{name: getattr(draw(customers), name)}))
    return draw(st.permutations(first + twins))


worlds = st.builds(
    World,
    records(),
    st.lists(accelerations, max_size=16),
    st.lists(steps, max_size=16),
    st.lists(st.sampled_from(EMAILS), max_size=2),
)


def assert_same(made: Tables, expected: Tables) -> None:
    """Every table has the same rows, each as often."""
    for name, rows, wanted in zip(Tables._fields, made, expected, strict=True):
        assert Counter(rows) == Counter(wanted), name


@pytest.mark.parametrize("policy", sampled(["strict", "reference"], "strict", rest="slow"))
@given(world=worlds)
def test_every_table_has_the_rows_of_the_oracle(spark: SparkSession, policy: Policy, world: World) -> None:
    expected = oracle.tables(world, policy, AS_OF, KEYS)
    note(f"expected: {expected}")
    assert_same(frames.refreshed(spark, world, policy, AS_OF, KEYS), expected)


@st.composite
def delivered_twice(draw: st.DrawFn) -> tuple[World, World]:
    """A world, and the same one delivered in another order with parts of the readings repeated."""

    def again(rows: Sequence[Any]) -> list[Any]:
        repeated = draw(st.lists(st.sampled_from(rows), max_size=4)) if rows else []
        return draw(st.permutations([*rows, *repeated]))

    world = draw(worlds)
    return world, World(*(again(rows) for rows in world))


@pytest.mark.slow
@settings(max_examples=EXAMPLES // 3)
@given(worlds=delivered_twice())
def test_order_and_repetition_of_deliveries_do_not_matter(
    spark: SparkSession, worlds: tuple[World, World]
) -> None:
    once, again = (frames.refreshed(spark, world, "strict", AS_OF, KEYS) for world in worlds)
    assert_same(again, once)


@pytest.mark.parametrize("as_of", [MIDNIGHT - 1, MIDNIGHT, AS_OF, AS_OF + 1])
@settings(max_examples=EXAMPLES // 2)
@given(records=records())
def test_the_latest_record_is_the_one_of_the_oracle_at_any_instant(
    spark: SparkSession, as_of: int, records: list[Customer]
) -> None:
    found = frames.latest_records(spark, records, as_of)
    assert Counter(found) == Counter(oracle.latest_records(records, as_of))


@pytest.mark.parametrize("policy", ["strict", "reference"])
def test_the_scenario_has_the_rows_of_the_oracle(request: pytest.FixtureRequest, policy: Policy) -> None:
    made: Tables = request.getfixturevalue(policy)
    assert_same(made, oracle.tables(scenario.WORLD, policy, scenario.AS_OF, KEYS))
