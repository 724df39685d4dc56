"""The reads with which a stream is proved: all rows, some of them, and a read that fails late."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from accessors.api import AnyBackend
from bench.model.workload import Operation

HELD_ROWS = 10_000
"""The rows that become dicts while the time of the held session is measured."""


@dataclass(frozen=True)
class ProofReads:
    """The operations of a proof, and the row at which the failing read fails."""

    everything: Operation
    some: Operation
    """The operation for up to `HELD_ROWS` rows."""
    after: Operation
    """A small operation, which shows that the session can be used again."""
    failing_row: int
    """Number of the row, from 1. Rows are those that the library gives: lines of the join, or the
    ORM's objects."""
    failing: Any = None
    """The read that fails, as this library takes it, with the row as its last argument; None if it
    is made from the session's own reads."""


@runtime_checkable
class ProvesItself(Protocol):
    """A job whose reads are not the built-in ones."""

    def proof_reads(self, backend: AnyBackend) -> ProofReads:
        """Return the reads of its proof."""
        ...


def failing_row(rows: int) -> int:
    """Return the row to fail at: a late one, and a multiple of 10, 50, 100, 1,000 and 2,000.

    It is the last row of its batch. All rows of that batch are missing then, so that their number
    is the size of the batch. With fewer than 2,000 rows, the read fails in the middle.
    """
    return 20_000 if rows >= 25_000 else max(1, rows // 2_000 * 2_000 or rows // 2)
