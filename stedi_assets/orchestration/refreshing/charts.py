"""Charts of counts: SVG pictures inside of Markdown, so that a page needs no network to show them.

Pure functions. `contracts.profile` decides which counts may be shown.
"""

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from stedi_assets.contracts import Distribution

WIDTH, HEIGHT = 640, 260
MOST_BARS = 62
LABELS = 7
COLOUR = "#4f43dd"
FONT = "sans-serif"

Bars = Sequence[tuple[str, int]]
PERIODS: Mapping[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "year": lambda day: day.replace(month=1, day=1),
}


def days_chart(rows: Mapping[date, int]) -> str:
    """Readings per day, or per week, month or year if there are too many days for one chart.

    Args:
        rows: Readings per day.
    """
    period, bars = periods(rows)
    return _picture(f"Readings per {period}", bars)


def distribution_chart(distribution: Distribution) -> str:
    """Number of readings per bin."""
    measure = distribution.measure
    over = f", latest {distribution.days} days" if distribution.days > 1 else ""
    return _picture(f"Readings by {measure.name}, {measure.unit}{over}", histogram(distribution))


def periods(rows: Mapping[date, int]) -> tuple[str, Bars]:
    """Rows by the shortest period that gives at most MOST_BARS bars; empty periods have a bar of zero."""
    first, last = min(rows), max(rows)
    every_day = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    period = next(
        (name for name, begin in PERIODS.items() if len(set(map(begin, every_day))) <= MOST_BARS), "year"
    )
    begin = PERIODS[period]
    counts = dict.fromkeys(map(begin, every_day), 0)
    for day, number in rows.items():
        counts[begin(day)] += number
    return period, [(day.isoformat(), number) for day, number in counts.items()]


def histogram(distribution: Distribution) -> Bars:
    """Rows by the lower end of their bin; neighbouring bins are joined if there are too many."""
    measure, bins = distribution.measure, distribution.bins
    together = next(
        number for number in (1, 2, 5, 10, 20, 50, 100) if len(_joined(bins, number)) <= MOST_BARS
    )
    return [
        (f"{number * together * measure.width:,.6g}", count)
        for number, count in _joined(bins, together).items()
    ]


def _joined(bins: Mapping[int, int], together: int) -> Mapping[int, int]:
    numbers = range(min(bins) // together, max(bins) // together + 1)
    joined = Counter(dict.fromkeys(numbers, 0))
    for number, count in bins.items():
        joined[number // together] += count
    return joined


def _picture(title: str, bars: Bars) -> str:
    import leather
    from leather import theme

    theme.background_color = "#ffffff"
    theme.title_font_family = theme.tick_font_family = FONT
    theme.tick_font_size = 12
    theme.label_color = "#555555"
    labels = [label for label, _ in bars]
    chart = leather.Chart(title)
    chart.add_columns(bars, fill_color=COLOUR)
    chart.add_x_axis(ticks=labels[:: -(-len(labels) // LABELS)])
    chart.add_y_axis(tick_formatter=lambda value, _index, _count: f"{value:,}")
    svg = base64.b64encode(str(chart.to_svg(width=WIDTH, height=HEIGHT)).encode()).decode()
    return f"![{title}](data:image/svg+xml;base64,{svg})"
