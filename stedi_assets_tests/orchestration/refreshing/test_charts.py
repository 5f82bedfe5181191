"""Charts: which bars are drawn, and that a page can show them by itself."""

from datetime import date

import pytest

from stedi_assets.contracts import Distribution
from stedi_assets.contracts.profile import MEASURES
from stedi_assets.orchestration.refreshing.charts import days_chart, distribution_chart, histogram, periods
from stedi_assets_tests.support.charts import drawn

ACCELERATION, DISTANCE = MEASURES


def test_days_without_readings_are_bars_too():
    assert periods({date(2024, 2, 28): 7, date(2024, 3, 1): 5}) == (
        "day",
        [("2024-02-28", 7), ("2024-02-29", 0), ("2024-03-01", 5)],
    )


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (date(2024, 3, 2), ("day", 62)),
        (date(2024, 3, 3), ("week", 9)),
        (date(2025, 3, 2), ("week", 61)),
        (date(2026, 1, 1), ("month", 25)),
        (date(2099, 1, 1), ("year", 76)),
    ],
)
def test_long_histories_are_thinned(last, expected):
    period, bars = periods({date(2024, 1, 1): 3, last: 4})
    assert (period, len(bars)) == expected
    assert sum(rows for _, rows in bars) == 7


def test_bars_of_a_distribution_are_named_by_their_lower_end():
    assert histogram(Distribution(ACCELERATION, {9: 4, 12: 6})) == [
        ("0.9", 4), ("1", 0), ("1.1", 0), ("1.2", 6),
    ]  # fmt: skip


def test_neighbours_are_taken_together_where_there_are_too_many():
    bars = histogram(Distribution(DISTANCE, {0: 1, 1: 2, 9: 3, 399: 5}))
    assert bars[0] == ("0", 6)
    assert bars[-1] == ("3,900", 5)
    assert len(bars) == 40


def test_a_chart_is_a_picture_that_needs_no_network():
    days = days_chart({date(2024, 3, 1): 1_000, date(2024, 3, 2): 2_000})
    assert days.startswith("![Readings per day](data:image/svg+xml;base64,")
    bars, words = drawn(days)
    assert bars == 2
    assert {"Readings per day", "2024-03-01", "2024-03-02", "2,000"} <= set(words)

    bars, words = drawn(distribution_chart(Distribution(DISTANCE, {20: 3, 21: 4, 23: 1})))
    assert "Readings by distance, mm" in words
    assert {"200", "210", "220", "230"} <= set(words)
