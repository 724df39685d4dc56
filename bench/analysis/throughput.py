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
  themselves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.analysis.stats import NS_PER_S

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

    `client` tells the clients of the samples apart; a client without samples was not active.
    `weights` are what each sample counts: 0 for a failed operation, its rows for rows per second; 1
    if left out.

    The figure is the geometric middle of the bounds if they are close. Otherwise it is the count of
    operations that ended before the deadline (`_Laps.by_renewals`), kept within the bounds; or,
    with fewer than 2.5 operations a client, the lower bound.
    """
    samples = _Samples.of(start_ns, duration_ns, client, window_ns, weights)
    clients = len(samples.first_ns)
    total = float(samples.weight.sum())
    if total == 0:
        return Throughput(0.0, 0.0, 0.0)
    at_least = total / float(samples.last_ns.max())
    if clients == 1:  # nobody is left behind: both bounds are the same
        return _per_second(at_least, at_least, at_least)
    own_time = clients * total / _total(samples.last_ns)
    laps = _Laps.of(samples)
    if laps is None or laps.operations < _ENOUGH_LATER:
        by_laps = laps.per_ns(samples) if laps else own_time
        return _per_second(at_least, at_least, max(at_least, own_time, by_laps))
    at_most = max(at_least, min(own_time, laps.per_ns(samples)))
    at_least = max(at_least, at_most * (1 - laps.hurried))
    if within_tolerance(at_least, at_most):
        return _per_second((at_least * at_most) ** 0.5, at_least, at_most)
    return _per_second(min(at_most, max(at_least, laps.by_renewals(samples))), at_least, at_most)


@dataclass(frozen=True)
class _Samples:
    end_ns: NDArray[np.int64]
    duration_ns: NDArray[np.int64]
    weight: NDArray[np.float64]
    client: NDArray[np.int64]
    is_first: NDArray[np.bool_]
    """Whether a sample is the first of its client."""
    first_ns: NDArray[np.int64]
    """Client -> the end of its first operation."""
    last_ns: NDArray[np.int64]
    """Client -> the end of its last operation, at least the deadline: until then it tried."""
    window_ns: int

    @classmethod
    def of(
        cls,
        start_ns: ArrayLike,
        duration_ns: ArrayLike,
        client: ArrayLike,
        window_ns: int,
        weights: ArrayLike | None,
    ) -> "_Samples":
        start, duration = (np.asarray(column, dtype=np.int64) for column in (start_ns, duration_ns))
        active, of_client = np.unique(np.asarray(client), return_inverse=True)
        clients = len(active)
        end = start + duration
        first_start = np.full(clients, np.iinfo(np.int64).max)
        np.minimum.at(first_start, of_client, start)
        is_first = start == first_start[of_client]
        first_end = np.zeros(clients, dtype=np.int64)
        first_end[of_client[is_first]] = end[is_first]
        last_end = np.full(clients, window_ns, dtype=np.int64)
        np.maximum.at(last_end, of_client, end)
        return cls(
            end,
            duration,
            np.ones(len(end)) if weights is None else np.asarray(weights, dtype=np.float64),
            of_client,
            is_first,
            first_end,
            last_end,
            window_ns,
        )


@dataclass(frozen=True)
class _Laps:
    """The operations of each client but its first one.

    The first operations are left out because they began together: in a queue, the first client
    waited for nobody.
    """

    later: NDArray[np.bool_]
    """Whether a sample is one of these."""
    operations: float
    """Their number divided by that of all clients."""
    variation: float
    """The squared coefficient of variation of their durations, at most 1."""

    @classmethod
    def of(cls, samples: _Samples) -> "_Laps | None":
        later = ~samples.is_first
        durations = samples.duration_ns[later]
        if not len(durations) or not durations.any():
            return None
        variation = float(np.var(durations)) / float(np.mean(durations)) ** 2
        return cls(later, len(durations) / len(samples.first_ns), min(1.0, variation))

    def per_ns(self, samples: _Samples) -> float:
        """Return the clients' rate from the end of the first operations to that of the last."""
        several = np.zeros(len(samples.first_ns), dtype=bool)
        several[samples.client[self.later]] = True
        time_ns = _total((samples.last_ns - samples.first_ns)[several])
        count = len(several) * float(samples.weight[self.later].sum())
        return count / time_ns if time_ns > 0 else 0.0

    @property
    def hurried(self) -> float:
        """The share by which `per_ns` is too high at most, if clients share a processor.

        After the deadline, what remains of an operation takes (1 + c) / 2 laps on average, for a
        squared coefficient of variation c (the mean residual life: Cox, *Renewal Theory*, 1962,
        section 5.2). Since clients end one by one, it takes about half of that at the least.
        """
        return (1 + self.variation) / 4 / self.operations

    def by_renewals(self, samples: _Samples) -> float:
        """Return the rate from the end of each client's first operation to the deadline.

        In this time all clients are active. A client's count of ended operations is that of a
        renewal process: on average time / mean + (c - 1) / 2 (Cox, section 4.2). So (1 - c) / 2 is
        added for the operation in progress. 0 if no client ended its first operation in time.
        """
        time_ns = _total(np.maximum(0, samples.window_ns - samples.first_ns))
        if time_ns == 0:
            return 0.0
        in_time = self.later & (samples.end_ns <= samples.window_ns)
        begun = int(np.count_nonzero(samples.first_ns < samples.window_ns))
        in_progress = begun * (1 - self.variation) / 2 * float(samples.weight[self.later].mean())
        ended = float(samples.weight[in_time].sum()) + in_progress
        return len(samples.first_ns) * ended / time_ns


def _total(times_ns: NDArray[np.int64]) -> float:
    """Return the sum, which a damaged file may have beyond 64 bits."""
    return float(times_ns.sum(dtype=np.float64))


def _per_second(figure: float, at_least: float, at_most: float) -> Throughput:
    return Throughput(figure * NS_PER_S, at_least * NS_PER_S, at_most * NS_PER_S)
