"""The reads of a proof of the built-in functions."""

from typing import TYPE_CHECKING, Any

from bench.dataset.windows import window
from bench.measure.proof_reads import HELD_ROWS, ProofReads, failing_row
from bench.measure.runner import Job
from bench.model.profiles import POINT_READ
from bench.model.workload import Operation

if TYPE_CHECKING:
    import psycopg

_MOST_LINES = 5
"""The most lines of an order: so many rows of the join can be one object of the ORM."""


def question(job: Job, layer: str, connection: "psycopg.Connection[Any]") -> ProofReads:
    """Return the reads of all customers, or of the orders between the job's dates."""
    function, rows = job.case.workload, job.case.size
    after = Operation(POINT_READ, (1,))
    if job.arguments is None or rows is None:
        everything, some = Operation(function), Operation(function, (HELD_ROWS,))
        return ProofReads(everything, some, after, failing_row(job.dataset.customers))
    some = Operation(function, window(connection, min(HELD_ROWS, rows)))
    least = rows // _MOST_LINES if layer == "orm" else rows
    return ProofReads(Operation(function, job.arguments), some, after, failing_row(least))
