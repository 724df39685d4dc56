"""What becomes of the rows of an operation: counted as they come, or turned into dicts too."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from accessors.api import AnyBackend
from accessors.rows import Answer, Shape
from bench.model.case import Case

Consumer = Callable[[Sequence[Any]], int]
"""Takes native rows, in portions of any size; returns how many rows of the join they are."""


class Streamed(NamedTuple):
    """What is left of a stream that was read to its end."""

    rows: int
    first_row_ns: int
    """From the start of the operation; 0 where no row came."""


class DictConsumer:
    """Turns native rows into dicts, and keeps them until the operation ends."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._answers: list[Answer] = []

    def __call__(self, rows: Sequence[Any]) -> int:
        self._answers += self._shape.feed(rows)
        return self._shape.count(rows)

    def answers(self) -> list[Answer]:
        """All of them, in order, when the last row has come."""
        return self._answers + self._shape.finish()


def new_consumer(backend: AnyBackend, case: Case, function: str) -> Callable[[], Consumer]:
    """A source of consumers for this function's rows, one for each operation."""
    shape = backend.shapes[function]
    if case.rows == "native":
        count = shape().count
        return lambda: count
    return lambda: DictConsumer(shape())


def counter(
    backend: AnyBackend, case: Case, function: str, first_rows_ns: list[int]
) -> Callable[[Any], int]:
    """How to count what a call returned, off the clock; a stream's first row is noted."""
    if case.fetch.mode != "buffered":

        def note(streamed: Streamed) -> int:
            first_rows_ns.append(streamed.first_row_ns)
            return streamed.rows

        return note
    if function not in backend.shapes:  # a value, or what a write returns
        return lambda value: 1
    return int if case.rows == "dict" else backend.shapes[function]().count
