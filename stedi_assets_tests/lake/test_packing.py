from itertools import count, islice

from stedi_assets.lake.packing import bounded


def number(item: int) -> int:
    return item


def test_a_group_holds_consecutive_items_up_to_the_bound() -> None:
    assert list(bounded([2, 3, 1, 4, 5, 1], number, 5)) == [[2, 3], [1, 4], [5], [1]]


def test_an_item_above_the_bound_stands_alone() -> None:
    assert list(bounded([1, 9, 1], number, 5)) == [[1], [9], [1]]
    assert list(bounded([9], number, 5)) == [[9]]


def test_a_group_holds_at_most_so_many_items() -> None:
    assert list(bounded([0, 0, 0, 3, 3], number, 5, most_items=2)) == [[0, 0], [0, 3], [3]]


def test_there_is_no_empty_group() -> None:
    assert list(bounded([], number, 5)) == []


def test_items_are_taken_as_they_are_needed() -> None:
    assert list(islice(bounded(count(1), number, 5), 2)) == [[1, 2], [3]]
