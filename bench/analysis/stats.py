"""Statistics on plain numbers: throughput, quantiles, intervals over rounds.

The unit is the round. Samples of one round share its warm caches, the other programs on the
machine, and chance. So only rounds are resampled. Exact quantiles describe the samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

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

CONFIDENCE = 0.95
RESAMPLES = 9_999
"""So that (RESAMPLES + 1) x 2.5 % is whole: the bounds are resampled medians, not between two."""
SEED = 20_240_318


@dataclass(frozen=True)
class Interval:
    """A median over rounds and its 95 % bootstrap interval, in the unit of its values.

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


def shares_in_window(
    start_ns: ArrayLike, duration_ns: ArrayLike, window_ns: int
) -> NDArray[np.float64]:
    """Return the share of each operation that lies before the deadline, from 0 to 1.

    The rule for work that straddles the deadline: an operation begun before the deadline is
    finished and kept as a sample; it counts toward throughput with the share of its time that lies
    before the deadline. Counting it whole would credit the window with time outside it; dropping
    it would cost slow operations more than fast ones.
    """
    left = window_ns - np.asarray(start_ns, dtype=np.float64)
    duration = np.asarray(duration_ns, dtype=np.float64)
    # An operation too short for the clock is a whole one where it began in time.
    share = np.divide(left, duration, out=(left > 0).astype(np.float64), where=duration > 0)
    return np.clip(share, 0.0, 1.0)


def throughput_per_s(
    start_ns: ArrayLike, duration_ns: ArrayLike, window_ns: int, weights: ArrayLike | None = None
) -> float:
    """Return operations per second of a run: sum(min(1, (window - start) / duration)) / window.

    `weights`: rows of each operation, for rows per second. Give finished operations alone.
    """
    shares = shares_in_window(start_ns, duration_ns, window_ns)
    if weights is not None:
        shares = shares * np.asarray(weights, dtype=np.float64)
    return float(shares.sum()) * NS_PER_S / window_ns


def quantiles(values: ArrayLike) -> dict[str, int]:
    """Return each of QUANTILES, exact: the smallest value that at least that share does not exceed.

    Nearest rank, definition 1 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", The
    American Statistician 50(4), 1996; numpy's `inverted_cdf`. Always a value that was measured;
    of fewer than 1,000 samples, p99.9 is the maximum. Empty for no values.
    """
    numbers = np.asarray(values, dtype=np.int64)
    if not len(numbers):
        return {}
    places = ranks(len(numbers))
    found = np.partition(numbers, places)[places]
    return dict(zip(QUANTILES, found.tolist(), strict=True))


def ranks(amount: int) -> NDArray[np.intp]:
    """Return the place of each of QUANTILES, from 0, among so many values in order."""
    shares = np.array(list(QUANTILES.values()))
    places: NDArray[np.intp] = np.maximum(np.ceil(amount * shares - 1), 0).astype(np.intp)
    return places


def per_operation(total: float | None, operations: int) -> float | None:
    """Return the cost of one finished operation; None without a total or operations."""
    return None if total is None or operations == 0 else total / operations


def median_over_rounds(values: Sequence[float]) -> Interval | None:
    """Return the median of one value a round, with its 95 % percentile bootstrap interval.

    Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13: resample the rounds
    with replacement, take the median of each resample, and the 2.5 % and 97.5 % quantiles of
    those. Seeded: the same rounds give the same interval.

    Its confidence: up to 5 rounds the interval is the range from the lowest to the highest round.
    It contains the true median with probability 1 - 2^(1-n) (`coverage`): 75 % for n = 3, 88 % for
    4, 94 % for 5. From 6 to 20 rounds it contains it 87 to 96 times of 100 (simulated, normal
    rounds). Return None for no rounds, and no bounds for one.
    """
    if not values:
        return None
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    rounds = len(ordered)
    if rounds == 1:
        return Interval(float(ordered[0]), None, None, 1)
    lower, upper = _middles(rounds)
    medians = (ordered[lower] + ordered[upper]) / 2
    place = round((RESAMPLES + 1) * (1 - CONFIDENCE) / 2)
    placed = np.partition(medians, [place - 1, RESAMPLES - place])
    low, high = float(placed[place - 1]), float(placed[RESAMPLES - place])
    return Interval(float(np.median(ordered)), low, high, rounds)


def coverage(rounds: int) -> float:
    """Return the probability that the range of so many rounds encloses the true median.

    The most that any interval within the range can promise without assuming a distribution: all
    rounds fall on one side with probability 2 x 2^-n (David and Nagaraja, *Order Statistics*, 3rd
    edition, 2003, section 7.1).
    """
    return 1 - 2.0 ** (1 - rounds) if rounds else 0.0


def describe_interval(rounds: int, fewest: int | None = None) -> str:
    """Return the meaning of the intervals of so many rounds, in words for a caption.

    `fewest` is the fewest rounds of any interval, if some have fewer.
    """
    if rounds < 2:
        return "one round: no intervals"
    if rounds > 5:
        words = f"intervals: 95 % bootstrap over {rounds} rounds"
        return words if (fewest or rounds) > 5 else f"{words}, lowest to highest of fewer than 6"
    if fewest is None or fewest == rounds:
        return f"intervals: lowest to highest of {rounds} rounds ({coverage(rounds):.0%} sure)"
    sure = f"{coverage(fewest):.0%} to {coverage(rounds):.0%} sure"
    return f"intervals: lowest to highest of {fewest} to {rounds} rounds ({sure})"


@lru_cache(maxsize=64)
def _middles(rounds: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the ranks of the two middle rounds of each resample (equal for odd counts).

    Every resample has a mirror image among them, so that no interval is biased, and the interval of
    1/a is the inverse of the interval of a. The rounds themselves are the one without a pair.
    """
    random = np.random.default_rng(SEED)
    drawn = np.sort(random.integers(0, rounds, size=(RESAMPLES // 2, rounds)), axis=1)
    ranks = np.vstack([drawn, np.arange(rounds)[None], (rounds - 1 - drawn)[:, ::-1]])
    return ranks[:, (rounds - 1) // 2].copy(), ranks[:, rounds // 2].copy()
