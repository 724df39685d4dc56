"""The figures of one run of a case: a `Round`, from its samples."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.analysis import stats
from bench.analysis.many_values import Block, quantiles_of_blocks
from bench.analysis.open_loop import OpenRound, open_round, response_ns
from bench.analysis.throughput import Counts, exactly
from bench.results.entries import Run
from bench.results.samples import Samples

HEAD_NS = 1_000_000_000
"""The part of a round compared with its rest: its first second, or half of a shorter round."""

_FEWEST_OPERATIONS = 4
"""The fewest operations of each client, for a round to have a start and an end."""


@dataclass(frozen=True)
class Round:
    """One run of a case, as figures. Failed operations count in `errors` only."""

    number: int
    operations: int
    errors: Mapping[str, int]
    """The number of failed operations, by class of error."""
    throughput_per_s: float
    throughput_bounds_per_s: tuple[float, float]
    """The least and the most that the round's samples allow (`bench.analysis.throughput`)."""
    rows_per_s: float
    latency_ns: Mapping[str, int]
    """Exact quantiles of the round's samples, by name, without those of too few samples."""
    first_row_p50_ns: int | None
    """None unless streamed."""
    client_cpu_ns: float | None
    """CPU time of the client for one operation."""
    server_cpu_ns: float | None
    gc_ns: float | None
    """CPU time of the client's garbage collector for one operation; None in older files."""
    loop_stall_max_ns: int | None
    loop_stall_p99_ns: int | None
    fewest_operations: int
    most_operations: int
    open: OpenRound | None = None
    """The figures at an arrival rate; None for a closed loop. `latency_ns` is then the response,
    and empty if the rate was not held: it would be a figure of the window's length."""
    head_and_rest_per_ns: tuple[float, float] | None = None
    """Throughput of the round's start (`HEAD_NS`), and of the rest. None with too few operations,
    and at a rate, because arrivals decide how many begin when."""
    generation: int | None = None
    """The set of worker processes that measured it; None in older files."""


def round_of(run: Run, durations: Callable[[], Iterable[Block]]) -> Round:
    """Return the figures of a run. `durations` gives those of its successful operations."""
    operations = rows = with_first_row = 0
    counts = Counts(run.window_ns)
    parts = _Parts(run)
    alike = True
    errors: Counter[str] = Counter()
    for piece in run.samples.pieces():
        start, duration = _int64(piece.start_ns), _int64(piece.duration_ns)
        rows_of_each = _int64(piece.rows)
        succeeded = None
        if piece.errors:
            succeeded = _succeeded(piece)
            errors += piece.error_classes
            rows_of_each = rows_of_each * succeeded
        # Where each operation has one row, a count of operations is one of rows.
        one_each = succeeded is None and bool((rows_of_each == 1).all())
        counts.add(
            start,
            # A client that waits after an operation is not free for the next one.
            duration + (run.think_ns or 0),
            _int64(piece.worker),
            succeeded,
            None if one_each else rows_of_each,
        )
        alike = alike and one_each
        operations += len(piece) - len(piece.errors)
        rows += len(piece) if one_each else int(rows_of_each.sum())
        if parts.wanted:
            parts.add(start, duration, succeeded)
        if piece.first_row_ns:
            with_first_row += len(_first_rows_of(piece))
    first_rows: Mapping[str, int] = {}
    if with_first_row:
        first_rows = quantiles_of_blocks(partial(_first_rows, run), with_first_row)
    throughput = counts.throughput()
    rows_per_s = throughput.per_s if alike else counts.throughput(1).per_s
    if at_rate := open_round(run):
        throughput = exactly(at_rate.completed_per_s * operations / max(1, len(run.samples)))
        rows_per_s = throughput.per_s * rows / max(1, operations)
    return Round(
        number=run.round,
        operations=operations,
        errors=errors,
        throughput_per_s=throughput.per_s,
        throughput_bounds_per_s=(throughput.at_least_per_s, throughput.at_most_per_s),
        rows_per_s=rows_per_s,
        latency_ns=quantiles_of_blocks(durations, operations)
        if at_rate is None or at_rate.held
        else {},
        first_row_p50_ns=first_rows.get("p50"),
        client_cpu_ns=stats.per_operation(run.client_cpu_ns, operations),
        server_cpu_ns=stats.per_operation(run.server_cpu_ns, operations),
        gc_ns=stats.per_operation(run.gc_ns, operations),
        loop_stall_max_ns=run.loop_stall_max_ns,
        loop_stall_p99_ns=run.loop_stall_p99_ns,
        fewest_operations=run.fewest_operations,
        most_operations=run.most_operations,
        open=at_rate,
        head_and_rest_per_ns=parts.per_ns if parts.wanted else None,
        generation=run.generation,
    )


def durations_of(runs: Iterable[Run]) -> Iterator[Block]:
    """Yield the durations of the operations that succeeded, a piece at a time."""
    for run in runs:
        for piece in run.samples.pieces():
            times = response_ns(piece)
            yield times[_succeeded(piece)] if piece.errors else times


class _Parts:
    """The operations before a cut through a round, and after it."""

    def __init__(self, run: Run) -> None:
        enough = len(run.samples) >= _FEWEST_OPERATIONS * run.case.concurrency
        self.wanted = enough and run.case.rate is None
        self._window_ns = run.window_ns
        self._head_ns = min(HEAD_NS, run.window_ns // 2)
        self._head = self._whole = 0.0

    def add(self, start_ns: Block, duration_ns: Block, succeeded: NDArray[np.bool_] | None) -> None:
        """Add operations. One across the cut counts by its share."""
        if succeeded is not None:
            start_ns, duration_ns = start_ns[succeeded], duration_ns[succeeded]
        shares = stats.shares_in_window
        self._head += float(shares(start_ns, duration_ns, self._head_ns).sum())
        self._whole += float(shares(start_ns, duration_ns, self._window_ns).sum())

    @property
    def per_ns(self) -> tuple[float, float]:
        """Operations a nanosecond before and after the cut."""
        rest_ns = self._window_ns - self._head_ns
        return self._head / self._head_ns, (self._whole - self._head) / rest_ns


def _first_rows(run: Run) -> Iterator[Block]:
    """Yield the times to the first row of the operations that got one, a piece at a time."""
    return map(_first_rows_of, run.samples.pieces())


def _first_rows_of(piece: Samples) -> Block:
    times = _int64(piece.first_row_ns)
    if piece.errors and len(times) == len(piece):
        times = times[_succeeded(piece)]
    got: Block = times[times > 0]
    return got


def _int64(column: "array[int]") -> Block:
    return np.asarray(column, dtype=np.int64)


def _succeeded(piece: Samples) -> NDArray[np.bool_]:
    """Return whether each operation of the piece succeeded."""
    succeeded = np.ones(len(piece), dtype=bool)
    succeeded[list(piece.errors)] = False
    return succeeded
