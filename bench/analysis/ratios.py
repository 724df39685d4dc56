"""Ratios of two cases over their rounds, with exact intervals: paired within a run, or across two.

All computations use logarithms, so that a/b is exactly the inverse of b/a (Fleming and Wallace,
"How not to lie with statistics", CACM 29(3), 1986). They assume no distribution: the interval is
the set of ratios that a rank test at 5 % does not reject. So its confidence is the same at six
rounds as at sixty; a bootstrap of six rounds is too narrow.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from bench.analysis.stats import CONFIDENCE, ENOUGH_ROUNDS, Interval, middle_of, once

__all__ = ["ENOUGH_ROUNDS", "ratio_of_rounds", "ratio_of_runs"]

_EXACT_UP_TO = 50
"""The rounds of a side up to which ranks are exact; beyond, the normal approximation is as good."""
_Z = 1.959964
"""The normal distribution's 97.5 % quantile."""


def ratio_of_rounds(
    numerators: Mapping[int, float], denominators: Mapping[int, float]
) -> Interval | None:
    """Return the ratio of paired rounds, by round number.

    Rounds are interleaved, so a pair shares the machine's state.

    Hodges and Lehmann's estimate, the median of all pairs' averages, with the interval of
    Wilcoxon's signed-rank test (Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*,
    3rd edition, 2014, section 3.3). It assumes only that the logarithms are symmetric around
    the true one. Those of two equal cases are, because their names could be swapped.
    Up to 5 rounds the interval is their range, with the confidence of `stats.coverage`. Rounds that
    only one side has, or in which a side is not above zero, are no pair.
    Return None without any pair.
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
        return once(float(np.exp(logs[0]))) if rounds else None
    one, other = _pairs(rounds)
    return _interval((logs[one] + logs[other]) / 2, _signed_rank(rounds), rounds)


@lru_cache(maxsize=4)
def _pairs(rounds: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of every pair of rounds, each with itself too."""
    return np.triu_indices(rounds)


def ratio_of_runs(numerators: Sequence[float], denominators: Sequence[float]) -> Interval | None:
    """Return the ratio of two cases whose rounds were not interleaved: the rounds of two runs.

    Hodges and Lehmann's estimate, the median ratio of every round of the one to every round of the
    other, with the interval of Mann and Whitney's test (as above, section 4.3). Its `rounds` are
    those of the smaller side. An effect on a whole run (a busy day) shifts the ratio; the interval
    does not show it. Only more runs would.
    """
    tops, bottoms = (
        np.log([value for value in side if value > 0]) for side in (numerators, denominators)
    )
    rounds = min(len(tops), len(bottoms))
    if rounds == 0:
        return None
    differences = (tops[:, None] - bottoms[None, :]).ravel()
    if rounds == 1:
        return once(float(np.exp(np.median(differences))))
    return _interval(differences, _rank_sum(len(tops), len(bottoms)), rounds)


def _interval(logs: NDArray[np.float64], rank: int, rounds: int) -> Interval:
    """Return the interval from the `rank`-th lowest to the `rank`-th highest, counted from 1."""
    ordered = np.sort(logs)
    median, low, high = np.exp([middle_of(ordered), ordered[rank - 1], ordered[-rank]]).tolist()
    return Interval(median, low, high, rounds)


@lru_cache(maxsize=64)
def _signed_rank(rounds: int) -> int:
    if rounds > _EXACT_UP_TO:
        pairs = rounds * (rounds + 1)
        return _normal_rank(pairs / 4, (pairs * (2 * rounds + 1) / 24) ** 0.5)
    # Each rank belongs to a positive difference or not, with equal chances, independently.
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
    """Return the number of lowest sums whose joint probability is small enough; at least 1."""
    unlikely = np.cumsum(chances) <= (1 - CONFIDENCE) / 2
    return max(1, int(np.count_nonzero(unlikely)))


def _normal_rank(mean: float, deviation: float) -> int:
    return max(1, round(mean - _Z * deviation))
