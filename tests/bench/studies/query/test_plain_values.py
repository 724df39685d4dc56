"""The values of units of work: their plain form, and the first difference."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from bench.studies.query.plain_values import first_difference, plain


@dataclass
class Line:
    """A line of an order."""

    item: str
    amount: int


class Node:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.name = "n"
        self.me = self
        self._hidden = 1


ID = UUID(int=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ((1, Decimal("1.5")), [1, Decimal("1.5")]),
        ({1: (2,)}, {"1": [2]}),
        ({3, 1}, [1, 3]),
        ([Line("a", 1)], [{"item": "a", "amount": 1}]),
        (ID, str(ID)),
        (memoryview(b"x"), b"x"),
        (date(2030, 1, 1), date(2030, 1, 1)),
        (Node(), {"name": "n", "me": "..."}),
        ((n for n in (1, 2)), [1, 2]),
    ],
)
def test_a_value_has_one_plain_form(value: Any, expected: Any) -> None:
    """Forbid that twins differ by a tuple and a list, or that a cycle never ends."""
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, Decimal(1), None),
        (float("nan"), Decimal("nan"), None),
        ([1, {"a": [2]}], [1, {"a": [3]}], ("[1].a[0]", "2", "3")),
        ([1], [1, 2], ("", "1 elements", "2 elements")),
        ({"a": 1}, {}, (".a", "1", "nothing")),
        ({}, {"a": 1}, (".a", "nothing", "1")),
        ("1", 1, ("", "'1'", "1")),
    ],
)
def test_the_first_difference_has_a_place(left: Any, right: Any, expected: Any) -> None:
    """Forbid a difference without its place, and one that equal numbers make."""
    assert first_difference(left, right) == expected
