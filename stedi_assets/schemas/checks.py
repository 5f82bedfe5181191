"""The vocabulary of checks that a model may use, and the value rules that they make: one rule per check.

Each check has two forms side by side: a condition for the engine, and a predicate in Python for the parser of
landing lines. A null breaks no value rule: a separate rule says whether a column may be null. Checks that
Pandera lacks work in it too, so that it can validate a model by itself.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

import pandera.pyspark as pa
from pandera.api.checks import Check
from pandera.api.pyspark.types import PysparkDataframeColumnObject
from pandera.pyspark import DataFrameModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stedi_assets.schemas.columns import FIRST_INSTANT, LAST_INSTANT

Severity = Literal["error", "warn"]
Arguments = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1)
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class UnknownCheckError(TypeError):
    """A model uses a check that is not in the vocabulary."""


@dataclass(frozen=True)
class Word:
    """A check of the vocabulary.

    Attributes:
        suffix: End of the name of a rule.
        condition: The check for the engine; takes columns.
        predicate: The check for one row; takes values, none of which is null.
        says: The rule in words; may use the columns and the arguments by name.
        why: Source of the rule, for checks of several columns.
        of_intervals: Whether all values between two that pass also pass.
    """

    suffix: str
    condition: Callable[..., Column]
    predicate: Callable[..., bool]
    says: str
    why: str = ""
    of_intervals: bool = False


@dataclass(frozen=True)
class RowRule:
    """A rule for the values of a row. It uses nothing of Pandera or the engine, so that workers can run it.

    Attributes:
        name: Name of the rule, unique in its model.
        columns: Columns that it reads; a row with a null in one of them does not break it.
        predicate: The check of the values of the columns.
        arguments: Arguments of the predicate.
    """

    name: str
    columns: tuple[str, ...]
    predicate: Callable[..., bool]
    arguments: Arguments

    def broken_by(self, row: Mapping[str, Any]) -> bool:
        """Whether a row breaks the rule."""
        values = [row[column] for column in self.columns]
        return None not in values and not self.predicate(*values, **self.arguments)


@dataclass(frozen=True)
class ValueRule(RowRule):
    """A row rule with its description in the model and its condition for the engine.

    Attributes:
        severity: A landing line that breaks an `error` is quarantined; a `warn` is only reported.
        description: The rule in words.
        why: Source of the rule.
        of_intervals: Whether all values between two that pass also pass.
        condition: The check for the engine.
    """

    severity: Severity
    description: str
    why: str
    of_intervals: bool
    condition: Callable[..., Column] = field(repr=False)

    @property
    def broken(self) -> Column:
        """Whether a row breaks the rule; never null."""
        passed = self.condition(*map(F.col, self.columns), **self.arguments)
        return ~F.coalesce(passed, F.lit(True))

    @property
    def for_rows(self) -> RowRule:
        """The rule for the parser, without the engine's side."""
        return RowRule(
            name=self.name, columns=self.columns, predicate=self.predicate, arguments=self.arguments
        )


def value_rules(model: type[DataFrameModel]) -> tuple[ValueRule, ...]:
    """Returns the value rules of a model, in the order of its columns; rules of several columns come last.

    Raises:
        UnknownCheckError: The model uses a check that is not in the vocabulary.
    """
    schema = model.to_schema()
    rules = [
        _rule(model, check, (name,), column.metadata or {})
        for name, column in schema.columns.items()
        for check in column.checks
    ]
    of_rows = [
        _rule(model, check, tuple(check.statistics[name] for name in ROW_WORDS[check.name or ""]), {})
        for check in schema.checks
        if check.name in ROW_WORDS
    ]
    if unknown := [check.name for check in schema.checks if check.name not in ROW_WORDS]:
        raise UnknownCheckError(_unknown(model, "its rows", unknown[0]))
    return (*rules, *of_rows)


def _rule(
    model: type[DataFrameModel], check: Check, columns: tuple[str, ...], metadata: Arguments
) -> ValueRule:
    word = VOCABULARY.get(check.name or "")
    if word is None:
        raise UnknownCheckError(_unknown(model, columns[0], check.name))
    named = ROW_WORDS.get(check.name or "", ())
    arguments = {name: value for name, value in (check.statistics or {}).items() if name not in named}
    if check.name == "str_matches":
        arguments["pattern"] = _whole(arguments["pattern"])
    form = metadata.get("form")
    return ValueRule(
        name="_".join((columns[0], word.suffix, *columns[1:])),
        columns=columns,
        severity="warn" if check.raise_warning else "error",
        description=f"{columns[0]} is {form}." if form else word.says.format(*columns, **arguments),
        why=metadata.get("why") or word.why,
        of_intervals=word.of_intervals,
        predicate=word.predicate,
        condition=word.condition,
        arguments=arguments,
    )


def _unknown(model: type[DataFrameModel], where: str, name: str | None) -> str:
    known = ", ".join(sorted(VOCABULARY))
    return (
        f"{model.__name__} uses the check {name} for {where}, which the audit cannot compile: "
        f"use one of {known}, or add it to schemas/checks.py."
    )


def _whole(pattern: str | re.Pattern[str]) -> str:
    """A pattern without its anchors, which engines interpret differently."""
    text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    if not (text.startswith("^") and text.endswith("$")):
        raise UnknownCheckError(f"The pattern {text} must match all of a value: write it between ^ and $.")
    return text[1:-1]


def _matches(value: str, pattern: str) -> bool:
    return re.fullmatch(pattern, value) is not None


def _in_range(
    value: Any, min_value: Any, max_value: Any, include_min: bool = True, include_max: bool = True
) -> Any:
    lower = value >= min_value if include_min else value > min_value
    upper = value <= max_value if include_max else value < max_value
    return lower & upper


def _length(length: Any, min_value: int | None, max_value: int | None, exact_value: int | None) -> Any:
    if exact_value is not None:
        return length == exact_value
    lower = True if min_value is None else length >= min_value
    return lower if max_value is None else (length <= max_value) & lower


def _day(instant: int) -> date | None:
    try:
        return (EPOCH + timedelta(milliseconds=instant)).date()
    except OverflowError:
        return None


def _not_after(day: str, instant: int) -> bool:
    last = _day(instant)
    return last is None or DATE.fullmatch(day) is None or day <= last.isoformat()


def _not_after_column(day: Column, instant: Column) -> Column:
    last = F.date_format(F.timestamp_millis(instant), "yyyy-MM-dd")
    no_date = ~day.rlike(rf"^{DATE.pattern}\z") | ~instant.between(FIRST_INSTANT, LAST_INSTANT)
    return no_date | (day <= last)


VOCABULARY: Mapping[str, Word] = {
    "greater_than_or_equal_to": Word(
        "at_least",
        lambda c, min_value: c >= min_value,
        lambda v, min_value: v >= min_value,
        "{0} is {min_value} or more.",
        of_intervals=True,
    ),
    "in_range": Word(
        "in_range",
        _in_range,
        _in_range,
        "{0} lies between {min_value} and {max_value}.",
        of_intervals=True,
    ),
    "isin": Word(
        "allowed",
        lambda c, allowed_values: c.isin(*allowed_values),
        lambda v, allowed_values: v in allowed_values,
        "{0} is one of {allowed_values}.",
    ),
    "str_length": Word(
        "length",
        lambda c, min_value=None, max_value=None, exact_value=None: _length(
            F.length(c), min_value, max_value, exact_value
        ),
        lambda v, min_value=None, max_value=None, exact_value=None: _length(
            len(v), min_value, max_value, exact_value
        ),
        "{0} has between {min_value} and {max_value} characters.",
    ),
    # \z and not $, which in Java also matches before a last line feed.
    "str_matches": Word(
        "format",
        lambda c, pattern: c.rlike(rf"^(?:{pattern})\z"),
        _matches,
        "{0} has the form `{pattern}`.",
    ),
    "not_between": Word(
        "plausible",
        lambda c, first, last: (c < first) | (c > last),
        lambda v, first, last: not first <= v <= last,
        "{0} does not lie between {first} and {last}.",
    ),
    "not_after": Word(
        "not_after",
        _not_after_column,
        _not_after,
        "The day {0}, if it is a date, is not after the UTC day of {1}.",
        "No one registers before being born; nothing depends on it.",
    ),
    "day_of": Word(
        "is_day_of",
        lambda day, instant: day == F.to_date(F.timestamp_millis(instant)),
        lambda day, instant: day == _day(instant),
        "{0} is the UTC day of {1}.",
        "Readings are found by their day.",
    ),
}

# Checks of several columns of a row, and those of their arguments that name the columns.
ROW_WORDS: Mapping[str, tuple[str, ...]] = {"not_after": ("day", "instant"), "day_of": ("day", "instant")}


def not_between(column: str, first: int, last: int, *, raise_warning: bool = False) -> Any:
    """A check of a model: the values of a column do not lie between two others."""
    statistics = {"first": first, "last": last}
    attach = pa.check(column, statistics=statistics, raise_warning=raise_warning)
    return attach(_validator("not_between", (column,), statistics))


def not_after(day: str, instant: str, *, raise_warning: bool = False) -> Any:
    """A check of a model: a day, if it is a date, is not after the UTC day of a time (epoch ms)."""
    return _row_check("not_after", day, instant, raise_warning=raise_warning)


def day_of(day: str, instant: str) -> Any:
    """A check of a model: a day is the UTC day of a time (epoch ms)."""
    return _row_check("day_of", day, instant)


def _row_check(name: str, day: str, instant: str, *, raise_warning: bool = False) -> Any:
    statistics = {"day": day, "instant": instant}
    attach = pa.dataframe_check(statistics=statistics, raise_warning=raise_warning)
    return attach(_validator(name, (day, instant), {}))


def _validator(
    name: str, columns: tuple[str, ...], arguments: Arguments
) -> Callable[[type, PysparkDataframeColumnObject | DataFrame], bool]:
    """Returns the function that Pandera calls to validate a frame."""

    def passes(_model: type, data: PysparkDataframeColumnObject | DataFrame) -> bool:
        # Pandera passes a column with its frame, or for a check of rows the frame itself.
        frame = data.dataframe if isinstance(data, PysparkDataframeColumnObject) else data
        condition = VOCABULARY[name].condition(*map(F.col, columns), **arguments)
        broken = frame.where(~condition)  # type: ignore[arg-type]
        return bool(broken.limit(1).count() == 0)

    passes.__name__ = name  # Pandera drops a name given in another way when a model is inherited
    return passes
