"""The evidence on each fetch: its figures by size, and whether it streams."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.uncertain import drawn
from bench.model.fetch import Fetch
from bench.results.entries import Memory
from bench.results.file import Results
from bench.studies.streaming.entries import Proof

Word = Literal["streams", "streams in batches", "buffers", "unclear", "not asked"]
"""A verdict. `unclear`: the pieces of evidence contradict each other. `not asked`: nothing was
measured, or too few rows."""

LATE = 0.2
"""The share of the whole time from which a first row is not early. A client-side cursor has all
rows when it gives the first one, but it makes the tuples one by one."""

GROWTH = 1.2
GROWTH_BYTES = 2_000_000
"""Limits as a factor and in bytes. If the growth is below one of them (a fifth, or 2 MB), memory
does not grow with the rows."""


@dataclass(frozen=True)
class SizePoint:
    """The medians of one fetch for one size of the result."""

    total_ns: float
    first_row_ns: float
    """Time to the first row. In a buffered fetch it comes with the last row."""
    rows_per_s: float
    stall_ns: float | None = None
    """Longest stall of the event loop. None for threads, and if it was not measured."""
    server_cpu_ns: float | None = None
    first_row: Interval | None = None
    """The interval of `first_row_ns`; None for a size that was in no round."""
    rate: Interval | None = None
    """The interval of `rows_per_s`, likewise."""


@dataclass
class FetchModeResult:
    """The results of one fetch, for one backend and function."""

    backend: str
    function: str
    fetch: Fetch
    points: dict[int, SizePoint] = field(default_factory=dict)
    """Rows of the result -> figures, for one client."""
    by_concurrency: dict[int, SizePoint] = field(default_factory=dict)
    """Number of clients, each with its result session -> figures."""
    memory_bytes: dict[int, int] = field(default_factory=dict)
    """Rows of the result -> peak memory of one operation."""
    proof: Proof | None = None
    proved_rows: int = 0
    """Rows of the result that the proof asks for."""

    def __str__(self) -> str:
        return f"{self.backend} {self.fetch} {self.function}"

    @property
    def largest(self) -> int:
        """Rows of the largest result that was timed; 0 if none was."""
        return max(self.points, default=0)

    @property
    def stopped_ns(self) -> float | None:
        """Time from asking for all rows until ten were read and the stream was closed.

        A buffered fetch has all rows by then, so that its whole time counts. None if that was not
        measured.
        """
        if self.proof is None:
            return None
        if self.proof.early_ns is not None:
            return self.proof.early_ns
        whole = self.points.get(self.proved_rows)
        return whole.total_ns if whole else None

    @property
    def early(self) -> bool | None:
        """Whether the first row comes long before the last; None if it was not timed."""
        if not self.points:
            return None
        point = self.points[self.largest]
        return point.first_row_ns < LATE * point.total_ns

    @property
    def grows(self) -> bool | None:
        """Whether the memory grows with the rows; None if only one size was measured.

        A result of fewer than two batches does not count, because a reader holds one batch while
        the next arrives.
        """
        least = 2 * (self.fetch.batch_size or 0)
        sizes = [size for size in sorted(self.memory_bytes) if size >= least]
        if len(sizes) < 2:
            return None
        some, many = (self.memory_bytes[size] for size in sizes[-2:])
        return many > max(GROWTH * some, some + GROWTH_BYTES)

    @property
    def verdict(self) -> Word:
        """The verdict from memory, first row and late failure; `unclear` if they contradict.

        The first row of a stream may be late because the server sorts for half of the time. So a
        late row alone is no evidence. A fetch buffers if its first row is late *and* it holds all
        rows.
        """
        proved = self.proof.gave_rows if self.proof else None
        evidence = {None if self.grows is None else not self.grows, proved} - {None}
        if not evidence:
            return "not asked"
        if len(evidence) > 1 or (evidence == {False} and self.early):
            return "unclear"
        if evidence == {False}:
            return "buffers"
        batch = self.proof.batch if self.proof else None
        return "streams" if batch == 1 or (batch is None) else "streams in batches"


def ways_of(results: Results, summaries: Iterable[Summary]) -> list[FetchModeResult]:
    """Return every fetch that was measured or proved, in the order of the plan."""
    ways: dict[tuple[str, str, Fetch], FetchModeResult] = {}

    def way(backend: str, function: str, fetch: Fetch) -> FetchModeResult:
        return ways.setdefault(
            (backend, function, fetch), FetchModeResult(backend, function, fetch)
        )

    customers = results.header.dataset.customer or 0
    for summary in summaries:
        case = summary.case
        if case.size is None or case.frozen or not (point := _point(summary)):
            continue
        result = way(case.backend, case.workload, case.fetch)
        if case.concurrency == 1:
            result.points[case.size] = point
        else:
            result.by_concurrency[case.concurrency] = point
    for memory in results.memory:
        case = memory.case
        if case.size is not None:
            result = way(case.backend, case.workload, case.fetch)
            result.memory_bytes[case.size] = memory.peak_bytes
            if lone := _lone(memory):  # the largest results are timed nowhere else
                result.points.setdefault(case.size, lone)
    for proof in results.probed_as(Proof):
        result = way(proof.case.backend, proof.case.workload, proof.case.fetch)
        result.proof, result.proved_rows = proof, proof.case.size or customers
    return list(ways.values())


def by_backend(results: Results, ways: Iterable[FetchModeResult]) -> list[FetchModeResult]:
    """Return the fetches in the order of tables: by the run's backends, then by fetch."""
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
        first,
        drawn(summary, summary.rows_per_s),
    )


def _lone(memory: Memory) -> SizePoint | None:
    if not memory.elapsed_ns:
        return None
    first_row_ns = memory.first_row_ns or memory.elapsed_ns
    return SizePoint(memory.elapsed_ns, first_row_ns, memory.rows / memory.elapsed_ns * 1e9)
