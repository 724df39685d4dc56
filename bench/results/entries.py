"""The entries of a results file: each is one line of `run.jsonl`.

docs/results-format.md explains every field, and `bench.results.schema` reads them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bench.model.case import Case
from bench.results.samples import AnySamples


@dataclass(frozen=True)
class Arrived:
    """The arrivals of a run at a rate. Its samples are those of the window, by intended start."""

    offered: int
    """Operations that arrived in the window."""
    unserved: int
    """Operations of these that never began: the backlog was too long."""
    carried: int
    """Operations that arrived before the window, and ended in it."""


@dataclass(frozen=True)
class Run:
    """The samples of one case in one round, with other measurements: the unit of statistics.

    `None` means that a value could not be measured here.
    """

    case: Case
    round: int
    started_at: str
    """Time of the start barrier: UTC, ISO 8601."""
    window_ns: int
    """Time from the start barrier to the deadline."""
    samples: AnySamples
    client_cpu_ns: int
    """CPU time of the worker process, all threads, from the start barrier to its last sample."""
    server_cpu_ns: int | None
    """CPU time of all server processes over the same time, if the server is local."""
    elapsed_ns: int
    """Time from the start barrier to the end of the last sample. The CPU times cover it."""
    loop_stall_max_ns: int | None
    """The longest delay of a heartbeat on the event loop; None for threads."""
    loop_stall_p99_ns: int | None
    fewest_operations: int
    """The fewest operations of a client. With `most_operations` it shows whether clients were
    served evenly."""
    most_operations: int
    connections: int | None = None
    """Connections that the local server accepted from the opening of the pool to the end; format 1
    has none."""
    other_cpu_ns: int | None = None
    """CPU time of all other programs over the same time, on all cores; format 1 has none."""
    gc_ns: int | None = None
    """CPU time of the garbage collector in the worker process over the same time; older files have
    none."""
    generation: int | None = None
    """Number of the set of worker processes, from 0: they are restarted a few times in a run. Older
    files have none."""
    machine_cpu_ns: int | None = None
    """CPU time of all programs over the same time, on all cores, in steps of 10 ms; older files
    have none."""
    arrived: Arrived | None = None
    """The arrivals of a run at a rate; None for a closed loop."""
    start_skew_ns: int | None = None
    """Time from the common start to the start of the last process, where several share the case."""
    clock_error_ns: int | None = None
    """The largest error of the clocks that `start_skew_ns` was read from."""
    think_ns: int | None = None
    """The time that a client waits after each operation; None if it begins the next one at once,
    and in older files."""

    @property
    def others_cpu_ns(self) -> int | None:
        """CPU time of all other programs, to be added up over runs; below 0 in some of them.

        The machine's time comes in steps of 10 ms, and the other times in nanoseconds. So the
        difference of a short run is off by up to a step on either side. Only sums are near 0 on a
        quiet machine. Older files have differences that were clipped at 0.
        """
        if self.machine_cpu_ns is None or self.server_cpu_ns is None:
            return self.other_cpu_ns
        return self.machine_cpu_ns - self.client_cpu_ns - self.server_cpu_ns

    def as_dict(self) -> dict[str, Any]:
        """Return the run's own line of the file as JSON's types."""
        *_, line = self.lines()
        return line

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of the file as JSON's types: those of several pieces, then the run's."""
        packed: dict[str, Any] = {}
        amount = 0
        for piece in self.samples.pieces():
            if amount:
                yield self._line_of_piece(amount - 1, packed)
            packed = piece.as_dict()
            amount += 1
        if amount > 1:
            yield self._line_of_piece(amount - 1, packed)
            packed = {"count": len(self.samples), "pieces": amount}
        fields = {name: value for name, value in vars(self).items() if name != "samples"}
        # Only where there is a rate, where processes share the case, or where clients think.
        for name in ("arrived", "start_skew_ns", "clock_error_ns", "think_ns"):
            if fields[name] is None:
                del fields[name]
        if self.arrived:
            fields["arrived"] = vars(self.arrived)
        case = {"key": self.case.key, "case": self.case.as_dict()}
        yield {"kind": "run", **fields, **case, "samples": packed}

    def _line_of_piece(self, number: int, packed: dict[str, Any]) -> dict[str, Any]:
        place = {"key": self.case.key, "round": self.round, "piece": number}
        return {"kind": "samples", **place, "samples": packed}


@dataclass(frozen=True)
class Memory:
    """The peak memory of one operation of a case, in a fresh process."""

    case: Case
    peak_bytes: int
    """Peak above the memory that the process held before, with its pool open."""
    rows: int
    elapsed_ns: int | None = None
    """None if other probes ran at the same time."""
    first_row_ns: int | None = None
    """Time from the start to the first row; None for a buffered fetch: its rows come together."""

    def as_dict(self) -> dict[str, Any]:
        """Return the line of the file as JSON's types."""
        return {"kind": "memory", **vars(self), "case": self.case.as_dict(), "key": self.case.key}


@dataclass(frozen=True)
class Failure:
    """A run or a memory probe without a result. Its case is marked in every table."""

    case: Case
    round: int
    error: str

    def as_dict(self) -> dict[str, Any]:
        """Return the line of the file as JSON's types."""
        return {"kind": "failure", **vars(self), "case": self.case.as_dict(), "key": self.case.key}


@dataclass(frozen=True)
class ProbeResult:
    """A base class: the result of a study's probe on one case.

    A study derives its own entries from it, and names in `Study.entries` the lines that read them.
    """

    kind: ClassVar[str]
    """The `kind` of its lines in the file."""
    case: Case

    def as_dict(self) -> dict[str, Any]:
        """Return the line of the file as JSON's types."""
        return {"kind": self.kind, **vars(self), "case": self.case.as_dict(), "key": self.case.key}


@dataclass(frozen=True)
class LinkCounts(ProbeResult):
    """Counts of a link in one run: how exact the network between client and server was."""

    kind: ClassVar[str] = "link"
    case: Case
    """The first case over this link."""
    round_trips: int
    bytes_to_server: int
    bytes_to_client: int
    late_p50_us: int | None
    """Median of the delays of messages beyond what was asked, in whole microseconds; None if none
    was sent."""
    late_p99_us: int | None


Entry = Run | Memory | ProbeResult | Failure
"""A measured entry: one line between the header and the end."""


@dataclass(frozen=True)
class End:
    """The outcome of the command."""

    outcome: str
    """`complete`, `interrupted` or `failed`."""
    reason: str = ""
    """The reason of a failure; empty for any other outcome."""
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)
    """Stage of the run -> seconds that it took; `windows` are those between start barriers and last
    samples, `measurement` the rest of that stage. Older files have none."""

    def as_dict(self) -> dict[str, Any]:
        """Return the line of the file as JSON's types."""
        reason = {"reason": self.reason} if self.reason else {}
        seconds = {"seconds": dict(self.seconds)} if self.seconds else {}
        return {"kind": "end", "outcome": self.outcome, **reason, **seconds}
