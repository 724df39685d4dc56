"""The figures of runs at an arrival rate: response, its parts, and whether the rate was held.

A response lasts from the intended start of an operation to its end. Its parts are the wait until a
client was free, the lateness of the start after that, and the service time. A closed loop measures
the service time alone, and so omits the wait of everybody behind a slow operation: Gil Tene's
"coordinated omission" (https://github.com/giltene/wrk2#readme, which shows both times).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from bench.analysis.many_values import Block, quantiles_of_blocks
from bench.analysis.stats import NS_PER_S, Interval, median_over_rounds
from bench.results.entries import Arrived, Run
from bench.results.samples import Samples

BACKLOG = 0.03
"""The share of the window's arrivals that may wait for a client at its end."""

GROWTH = 1.1
"""The factor by which the mean wait of a window's last third may exceed that of its first third."""

LATE_NS = 1_000_000
"""The lateness of the generator from which a warning is given: 1 ms."""

PARTS = ("service", "wait", "late")


@dataclass(frozen=True)
class OpenRound:
    """One run at a rate, as figures."""

    offered_per_s: float
    completed_per_s: float
    """Operations that ended in the window, a second; those that failed are counted."""
    held: bool
    """Whether clients kept up with the arrivals."""
    service_ns: Mapping[str, int]
    """Quantiles of the time from an operation's real start to its end."""
    wait_ns: Mapping[str, int]
    """Quantiles of the time from an intended start until a client was free; 0 if one was."""
    late_ns: Mapping[str, int]
    """Quantiles of the start's lateness, of the operations for which a client was free."""
    late_p99_ns_of_processes: tuple[int, ...] = ()
    """The p99 of the same in each process, where several share the case and each had samples."""


@dataclass(frozen=True)
class OpenSummary:
    """A case at a rate over all its rounds."""

    held: int
    """The number of rounds in which clients kept up."""
    rounds: int
    offered_per_s: Interval | None
    service_ns: Mapping[str, Interval]
    """Quantile -> the median over rounds. Empty if a round did not hold the rate: nothing is
    averaged over rounds whose backlog grew."""
    wait_ns: Mapping[str, Interval]
    late_ns: Mapping[str, Interval]
    late_p99_ns_of_processes: tuple[float, ...] = ()
    """The median over rounds of the p99 of the lateness in each process, where several share the
    case."""

    @property
    def is_held(self) -> bool:
        """Whether every round held the rate."""
        return self.held == self.rounds


def held(run: Run, arrived: Arrived) -> bool:
    """Return whether clients kept up with the arrivals of the window.

    They did not if operations never began; or if at the deadline more operations waited than there
    are clients and than `BACKLOG` of the arrivals, and the wait had grown by more than `GROWTH`
    from the window's first third to its last. One alone is not enough: a queue near the limit is
    long at times, and shrinks again.
    """
    if arrived.unserved:
        return False
    pieces = list(run.samples.pieces())
    start, wait = (
        np.concatenate([_column(piece, name) for piece in pieces])
        for name in ("start_ns", "wait_ns")
    )
    late = np.concatenate([_column(piece, "late_ns") for piece in pieces])
    waiting = int(np.count_nonzero(start > run.window_ns))
    if waiting <= max(run.case.concurrency, BACKLOG * arrived.offered):
        return True
    intended = start - late - wait
    first = wait[intended < run.window_ns / 3]
    last = wait[intended >= run.window_ns * 2 / 3]
    return not (len(first) and len(last) and last.mean() > GROWTH * first.mean())


def open_round(run: Run) -> OpenRound | None:
    """Return the figures of a run at a rate; None for a closed loop."""
    arrived = run.arrived
    if arrived is None:
        return None
    per_s = NS_PER_S / run.window_ns
    ended = sum(
        int(
            np.count_nonzero(
                _column(piece, "start_ns") + _column(piece, "duration_ns") <= run.window_ns
            )
        )
        for piece in run.samples.pieces()
    )
    return OpenRound(
        offered_per_s=arrived.offered * per_s,
        completed_per_s=(ended + arrived.carried) * per_s,
        held=held(run, arrived),
        service_ns=_quantiles(run, lambda piece: _column(piece, "duration_ns")),
        wait_ns=_quantiles(run, lambda piece: _column(piece, "wait_ns")),
        late_ns=_quantiles(
            run, lambda piece: _column(piece, "late_ns")[_column(piece, "wait_ns") == 0]
        ),
        late_p99_ns_of_processes=_late_in_processes(run),
    )


def _late_in_processes(run: Run) -> tuple[int, ...]:
    case = run.case
    if case.processes == 1:
        return ()
    quantiles = [_quantiles(run, _late_of(case.clients_of(n))) for n in range(case.processes)]
    known = tuple(of["p99"] for of in quantiles if "p99" in of)
    return known if len(known) == case.processes else ()


def _late_of(clients: range) -> Callable[[Samples], Block]:
    """Return the function that gives the lateness of starts for which one of these was free."""

    def late(piece: Samples) -> Block:
        client = _column(piece, "worker")
        chosen = (client >= clients.start) & (client < clients.stop)
        late_ns: Block = _column(piece, "late_ns")[chosen & (_column(piece, "wait_ns") == 0)]
        return late_ns

    return late


def open_summary(rounds: Sequence[OpenRound | None]) -> OpenSummary | None:
    """Return the rounds of a case together; None for a closed loop."""
    known = [round_ for round_ in rounds if round_]
    if not known:
        return None
    count = sum(round_.held for round_ in known)
    parts = {
        part: _over([getattr(round_, f"{part}_ns") for round_ in known])
        if count == len(known)
        else {}
        for part in PARTS
    }
    return OpenSummary(
        count,
        len(known),
        median_over_rounds([round_.offered_per_s for round_ in known]),
        parts["service"],
        parts["wait"],
        parts["late"],
        _medians_of_processes([round_.late_p99_ns_of_processes for round_ in known]),
    )


def _medians_of_processes(rounds: Sequence[tuple[int, ...]]) -> tuple[float, ...]:
    of_processes = zip(*filter(None, rounds), strict=True)
    return tuple(median(late_ns) for late_ns in of_processes)


def response_ns(piece: Samples) -> Block:
    """Return the latency of each operation: of a closed loop its duration, at a rate the response,
    from its intended start."""
    duration = _column(piece, "duration_ns")
    if not piece.wait_ns:
        return duration
    response: Block = duration + _column(piece, "wait_ns") + _column(piece, "late_ns")
    return response


def _over(rounds: Sequence[Mapping[str, int]]) -> dict[str, Interval]:
    names = dict.fromkeys(name for quantiles in rounds for name in quantiles)
    medians = {name: median_over_rounds([q[name] for q in rounds if name in q]) for name in names}
    return {name: median for name, median in medians.items() if median}


def _quantiles(run: Run, values: Callable[[Samples], Block]) -> Mapping[str, int]:
    def blocks() -> Iterator[Block]:
        for piece in run.samples.pieces():
            succeeded = np.ones(len(piece), dtype=bool)
            succeeded[list(piece.errors)] = False
            yield values(_only(piece, succeeded))

    return quantiles_of_blocks(blocks, sum(map(len, blocks())))


def _only(piece: Samples, chosen: NDArray[np.bool_]) -> Samples:
    """Return the piece's samples that are chosen."""
    if chosen.all():
        return piece
    only = Samples()
    for name in ("start_ns", "duration_ns", "wait_ns", "late_ns", "worker"):
        getattr(only, name).frombytes(_column(piece, name)[chosen].tobytes())
    return only


def _column(piece: Samples, name: str) -> Block:
    return np.asarray(getattr(piece, name), dtype=np.int64)
