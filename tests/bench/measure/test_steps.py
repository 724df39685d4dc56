"""The steps of a client: in order, without end, and the short loop's form where it is right."""

from itertools import islice
from typing import Any

import pytest

from bench.measure.steps import Bound, Steps
from bench.model.workload import Operation


def first(*_: Any) -> None: ...


def second(*_: Any) -> None: ...


BOUND: dict[str, Bound] = {"first": (first, None), "second": (second, None)}
ONE = [Operation("first", (1,)), Operation("first", (2,)), Operation("first", (3,))]


def test_an_iteration_goes_on_where_the_last_was_left() -> None:
    """Forbids a window that begins with the operations of its warm-up."""
    steps = Steps([*ONE, Operation("second")], BOUND)
    assert [arguments for _, arguments in islice(steps, 3)] == [(1,), (2,), (3,)]
    assert [call for (call, _), _ in islice(steps, 3)] == [second, first, first]


def test_one_function_of_one_argument_has_a_loop_of_its_own() -> None:
    """Forbids the dearer loop for a point read, for which `bench overhead` promises 5 %."""
    steps = Steps(ONE, {"first": (first, None)})
    assert steps.lone is not None
    call, values = steps.lone
    assert call is first
    assert list(islice(values, 4)) == [1, 2, 3, 1]


@pytest.mark.parametrize(
    "operations",
    [
        [Operation("first", (1,)), Operation("second", (2,))],
        [Operation("first", (1,)), Operation("first", (1, 2))],
        [Operation("first")],
    ],
)
def test_other_operations_have_none(operations: list[Operation]) -> None:
    """Forbids a call without its other arguments, or of another function."""
    names = {operation.function for operation in operations}
    assert Steps(operations, {name: BOUND[name] for name in names}).lone is None
