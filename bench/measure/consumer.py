"""The consumers of an operation's rows: they count rows, or also turn them into dicts."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from accessors.api import AnyBackend
from accessors.rows import Answer, Shape
from bench.model.case import Case

Consumer = Callable[[Sequence[Any]], int]
"""Takes native rows, in portions of any size; returns how many rows of the join they are."""


class Streamed(NamedTuple):
    """The record of a stream that was read to its end."""

    rows: int
    first_row_ns: int
    """Time from the start of the operation to the first row; 0 if no row came."""


class DictConsumer:
    """Turns native rows into dicts, and keeps them until the operation ends."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._answers: list[Answer] = []

    def __call__(self, rows: Sequence[Any]) -> int:
        self._answers += self._shape.feed(rows)
        return self._shape.count(rows)

    def answers(self) -> list[Answer]:
        """Return all dicts, in order, after the last row."""
        return self._answers + self._shape.finish()


def new_consumer(backend: AnyBackend, case: Case, function: str) -> Callable[[], Consumer]:
    """Return a maker of consumers for this function's rows, one for each operation."""
    shape = backend.shapes[function]
    if case.rows == "native":
        count = shape().count
        return lambda: count
    return lambda: DictConsumer(shape())


def counter(
    backend: AnyBackend, case: Case, function: str, first_rows_ns: list[int]
) -> Callable[[Any], int]:
    """Return the function that counts the rows of an answer, off the clock.

    For a stream it also appends the time of the first row to `first_rows_ns`.
    """
    if case.fetch.mode != "buffered":

        def note(streamed: Streamed) -> int:
            first_rows_ns.append(streamed.first_row_ns)
            return streamed.rows

        return note
    if function not in backend.shapes:  # a value, or the answer of a write
        return lambda value: 1
    return int if case.rows == "dict" else backend.shapes[function]().count
