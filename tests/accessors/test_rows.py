"""Rows give the same dicts in portions of any size; an order without lines is an order."""

from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessors.rows import Answer, Entities, FlatCustomers, FlatOrders, OrderEntities

NOON = datetime(2024, 4, 1, 12)
Order = tuple[int, list[tuple[int, int]]]

lines = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5)), max_size=4)
orders = st.lists(
    st.tuples(st.integers(1, 50), lines), max_size=8, unique_by=lambda order: order[0]
)


def joined(found: list[Order]) -> list[tuple[Any, ...]]:
    """Return the rows of a left join: one per line, and one for an order without lines."""
    return [
        (order, 7, NOON, 7, "Ada", 70, *line)
        for order, items in found
        for line in [
            (order, item, quantity, item, f"item {item}", Decimal("1.5"), None)
            for item, quantity in items
        ]
        or [(None,) * 7]
    ]


def expected(found: list[Order]) -> list[Answer]:
    return [
        {
            "order_id": order,
            "customer_name": "Ada",
            "order_time": NOON,
            "items": [
                {
                    "name": f"item {item}",
                    "price": Decimal("1.5"),
                    "quantity": quantity,
                    "total": Decimal("1.5") * quantity,
                }
                for item, quantity in items
            ],
        }
        for order, items in found
    ]


@given(orders, st.lists(st.integers(0, 40)))
def test_orders_are_the_same_in_portions_of_any_cut(found: list[Order], cuts: list[int]) -> None:
    """A batch may end in the middle of an order, and a portion may be empty."""
    rows = joined(found)
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    shape = FlatOrders()
    answers = []
    for start, end in pairwise(edges):
        complete = shape.feed(iter(rows[start:end]))
        # An answer is complete when it is returned: later rows must not change it.
        assert complete == expected(found)[len(answers) : len(answers) + len(complete)]
        answers += complete
    answers += shape.finish()
    assert answers == expected(found)


@given(orders)
def test_orders_are_the_same_at_once_and_row_by_row(found: list[Order]) -> None:
    at_once = FlatOrders().dicts(joined(found))
    shape = FlatOrders()
    row_by_row = [answer for row in joined(found) for answer in shape.feed([row])]
    assert at_once == row_by_row + shape.finish() == expected(found)


@given(orders)
def test_rows_count_as_themselves_and_orders_as_their_rows(found: list[Order]) -> None:
    rows = joined(found)
    entities = [SimpleNamespace(order_items=items) for _, items in found]
    assert FlatOrders().count(rows) == OrderEntities().count(entities) == len(rows)


def test_an_order_without_lines_has_no_items() -> None:
    assert FlatOrders().dicts(joined([(3, [])])) == expected([(3, [])])


@pytest.mark.parametrize("shape", [FlatCustomers, FlatOrders, Entities, OrderEntities])
def test_no_rows_are_no_answers(shape: Any) -> None:
    assert shape().dicts([]) == []
    assert shape().count([]) == 0


def test_a_customer_is_a_row() -> None:
    """Two customers with one name are two answers, without their ids."""
    rows = [(1, "Ada", 5, 5, 12, 10001), (2, "Ada", 5, 5, 12, 10001)]
    ada = {"name": "Ada", "address": {"flat_number": 12, "post_code": 10001}}
    assert FlatCustomers().dicts(rows) == [ada, ada]
    assert FlatCustomers().count(rows) == 2


def test_a_shape_serves_only_one_pass() -> None:
    """Two passes at once do not mix: each has a shape of its own."""
    one, other = FlatOrders(), FlatOrders()
    one.feed(joined([(1, [(1, 1)])]))
    other.feed(joined([(2, [(2, 2)])]))
    assert one.finish() == expected([(1, [(1, 1)])])
    assert other.finish() == expected([(2, [(2, 2)])])
