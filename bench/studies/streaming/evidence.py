"""What the results say of each way of fetching: its figures by size, and whether it streams."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from bench.analysis.summary import Summary
from bench.model.case import Fetch
from bench.results.entries import Memory
from bench.results.file import Results
from bench.studies.streaming.entries import Proof

Word = Literal["streams", "streams in batches", "buffers", "unclear", "not asked"]
"""`unclear`: what was seen contradicts itself; `not asked`: nothing was looked at,
or of too few rows to tell."""

LATE = 0.2
"""From this share of the whole time on, a first row is no early one: a client-side cursor has all
rows when the first is seen, and still makes tuples of them one by one."""

GROWTH = 1.2
GROWTH_BYTES = 2_000_000
"""Memory that grows by less than a fifth, or by less than this, does not grow with the rows."""


@dataclass(frozen=True)
class SizePoint:
    """One size of a result, fetched in one way: medians."""

    total_ns: float
    first_row_ns: float
    """Buffered, it comes with the last one."""
    rows_per_s: float
    stall_ns: float | None = None
    """The longest of the event loop; None for threads, and where it was not looked at."""
    server_cpu_ns: float | None = None


@dataclass
class FetchModeResult:
    """One way in which one backend fetches the rows of one function."""

    backend: str
    function: str
    fetch: Fetch
    points: dict[int, SizePoint] = field(default_factory=dict)
    """By rows of the result, for one task alone."""
    crowds: dict[int, SizePoint] = field(default_factory=dict)
    """By number of tasks, each with a session of its own."""
    memory_bytes: dict[int, int] = field(default_factory=dict)
    """Peak of one operation, by rows of the result."""
    proof: Proof | None = None
    proved_rows: int = 0
    """Of the result that the proof asks for."""

    def __str__(self) -> str:
        return f"{self.backend} {self.fetch} {self.function}"

    @property
    def largest(self) -> int:
        """Rows of its largest result; 0 where it was not timed."""
        return max(self.points, default=0)

    @property
    def stopped_ns(self) -> float | None:
        """From asking for all rows until ten were read, and the reader had left.

        A buffered fetch has all of them before; None where so many were not timed.
        """
        if self.proof is None:
            return None
        if self.proof.early_ns is not None:
            return self.proof.early_ns
        whole = self.points.get(self.proved_rows)
        return whole.total_ns if whole else None

    @property
    def early(self) -> bool | None:
        """Whether its first row comes long before the last; None where it was not timed."""
        if not self.points:
            return None
        point = self.points[self.largest]
        return point.first_row_ns < LATE * point.total_ns

    @property
    def grows(self) -> bool | None:
        """Whether its memory grows with the rows; None where one size alone was measured.

        A result of fewer than two batches is no measure: a reader holds one while the next comes.
        """
        least = 2 * (self.fetch.batch_size or 0)
        sizes = [size for size in sorted(self.memory_bytes) if size >= least]
        if len(sizes) < 2:
            return None
        some, many = (self.memory_bytes[size] for size in sizes[-2:])
        return many > max(GROWTH * some, some + GROWTH_BYTES)

    @property
    def verdict(self) -> Word:
        """From memory, first row and the late failure; `unclear` where they contradict.

        A stream may have its first row late, where the server sorts for half of the time. So a
        late row alone says nothing: a buffer is what has its first row late *and* holds them all.
        """
        proved = self.proof.gave_rows if self.proof else None
        seen = {None if self.grows is None else not self.grows, proved} - {None}
        if not seen:
            return "not asked"
        if len(seen) > 1 or (seen == {False} and self.early):
            return "unclear"
        if seen == {False}:
            return "buffers"
        batch = self.proof.batch if self.proof else None
        return "streams" if batch == 1 or (batch is None) else "streams in batches"


def ways_of(results: Results, summaries: Iterable[Summary]) -> list[FetchModeResult]:
    """Each way that was measured or proved, in the order of the plan."""
    found: dict[tuple[str, str, Fetch], FetchModeResult] = {}

    def way(backend: str, function: str, fetch: Fetch) -> FetchModeResult:
        return found.setdefault(
            (backend, function, fetch), FetchModeResult(backend, function, fetch)
        )

    customers = results.header.dataset.customer or 0
    for summary in summaries:
        case = summary.case
        if case.size is None or case.frozen or not (point := _point(summary)):
            continue
        own = way(case.backend, case.workload, case.fetch)
        if case.concurrency == 1:
            own.points[case.size] = point
        else:
            own.crowds[case.concurrency] = point
    for memory in results.memory:
        case = memory.case
        if case.size is not None:
            own = way(case.backend, case.workload, case.fetch)
            own.memory_bytes[case.size] = memory.peak_bytes
            if lone := _lone(memory):  # of the largest, nothing else was timed
                own.points.setdefault(case.size, lone)
    for proof in results.probed_as(Proof):
        own = way(proof.case.backend, proof.case.workload, proof.case.fetch)
        own.proof, own.proved_rows = proof, proof.case.size or customers
    return list(found.values())


def by_backend(results: Results, ways: Iterable[FetchModeResult]) -> list[FetchModeResult]:
    """In the order of tables: the run's backends, and of each its ways."""
    places = {name: place for place, name in enumerate(results.header.backends)}
    last = len(places)
    return sorted(ways, key=lambda way: (places.get(way.backend, last), way.backend, way.fetch))


def _point(summary: Summary) -> SizePoint | None:
    total, first = summary.latency_ns.get("p50"), summary.usable_after_ns
    if not (total and first and summary.rows_per_s):
        return None
    return SizePoint(
        total.median,
        first.median,
        summary.rows_per_s.median,
        summary.loop_stall_max_ns,
        summary.server_cpu_ns.median if summary.server_cpu_ns else None,
    )


def _lone(memory: Memory) -> SizePoint | None:
    if not memory.elapsed_ns:
        return None
    first_row_ns = memory.first_row_ns or memory.elapsed_ns
    return SizePoint(memory.elapsed_ns, first_row_ns, memory.rows / memory.elapsed_ns * 1e9)
