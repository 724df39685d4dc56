"""Ratios of two cases over their rounds, with exact intervals: paired within a run, or across two.

All on logarithms, so that a/b is exactly the inverse of b/a (Fleming and Wallace, "How not to lie
with statistics", CACM 29(3), 1986), and without assuming a distribution: the interval is the set
of ratios that a rank test at 5 % does not reject. So it promises the same at six rounds as at
sixty; a bootstrap of six rounds is too narrow (`stats.median_over_rounds`).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from bench.analysis.stats import CONFIDENCE, Interval

ENOUGH_ROUNDS = 6
"""The fewest pairs that can promise 95 %: all of n fall on one side with probability 2 x 2^-n."""

_EXACT_UP_TO = 50
"""Rounds of a side; beyond, the normal approximation is as good."""
_Z = 1.959964
"""The normal distribution's 97.5 % quantile."""


def ratio_of_rounds(
    numerators: Mapping[int, float], denominators: Mapping[int, float]
) -> Interval | None:
    """The ratio of paired rounds, by round number: interleaved, they share the machine's mood.

    Hodges and Lehmann's estimate, the median of all pairs' averages, with the interval of
    Wilcoxon's signed-rank test (Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*,
    3rd edition, 2014, section 3.3). It asks only that the logarithms lie symmetrically around
    the true one, and those of two cases that do not differ do: their names could be swapped.
    Up to 5 rounds the interval is their range, and worth what `stats.coverage` says. Rounds that
    only one side has, or in which a side is not above zero, are no pair; None without any pair.
    """
    logs = np.array(
        [
            np.log(numerators[number] / denominators[number])
            for number in sorted(numerators.keys() & denominators.keys())
            if numerators[number] > 0 and denominators[number] > 0
        ]
    )
    rounds = len(logs)
    if rounds < 2:
        return Interval(float(np.exp(logs[0])), None, None, 1) if rounds else None
    one, other = np.triu_indices(rounds)
    return _interval((logs[one] + logs[other]) / 2, _signed_rank(rounds), rounds)


def ratio_of_runs(numerators: Sequence[float], denominators: Sequence[float]) -> Interval | None:
    """The ratio of two cases whose rounds were not interleaved: those of two runs.

    Hodges and Lehmann's estimate, the median ratio of every round of the one to every round of the
    other, with the interval of Mann and Whitney's test (as above, section 4.3). Its `rounds` are
    those of the smaller side. What hits a whole run (a busy day) is in the ratio, and not in the
    interval: only more runs would show it.
    """
    tops, bottoms = (
        np.log([value for value in side if value > 0]) for side in (numerators, denominators)
    )
    rounds = min(len(tops), len(bottoms))
    if rounds == 0:
        return None
    differences = (tops[:, None] - bottoms[None, :]).ravel()
    if rounds == 1:
        return Interval(float(np.exp(np.median(differences))), None, None, 1)
    return _interval(differences, _rank_sum(len(tops), len(bottoms)), rounds)


def _interval(logs: NDArray[np.float64], rank: int, rounds: int) -> Interval:
    """From the `rank`-th lowest to the `rank`-th highest, from 1."""
    ordered = np.sort(logs)
    median, low, high = np.exp([np.median(ordered), ordered[rank - 1], ordered[-rank]]).tolist()
    return Interval(median, low, high, rounds)


@lru_cache(maxsize=64)
def _signed_rank(rounds: int) -> int:
    if rounds > _EXACT_UP_TO:
        pairs = rounds * (rounds + 1)
        return _normal_rank(pairs / 4, (pairs * (2 * rounds + 1) / 24) ** 0.5)
    # Each rank is of a positive difference, or not: as likely, and none depends on another.
    chances = np.ones(1)
    for rank in range(1, rounds + 1):
        none = np.zeros(rank)
        chances = (np.concatenate([chances, none]) + np.concatenate([none, chances])) / 2
    return _exact_rank(chances)


@lru_cache(maxsize=256)
def _rank_sum(tops: int, bottoms: int) -> int:
    if max(tops, bottoms) > _EXACT_UP_TO // 2:
        product = tops * bottoms
        return _normal_rank(product / 2, (product * (tops + bottoms + 1) / 12) ** 0.5)
    # How often each sum occurs: the coefficients of a Gaussian binomial, factor by factor.
    counts = np.zeros(tops * bottoms + 1)
    counts[0] = 1
    for factor in range(1, tops + 1):
        above = bottoms + factor
        counts[above:] -= counts[:-above].copy() if above < len(counts) else 0
        for start in range(factor):
            counts[start::factor] = np.cumsum(counts[start::factor])
    return _exact_rank(counts / comb(tops + bottoms, tops))


def _exact_rank(chances: NDArray[np.float64]) -> int:
    """How many of the lowest sums are, together, unlikely enough; at least 1."""
    unlikely = np.cumsum(chances) <= (1 - CONFIDENCE) / 2
    return max(1, int(np.count_nonzero(unlikely)))


def _normal_rank(mean: float, deviation: float) -> int:
    return max(1, round(mean - _Z * deviation))
