"""A slow consumer gets the same rows as a fast one."""

from typing import Any

import pytest

from tests.accessors.consumers import (
    answers,
    both_functions,
    consumed,
    every_way,
    expected,
    opener,
)

pytestmark = pytest.mark.usefixtures("on_server")


def now_and_then(number: int) -> float:
    return 0.001 if number % 7 == 3 else 0


@every_way
@both_functions
def test_a_slow_consumer_misses_nothing(
    library: Any, session: Any, truth: Any, way: str, function: str
) -> None:
    """Forbids rows that are overwritten, left out or swapped while the consumer pauses, by a batch
    that is filled again in place, or a buffer that goes on without the consumer."""
    for size in (None, 7):
        rows = opener(library, session, way, function, size)
        portions = consumed(library, rows, now_and_then)
        assert answers(library, function, way, portions) == expected(truth, function), size
