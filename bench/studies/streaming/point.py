"""The experiment's point in five seconds: the workshop's code, the fixed code, and buffered."""

from collections.abc import Sequence

from bench.model.case import Fetch
from bench.studies.streaming.evidence import FetchModeResult
from bench.studies.streaming.plan import BATCHED

BACKEND, FUNCTION = "orm+asyncpg", "get_customers"

CODE = {
    Fetch("streamed"): "stream_scalars(stmt)\nas the workshop has it",
    BATCHED: "with yield_per=1000,\nby partitions()",
    Fetch(): "scalars(stmt).all()\nbuffered",
}
"""In two lines: what is called, and what is to be said of it."""

NAMES = {
    Fetch("streamed"): "the workshop's stream",
    BATCHED: "the one with a batch size",
    Fetch(): "the plain fetch",
}


def point(ways: Sequence[FetchModeResult]) -> tuple[int, dict[Fetch, FetchModeResult]] | None:
    """Rows of the largest result that all three have, and the three; None where one is missing."""
    asked = (BACKEND, FUNCTION)
    of = {way.fetch: way for way in ways if (way.backend, way.function) == asked and way.points}
    three = {fetch: of[fetch] for fetch in CODE if fetch in of}
    if len(three) < len(CODE):
        return None
    return min(way.largest for way in three.values()), three


def sentence(three: dict[Fetch, FetchModeResult]) -> str:
    said = ", ".join(f"{NAMES[fetch]} {way.verdict}" for fetch, way in three.items())
    return f"{FUNCTION}. By memory, first row and a read that fails late: {said}."
