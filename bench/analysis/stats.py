"""Statistics on plain numbers: throughput, quantiles, intervals over rounds.

The unit is the round. Samples of one round share its warm caches, the other programs on the
machine, and chance. So intervals are over rounds. Exact quantiles describe the samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, comb, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

NS_PER_S = 1_000_000_000

QUANTILES: Mapping[str, float] = {
    "p50": 0.5,
    "p90": 0.9,
    "p95": 0.95,
    "p99": 0.99,
    "p99.9": 0.999,
    "max": 1.0,
}

SAMPLES_NEEDED: Mapping[str, int] = {"p90": 10, "p95": 20, "p99": 100, "p99.9": 1_000}
"""The fewest samples for a quantile, so that one of them is above it. With fewer, the quantile is
the maximum under another name: the p99 of 12 samples is two thirds of the true one."""

CONFIDENCE = 0.95
"""The least confidence of an interval, where there are enough rounds for it."""

ENOUGH_ROUNDS = 6
"""The fewest rounds that can promise 95 %: all of n fall on one side with probability 2 x 2^-n."""

_Z = 1.959964
"""The normal distribution's 97.5 % quantile."""

_EXACT_UP_TO = 1_000
"""The rounds up to which ranks are counted exactly; beyond, the normal approximation is as good."""


@dataclass(frozen=True)
class Interval:
    """A median over rounds and its interval, in the unit of its values.

    `low` and `high` are None for a single round: one round says nothing about the next.
    """

    median: float
    low: float | None
    high: float | None
    rounds: int

    @property
    def relative(self) -> float | None:
        """Half the interval's width, as a share of the median."""
        if self.low is None or self.high is None or self.median == 0:
            return None
        return (self.high - self.low) / 2 / abs(self.median)


def once(value: float) -> Interval:
    """Return a value that was measured once, so that it has no interval."""
    return Interval(value, None, None, 1)


def shares_in_window(
    start_ns: ArrayLike, duration_ns: ArrayLike, window_ns: int
) -> NDArray[np.float64]:
    """Return the share of each operation that lies before the deadline, from 0 to 1.

    The rule for work that straddles the deadline: an operation begun before the deadline is
    finished and kept as a sample; it counts toward throughput with the share of its time that lies
    before the deadline. Counting it whole would credit the window with time outside it; dropping
    it would cost slow operations more than fast ones.
    """
    left, duration = window_ns - np.asarray(start_ns), np.asarray(duration_ns)
    begun = left > 0
    share = begun.astype(np.float64)
    # Only an operation that straddles the deadline has a part. One too short for the clock is a
    # whole one where it began in time.
    across = np.flatnonzero(begun & (left < duration))
    share[across] = left[across] / duration[across]
    return share


def quantiles(values: ArrayLike) -> dict[str, int]:
    """Return each of QUANTILES, exact: the smallest value that at least that share does not exceed.

    Nearest rank, definition 1 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", The
    American Statistician 50(4), 1996; numpy's `inverted_cdf`. Always a value that was measured. A
    quantile that needs more samples (`SAMPLES_NEEDED`) is left out. Empty for no values.
    """
    numbers = np.asarray(values, dtype=np.int64)
    if not len(numbers):
        return {}
    places = ranks(len(numbers))
    # numpy sorts with vector instructions: less work than a partition at six places.
    found = np.sort(numbers)
    return {name: int(found[place]) for name, place in places.items()}


def enough_for_a_round(quantile: str) -> int:
    """Return the fewest samples of a round whose quantile is taken by itself: two above it.

    With fewer, quantiles of rounds are too low, and the one of all rounds together is shown.
    """
    return 2 * SAMPLES_NEEDED[quantile] if quantile in SAMPLES_NEEDED else 1


def ranks(amount: int) -> dict[str, int]:
    """Return the place, from 0, of each quantile that so many values in order support."""
    return {
        name: max(0, ceil(amount * share - 1))
        for name, share in QUANTILES.items()
        if amount >= SAMPLES_NEEDED.get(name, 1)
    }


def per_operation(total: float | None, operations: int) -> float | None:
    """Return the cost of one finished operation; None without a total or operations."""
    return None if total is None or operations == 0 else total / operations


def median_over_rounds(values: Sequence[float]) -> Interval | None:
    """Return the median of one value a round, with its order-statistic interval.

    The interval reaches from the k-th lowest value to the k-th highest. It contains the true median
    unless fewer than k values are on one side of it, which has a binomial probability (Conover,
    *Practical Nonparametric Statistics*, 3rd edition, 1999, section 3.2; Hahn and Meeker,
    *Statistical Intervals*, 1991, section 5.2). `interval_rank` gives the k, and `coverage` the
    exact confidence. No shape of the distribution is assumed, so an outlier does not matter.

    Assumption: the rounds are independent. Raw rounds of one run are not quite: neighbours in time
    share the state of the machine, and the interval is then somewhat too narrow.

    Below 6 rounds no interval has 95 %. It is then the range from the lowest to the highest round,
    with a lower confidence. Return None for no rounds, and no bounds for one.
    """
    if not values:
        return None
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    rounds = len(ordered)
    if rounds == 1:
        return once(float(ordered[0]))
    rank = interval_rank(rounds)
    low, high = float(ordered[rank - 1]), float(ordered[-rank])
    return Interval(middle_of(ordered), low, high, rounds)


def middle_of(ordered: NDArray[np.float64]) -> float:
    """Return the median of values in order, in a tenth of the time of `numpy.median`."""
    half = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[half])
    return float((ordered[half - 1] + ordered[half]) / 2)


@lru_cache(maxsize=256)
def interval_rank(rounds: int) -> int:
    """Return the k of the interval from the k-th lowest to the k-th highest of so many rounds.

    It is the largest k whose interval has at least 95 % confidence; 1 if none has.
    """
    if rounds > _EXACT_UP_TO:
        return int(rounds / 2 - _Z * sqrt(rounds) / 2)
    most = (1 - CONFIDENCE) / 2
    rank, outside = 1, _binomial(rounds, 0)
    while (outside := outside + _binomial(rounds, rank)) <= most:
        rank += 1
    return rank


@lru_cache(maxsize=256)
def coverage(rounds: int) -> float:
    """Return the exact probability that the interval of so many rounds contains the true median.

    It is 1 - 2 P(fewer than k of n fall on one side): 75 % for 3 rounds, 94 % for 5, 97 % for 6,
    98.4 % for 7. The rank is a whole number, so it jumps, and is 95 % or more from 6 rounds on.
    """
    if rounds == 0:
        return 0.0
    if rounds > _EXACT_UP_TO:
        return CONFIDENCE
    return 1 - 2 * sum(_binomial(rounds, below) for below in range(interval_rank(rounds)))


def describe_interval(rounds: int, fewest: int | None = None) -> str:
    """Return the meaning of the intervals of so many rounds, in words for a caption.

    `fewest` is the fewest rounds of any interval, if some have fewer.
    """
    if rounds < 2:
        return "one round: no intervals"
    fewest = rounds if fewest is None else fewest
    if rounds >= ENOUGH_ROUNDS:
        if fewest == rounds:
            return f"intervals: of the median of {rounds} rounds ({_percent(rounds)} sure)"
        words = f"intervals: of the median of {fewest} to {rounds} rounds"
        if fewest >= ENOUGH_ROUNDS:
            return f"{words} (at least {CONFIDENCE:.0%} sure)"
        return f"{words} ({_percent(fewest)} sure for the fewest, {_percent(rounds)} for the most)"
    if fewest == rounds:
        return f"intervals: lowest to highest of {rounds} rounds ({_percent(rounds)} sure)"
    sure = f"{_percent(fewest)} to {_percent(rounds)} sure"
    return f"intervals: lowest to highest of {fewest} to {rounds} rounds ({sure})"


def _percent(rounds: int) -> str:
    """Return the confidence in words."""
    return f"{coverage(rounds):.0%}"


def _binomial(rounds: int, below: int) -> float:
    """Return the probability that exactly `below` of the rounds are below the median."""
    return float(comb(rounds, below) / (1 << rounds))
