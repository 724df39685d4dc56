"""Is it a difference? The one place where findings ask."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats as scipy_stats

from bench import stats
from bench.stats import Interval
from bench.summary import Summary

SURE = 0.95


@dataclass(frozen=True)
class Judgement:
    """The ratio of two cases' figures, and whether it can be told from one."""

    ratio: Interval
    apart: bool


def judge(figure: str, numerator: Summary, denominator: Summary) -> Judgement | None:
    """How many times the one's figure (a field of `Round`) is the other's, by paired rounds.

    None where nothing can be said: fewer than two pairs of rounds, or a case of which something
    failed.
    """
    if numerator.marked or denominator.marked:
        return None
    return judge_rounds(numerator.by_round(figure), denominator.by_round(figure))


def judge_rounds(
    numerators: Mapping[int, float], denominators: Mapping[int, float]
) -> Judgement | None:
    """As `judge`, of one figure a round, by the number of the round.

    Apart: the interval over rounds holds no 1, and a t-test on the logarithms of the ratios finds
    the same at 95 %. The interval alone would not do: of three rounds it is their range, which
    misses the truth every fourth time.
    """
    ratio = stats.ratio_of_rounds(numerators, denominators)
    if ratio is None or ratio.low is None or ratio.high is None:
        return None
    pairs = numerators.keys() & denominators.keys()
    known = [n for n in pairs if numerators[n] > 0 and denominators[n] > 0]
    logs = np.log([numerators[n] / denominators[n] for n in known])
    outside = ratio.low > 1 or ratio.high < 1
    return Judgement(ratio, bool(outside and _differs_from_zero(logs)))


def _differs_from_zero(values: np.ndarray) -> bool:
    """Student's t-test of one sample."""
    if np.ptp(values) < 1e-12:  # every round says the same, and it is not zero
        return True
    return bool(scipy_stats.ttest_1samp(values, 0).pvalue < 1 - SURE)


def judge_apart(numerator: Summary, denominator: Summary, figure: str) -> Judgement | None:
    """As `judge`, of cases whose rounds are no pairs: they were measured in different runs.

    The interval is as wide as both can make it: the one's lowest over the other's highest, and the
    reverse. Apart: it holds no 1, and Welch's t-test on the logarithms of the rounds agrees.
    """
    if numerator.marked or denominator.marked:
        return None
    above, below = (
        [value for value in each.by_round(figure).values() if value > 0]
        for each in (numerator, denominator)
    )
    over, under = stats.median_over_rounds(above), stats.median_over_rounds(below)
    if over is None or under is None or None in (over.low, over.high, under.low, under.high):
        return None
    low, high = (over.low or 0) / (under.high or 1), (over.high or 0) / (under.low or 1)
    ratio = Interval(over.median / under.median, low, high, min(over.rounds, under.rounds))
    outside = low > 1 or high < 1
    return Judgement(ratio, bool(outside and _differ(np.log(above), np.log(below))))


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    """Welch's t-test of two samples."""
    if np.ptp(one) < 1e-12 and np.ptp(other) < 1e-12:
        return True
    return bool(scipy_stats.ttest_ind(one, other, equal_var=False).pvalue < 1 - SURE)
