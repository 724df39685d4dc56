"""The main point of the experiment: the workshop's code, the fixed code, and a buffered fetch."""

from collections.abc import Sequence

from bench.model.fetch import Fetch
from bench.studies.streaming.evidence import FetchModeResult
from bench.studies.streaming.plan import BATCHED

BACKEND, FUNCTION = "orm+asyncpg", "get_customers"

CODE = {
    Fetch("streamed"): "stream_scalars(stmt)\nas the workshop has it",
    BATCHED: "with yield_per=1000,\nby partitions()",
    Fetch(): "scalars(stmt).all()\nbuffered",
}
"""The code in two lines: the call, and a remark."""

NAMES = {
    Fetch("streamed"): "the workshop's stream",
    BATCHED: "the one with a batch size",
    Fetch(): "the plain fetch",
}


def point(ways: Sequence[FetchModeResult]) -> tuple[int, dict[Fetch, FetchModeResult]] | None:
    """Return the rows of the largest result that all three have, and the three.

    Return None if one is missing.
    """
    key = (BACKEND, FUNCTION)
    by_fetch = {w.fetch: w for w in ways if (w.backend, w.function) == key and w.points}
    three = {fetch: by_fetch[fetch] for fetch in CODE if fetch in by_fetch}
    if len(three) < len(CODE):
        return None
    return min(way.largest for way in three.values()), three


def sentence(three: dict[Fetch, FetchModeResult]) -> str:
    """Return the verdicts on the three as a sentence."""
    verdicts = ", ".join(f"{NAMES[fetch]} {way.verdict}" for fetch, way in three.items())
    return f"{FUNCTION}. By memory, first row and a read that fails late: {verdicts}."
