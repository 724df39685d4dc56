"""From how many rows on a stream by batches is no worse than a buffered fetch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.model.case import Fetch
from bench.studies.streaming.evidence import FetchModeResult
from bench.studies.streaming.plan import BATCHED

DOCUMENTED = 10_000
"""SQLAlchemy's word on when not to stream: results of "typically less than 10000 rows".

https://docs.sqlalchemy.org/en/20/core/connections.html#using-server-side-cursors-a-k-a-stream-results
"""


@dataclass(frozen=True)
class BreakEven:
    """Of one backend and function: rows as words, `never` or, where nothing was measured, `-`."""

    backend: str
    function: str
    total_time: str
    first_row: str
    memory: str


def break_evens(ways: Sequence[FetchModeResult]) -> list[BreakEven]:
    """In the order of the ways."""
    of = {(way.backend, way.function, way.fetch): way for way in ways}
    return [
        BreakEven(
            backend,
            function,
            _from(_times(buffered), _times(batched)),
            _from(_firsts(buffered), _firsts(batched)),
            _from(buffered.memory_bytes, batched.memory_bytes),
        )
        for (backend, function, fetch), buffered in of.items()
        if fetch == Fetch() and buffered.points
        if (batched := of.get((backend, function, BATCHED)))
    ]


def crossover(buffered: Mapping[int, float], streamed: Mapping[int, float]) -> int | None:
    """From how many rows on the stream's figure (less is better) is no worse at any size.

    None where the buffer is better at the largest size that both have.
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


def _from(buffered: Mapping[int, float], batched: Mapping[int, float]) -> str:
    if not buffered.keys() & batched.keys():
        return "-"
    size = crossover(buffered, batched)
    return "never" if size is None else f"{size:,}"
