"""The break-even: the number of rows from which a batched stream is no worse than buffered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.model.fetch import Fetch
from bench.studies.streaming.evidence import FetchModeResult
from bench.studies.streaming.plan import BATCHED

DOCUMENTED = 10_000
"""The rows below which SQLAlchemy advises not to stream: "typically less than 10000 rows".

https://docs.sqlalchemy.org/en/20/core/connections.html#using-server-side-cursors-a-k-a-stream-results
"""


@dataclass(frozen=True)
class BreakEven:
    """The break-evens of one backend and function.

    Each is a number of rows in words, `never`, or `-` if it was not measured.
    """

    backend: str
    function: str
    total_time: str
    first_row: str
    memory: str


def break_evens(ways: Sequence[FetchModeResult]) -> list[BreakEven]:
    """Return the break-evens, in the order of `ways`."""
    by_key = {(way.backend, way.function, way.fetch): way for way in ways}
    return [
        BreakEven(
            backend,
            function,
            _in_words(_times(buffered), _times(batched)),
            _in_words(_firsts(buffered), _firsts(batched)),
            _in_words(buffered.memory_bytes, batched.memory_bytes),
        )
        for (backend, function, fetch), buffered in by_key.items()
        if fetch == Fetch() and buffered.points
        if (batched := by_key.get((backend, function, BATCHED)))
    ]


def break_even_size(buffered: Mapping[int, float], streamed: Mapping[int, float]) -> int | None:
    """Return the size from which the stream's figure is no worse at any measured size.

    Less is better. Return None if buffered is better at the largest size that both have.
    """
    least = None
    for size in sorted(buffered.keys() & streamed.keys(), reverse=True):
        if streamed[size] > buffered[size]:
            break
        least = size
    return least


def _times(way: FetchModeResult) -> dict[int, float]:
    return {size: point.total_ns for size, point in way.points.items()}


def _firsts(way: FetchModeResult) -> dict[int, float]:
    return {size: point.first_row_ns for size, point in way.points.items()}


def _in_words(buffered: Mapping[int, float], batched: Mapping[int, float]) -> str:
    if not buffered.keys() & batched.keys():
        return "-"
    size = break_even_size(buffered, batched)
    return "never" if size is None else f"{size:,}"
