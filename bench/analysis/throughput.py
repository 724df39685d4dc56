"""The throughput of a round, with the bounds that its samples prove.

The clients of a round start together, and after the deadline they end one by one. While they end,
fewer than all are active, and how much faster each of them is then depends on what they wait for.
Two rules bound the answer. docs/method.md argues them, and `bench audit` tests them by simulation.

- **At least**: all operations over the time until the last of them ended. If the clients wait for
  one server (an event loop, the GIL), this is exact: the server works until the end. Otherwise it
  is too low, because the last clients leave their share of the machine unused.
- **At most**: the operations of each client over the client's own time, up to the end of its last
  one, times the number of clients. If clients do not slow each other down, this is exact (Wald's
  identity: the last operation is the first to end after the deadline, so that it stops the count
  without a bias). In a queue it is exact if each client's first operation is left out, with its
  time. The lower of the two counts: with the first operations it is too high for a queue; without
  them it is too high where a client is served in bursts, since its first operation is the wait for
  its first burst. If clients share a processor, both are too high: the last ones have it for
  themselves. In a window of fewer than ten operations of each client, the higher of the two counts:
  clients that first wait apart and then in a queue, as for a network and an event loop, queue at
  their first operation alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.analysis.stats import NS_PER_S
from bench.model.window import OPERATIONS_EACH

TOLERANCE = 0.03
"""The largest relative error of a throughput that is not marked."""

_ENOUGH_LATER = 1.5
"""The operations of a client after its first one, on average, from which they alone are counted."""


@dataclass(frozen=True)
class Throughput:
    """A round's throughput, in operations (or rows) per second."""

    per_s: float
    at_least_per_s: float
    at_most_per_s: float

    @property
    def certain(self) -> bool:
        """Whether the bounds are so close that the figure is within `TOLERANCE` of the truth."""
        return within_tolerance(self.at_least_per_s, self.at_most_per_s)


def exactly(per_s: float) -> Throughput:
    """Return a throughput that needs no bounds, because every operation was counted."""
    return Throughput(per_s, per_s, per_s)


def within_tolerance(at_least: float, at_most: float) -> bool:
    """Return whether the middle between two bounds is within `TOLERANCE` of both."""
    return at_most <= at_least * (1 + TOLERANCE) ** 2


def throughput(
    start_ns: ArrayLike,
    duration_ns: ArrayLike,
    client: ArrayLike,
    window_ns: int,
    weights: ArrayLike | None = None,
) -> Throughput:
    """Return the throughput of a round's samples, failed ones included.

    `client` tells the clients of the samples apart; a client without samples was not active. The
    samples of a client are in the order of their starts. `weights` are what each sample counts: 0
    for a failed operation, its rows for rows per second; 1 if left out.
    """
    counts = Counts(window_ns)
    counts.add(start_ns, duration_ns, client, weights)
    return counts.throughput()


class Counts:
    """The counts of a round's samples that its throughput follows from, added up in pieces."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._slots: dict[int, int] = {}
        """Client -> its place in the arrays."""
        self._first_ns: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        """The end of each client's first operation."""
        self._last_ns: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        """The end of each client's last operation, at least the deadline: until then it tried."""
        self._several: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        """Whether a client has more operations than its first one."""
        self._weights: list[_Weights] = []
        """One for each kind of weight."""
        self._laps = _Laps()

    def add(
        self,
        start_ns: ArrayLike,
        duration_ns: ArrayLike,
        client: ArrayLike,
        *weights: ArrayLike | None,
    ) -> None:
        """Add samples, as `throughput` takes them. A client's later samples come later.

        Several kinds of `weights` are counted at once, in the same order at each call.
        """
        start, duration = (np.asarray(column, dtype=np.int64) for column in (start_ns, duration_ns))
        if not len(start):
            return
        end = start + duration
        clients, order, at = _told_apart(np.asarray(client))
        ends = end if order is None else end[order]
        first = at if order is None else order[at]
        ends_at = np.append(at[1:], len(ends))
        slots, new = self._places(clients)
        self._first_ns[slots[new]] = ends[at[new]]
        self._last_ns[slots] = np.maximum(self._last_ns[slots], np.maximum.reduceat(ends, at))
        self._several[slots] |= (ends_at - at > 1) | ~new
        first = first[new]
        later = np.ones(len(end), dtype=bool)
        later[first] = False
        self._laps.add(duration[later])
        in_time = end <= self._window_ns
        if not self._weights:
            self._weights = [_Weights() for _ in weights or (None,)]
        for sums, given in zip(self._weights, weights or (None,), strict=True):
            if given is None:
                sums.add_ones(in_time, first)
            else:
                sums.add(np.asarray(given, dtype=np.float64), in_time, first)

    def throughput(self, kind: int = 0) -> Throughput:
        """Return the throughput of all samples that were added, by one kind of weights.

        The figure is the geometric middle of the bounds if they are close. Otherwise it is the
        count of operations that ended before the deadline (`_by_renewals`), kept within the bounds;
        or, with fewer than 2.5 operations a client, the lower bound.
        """
        clients = len(self._slots)
        weights = self._weights[kind] if self._weights else _Weights()
        if weights.all == 0:
            return Throughput(0.0, 0.0, 0.0)
        at_least = weights.all / float(self._last_ns.max())
        if clients == 1:  # nobody is left behind: both bounds are the same
            return _per_second(at_least, at_least, at_least)
        own_time = clients * weights.all / _total(self._last_ns)
        finished = weights.in_time / self._window_ns
        laps = self._laps
        if not laps.duration_ns:
            return _per_second(at_least, at_least, max(at_least, own_time, finished))
        by_laps = self._by_laps(weights)
        if laps.operations < _ENOUGH_LATER * clients:
            return _per_second(at_least, at_least, max(at_least, own_time, by_laps, finished))
        at_most = max(at_least, min(own_time, by_laps))
        at_least = max(at_least, at_most * (1 - laps.hurried(clients)))
        if laps.operations < OPERATIONS_EACH * clients:
            at_most = max(at_most, by_laps)
        if finished > at_most * (1 + TOLERANCE):
            at_most = finished
        if within_tolerance(at_least, at_most):
            return _per_second((at_least * at_most) ** 0.5, at_least, at_most)
        figure = min(at_most, max(at_least, self._by_renewals(weights)))
        return _per_second(figure, at_least, at_most)

    def _places(self, clients: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return the place of each client in the arrays, and whether the client is new."""
        before, names = len(self._slots), clients.tolist()
        for name in names:
            self._slots.setdefault(name, len(self._slots))
        if more := len(self._slots) - before:
            self._first_ns = np.concatenate([self._first_ns, np.zeros(more, dtype=np.int64)])
            self._last_ns = np.concatenate([self._last_ns, np.full(more, self._window_ns)])
            self._several = np.concatenate([self._several, np.zeros(more, dtype=bool)])
        places = np.array([self._slots[name] for name in names], dtype=np.intp)
        return places, places >= before

    def _by_laps(self, weights: "_Weights") -> float:
        """Return the clients' rate from the end of the first operations to that of the last."""
        time_ns = _total((self._last_ns - self._first_ns)[self._several])
        return len(self._slots) * weights.of_laps / time_ns if time_ns > 0 else 0.0

    def _by_renewals(self, weights: "_Weights") -> float:
        """Return the rate from the end of each client's first operation to the deadline.

        In this time all clients are active. A client's count of ended operations is that of a
        renewal process: on average time / mean + (c - 1) / 2 (Cox, section 4.2). So (1 - c) / 2 is
        added for the operation in progress. 0 if no client ended its first operation in time.
        """
        laps = self._laps
        time_ns = _total(np.maximum(0, self._window_ns - self._first_ns))
        if time_ns == 0:
            return 0.0
        begun = int(np.count_nonzero(self._first_ns < self._window_ns))
        in_progress = begun * (1 - laps.variation) / 2 * weights.of_laps / laps.operations
        return len(self._slots) * (weights.of_laps_in_time + in_progress) / time_ns


@dataclass
class _Weights:
    """The sums of one kind of weights."""

    all: float = 0.0
    in_time: float = 0.0
    """The sum over the operations that ended before the deadline."""
    of_laps: float = 0.0
    """The sum over all operations but each client's first one."""
    of_laps_in_time: float = 0.0

    def add(
        self, weight: NDArray[np.float64], in_time: NDArray[np.bool_], first: NDArray[np.intp]
    ) -> None:
        """Add operations; `first` are the places of those that are their client's first one.

        Weights are whole numbers, so their sums are exact in any order.
        """
        weight_in_time = weight * in_time
        everything, finished = float(weight.sum()), float(weight_in_time.sum())
        self.all += everything
        self.in_time += finished
        self.of_laps += everything - float(weight[first].sum())
        self.of_laps_in_time += finished - float(weight_in_time[first].sum())

    def add_ones(self, in_time: NDArray[np.bool_], first: NDArray[np.intp]) -> None:
        """Add operations that count 1 each."""
        finished = int(np.count_nonzero(in_time))
        self.all += len(in_time)
        self.in_time += finished
        self.of_laps += len(in_time) - len(first)
        self.of_laps_in_time += finished - int(np.count_nonzero(in_time[first]))


@dataclass
class _Laps:
    """The operations of all clients but their first ones.

    The first operations are left out because they began together: in a queue, the first client
    waited for nobody.
    """

    operations: int = 0
    duration_ns: float = 0.0
    squares: float = 0.0
    """The sum of the squared durations."""

    def add(self, duration_ns: NDArray[np.int64]) -> None:
        """Add operations of any clients."""
        durations = duration_ns.astype(np.float64)
        self.operations += len(durations)
        self.duration_ns += float(durations.sum())
        self.squares += float(np.square(durations).sum())

    @property
    def variation(self) -> float:
        """The squared coefficient of variation of their durations."""
        mean_ns = self.duration_ns / self.operations
        return max(0.0, self.squares / self.operations / mean_ns**2 - 1)

    def hurried(self, clients: int) -> float:
        """Return the share by which their rate is too high at most, if clients share a processor.

        After the deadline, what remains of an operation takes (1 + c) / 2 laps on average, for a
        squared coefficient of variation c (the mean residual life: Cox, *Renewal Theory*, 1962,
        section 5.2). Since clients end one by one, it takes about half of that at the least. A
        variation above 1 is that between clients of different speed, and not of each client's own.
        """
        return (1 + min(1.0, self.variation)) / 4 / (self.operations / clients)


def _told_apart(
    client: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.intp] | None, NDArray[np.intp]]:
    """Return the clients, the order that puts their samples together, and each one's first place.

    The order is None where one client follows another already, as in the files. It is stable.
    """
    steps = client[1:] != client[:-1]
    if not steps.any():
        return client[:1], None, np.zeros(1, np.intp)
    order = None
    if (client[1:] < client[:-1]).any():
        order = np.argsort(client, kind="stable")
        client = client[order]
        steps = client[1:] != client[:-1]
    at = np.concatenate([[0], np.flatnonzero(steps) + 1])
    return client[at], order, at


def _total(times_ns: NDArray[np.int64]) -> float:
    """Return the sum, which a damaged file may have beyond 64 bits."""
    return float(times_ns.sum(dtype=np.float64))


def _per_second(figure: float, at_least: float, at_most: float) -> Throughput:
    return Throughput(figure * NS_PER_S, at_least * NS_PER_S, at_most * NS_PER_S)
