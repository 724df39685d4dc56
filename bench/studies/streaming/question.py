"""The reads of a proof: all rows of a function, some of them, and the row to fail at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.dataset.windows import window
from bench.measure.runner import Job

if TYPE_CHECKING:
    import psycopg

HELD_ROWS = 10_000
"""The rows that become dicts while the time of the held session is measured."""

_MOST_LINES = 5
"""The most lines of an order: so many rows of the join can be one object of the ORM."""


@dataclass(frozen=True)
class ProofArguments:
    """The arguments of a function, and the row at which the read fails."""

    everything: tuple[Any, ...]
    some: tuple[Any, ...]
    """The arguments for up to `HELD_ROWS` rows."""
    failing_row: int
    """Number of the row, from 1. Rows are those that the library gives: lines of the join, or the
    ORM's objects."""


def question(job: Job, layer: str, connection: "psycopg.Connection[Any]") -> ProofArguments:
    """Return the arguments for all customers, or for the orders between the job's dates."""
    rows = job.case.size
    if job.arguments is None or rows is None:
        return ProofArguments((), (HELD_ROWS,), failing_row(job.dataset.customers))
    some = window(connection, min(HELD_ROWS, rows))
    least = rows // _MOST_LINES if layer == "orm" else rows
    return ProofArguments(job.arguments, some, failing_row(least))


def failing_row(rows: int) -> int:
    """Return the row to fail at: a late one, and a multiple of 10, 50, 100, 1,000 and 2,000.

    It is the last row of its batch. All rows of that batch are missing then, so that their number
    is the size of the batch. With fewer than 2,000 rows, the read fails in the middle.
    """
    return 20_000 if rows >= 25_000 else max(1, rows // 2_000 * 2_000 or rows // 2)
