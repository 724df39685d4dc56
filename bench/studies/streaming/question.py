"""What a proof reads: a function's rows, all and some of them, and the row to fail at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.dataset.windows import window
from bench.measure.runner import Job

if TYPE_CHECKING:
    import psycopg

HELD_ROWS = 10_000
"""Rows that become dicts while it is seen how long the session is kept."""

_MOST_LINES = 5
"""Of an order: so many rows of the join may be one of the ORM's objects."""


@dataclass(frozen=True)
class ProofArguments:
    """A function's arguments, and where it is to fail."""

    everything: tuple[Any, ...]
    some: tuple[Any, ...]
    """For (up to) `HELD_ROWS` rows."""
    failing_row: int
    """From 1, in the rows that the library gives: lines of the join, or the ORM's objects."""


def question(job: Job, layer: str, connection: "psycopg.Connection[Any]") -> ProofArguments:
    """Of all customers, or of the orders between the job's dates."""
    rows = job.case.size
    if job.arguments is None or rows is None:
        return ProofArguments((), (HELD_ROWS,), failing_row(job.dataset.customers))
    some = window(connection, min(HELD_ROWS, rows))
    least = rows // _MOST_LINES if layer == "orm" else rows
    return ProofArguments(job.arguments, some, failing_row(least))


def failing_row(rows: int) -> int:
    """Where to fail: late, and one row before a multiple of 10, 50, 100, 1,000 and 2,000 ends.

    So the rows that a failing batch takes with it are all of that batch but one.
    """
    return 20_000 if rows >= 25_000 else max(1, rows // 2_000 * 2_000 or rows // 2)
