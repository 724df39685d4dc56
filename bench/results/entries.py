"""What a measurement leaves behind, a line of `run.jsonl` each.

docs/results-format.md says what each field means, and `bench.results.schema` reads them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.model.case import Case
from bench.results.samples import Samples


@dataclass(frozen=True)
class Run:
    """The samples of one case in one round, and what was seen beside them: the unit of statistics.

    `None`: it could not be seen here.
    """

    case: Case
    round: int
    started_at: str
    """UTC, ISO 8601: the start line."""
    window_ns: int
    """From the start line to the deadline."""
    samples: Samples
    client_cpu_ns: int
    """CPU time of the backend's process, all threads, from the start line to its last sample."""
    server_cpu_ns: int | None
    """CPU time of all the server's processes over the same stretch, where the server is local."""
    elapsed_ns: int
    """From the start line to the end of the last sample: what the CPU times are over."""
    loop_stall_max_ns: int | None
    """The longest that a heartbeat on the event loop came late; None for threads."""
    loop_stall_p99_ns: int | None
    fewest_operations: int
    """Of any worker: with `most_operations`, how fairly the crowd was served."""
    most_operations: int
    connections: int | None = None
    """That the local server got from the opening of the pool to the end; format 1 has none."""
    other_cpu_ns: int | None = None
    """CPU time that neither client nor server used meanwhile, on all cores; as above."""
    gc_ns: int | None = None
    """CPU time of the garbage collector in the backend's process, over the same stretch; older
    files have none."""

    def as_dict(self) -> dict[str, Any]:
        fields = {name: value for name, value in vars(self).items() if name != "samples"}
        case = {"key": self.case.key, "case": self.case.as_dict()}
        return {"kind": "run", **fields, **case, "samples": self.samples.as_dict()}


@dataclass(frozen=True)
class Memory:
    """The peak memory of one operation of a case, in a fresh process."""

    case: Case
    peak_bytes: int
    """Above what the process held before, with its pool open."""
    rows: int
    elapsed_ns: int | None = None
    """None where others were measured beside it."""
    first_row_ns: int | None = None
    """From its start to its first row; None for a buffered fetch, which has it with the last."""

    def as_dict(self) -> dict[str, Any]:
        return {"kind": "memory", **vars(self), "case": self.case.as_dict(), "key": self.case.key}


@dataclass(frozen=True)
class Failure:
    """A run, or a memory measurement, that gave nothing: its case is marked in every table."""

    case: Case
    round: int
    error: str

    def as_dict(self) -> dict[str, Any]:
        return {"kind": "failure", **vars(self), "case": self.case.as_dict(), "key": self.case.key}


@dataclass(frozen=True)
class Proof:
    """One failure, one early stop and one session held, of a function's rows fetched in a way."""

    case: Case
    failing_row: int
    """The row, from 1, that the server fails at: a customer, a line of the orders' join, or of the
    ORM an order. The read is of all customers, or of as many lines as the case has rows."""
    delivered: int | None
    """How many rows before it the reader had been given; None where it could not be asked."""
    early_ns: int | None
    """From the start of such a read until its reader had ten rows, and had left; None for a
    buffered fetch, which nobody leaves early. Up to format 2, the whole of that."""
    stop_ns: int | None
    """The leaving alone."""
    state_after: str
    """What the server says of the connection then: `idle`, if it is clean."""
    held_ns: int
    """How long the session was kept to make dicts of (up to) 10,000 rows: a buffered fetch gives
    it back before."""
    total_ns: int
    """Until the last dict was made."""

    @property
    def gave_rows(self) -> bool | None:
        """Whether rows came before the failure; None where nothing was asked, and where the
        failure may have been in the first batch, so that a stream gives none either."""
        in_first = self.failing_row <= self.case.fetch.at_a_time
        if self.delivered is None or (
            self.delivered == 0 and in_first and self.case.fetch.mode != "buffered"
        ):
            return None
        return self.delivered > 0

    @property
    def clean(self) -> bool:
        """True when the next user of the connection finds no transaction and no rows in it."""
        return self.state_after == "idle"

    @property
    def batch(self) -> int | None:
        """Rows that came at a time, as far as the failure tells: 1, or the batch that it broke."""
        return self.failing_row - self.delivered if self.delivered else None

    def as_dict(self) -> dict[str, Any]:
        return {"kind": "proof", **vars(self), "case": self.case.as_dict(), "key": self.case.key}


@dataclass(frozen=True)
class BareLoop:
    """The same stream read by the harness and by the shortest loop there is, pair by pair."""

    case: Case
    rows: int
    harness_ns: Sequence[int]
    bare_ns: Sequence[int]

    def as_dict(self) -> dict[str, Any]:
        return {"kind": "bare", **vars(self), "case": self.case.as_dict(), "key": self.case.key}


Entry = Run | Memory | Proof | BareLoop | Failure
"""What is measured: a line each between the header and the end."""


@dataclass(frozen=True)
class End:
    """How the command ended."""

    outcome: str
    """`complete`, `interrupted` or `failed`."""
    reason: str = ""
    """Why it failed, in words; empty for any other outcome."""

    def as_dict(self) -> dict[str, Any]:
        reason = {"reason": self.reason} if self.reason else {}
        return {"kind": "end", "outcome": self.outcome, **reason}
