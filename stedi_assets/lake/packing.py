"""Packing: things that are worked on together, in groups of a bounded size."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def bounded(
    items: Iterable[T], size: Callable[[T], int], most: int, *, most_items: int | None = None
) -> Iterator[list[T]]:
    """Groups of consecutive items whose sizes add up to at most `most`; a larger item stands alone.

    Args:
        items: The items; no more of them are taken than the groups that are asked for need.
        size: The size of an item.
        most: Size of a group.
        most_items: Items of a group; None for any number.
    """
    group: list[T] = []
    total = 0
    for item in items:
        item_size = size(item)
        if group and (total + item_size > most or len(group) == most_items):
            yield group
            group, total = [], 0
        group.append(item)
        total += item_size
    if group:
        yield group
