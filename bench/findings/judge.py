"""Is it a difference? The one place where findings ask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from bench.figure import THROUGHPUT, Figure
from bench.ratios import ENOUGH_ROUNDS, ratio_of_rounds, ratio_of_runs
from bench.stats import CONFIDENCE, Interval
from bench.summary import Summary
from bench.verdict import NoiseFloor


@dataclass(frozen=True)
class Judgement:
    """The ratio of two cases' figures, with its interval, and whether it can be told from one."""

    ratio: Interval
    apart: bool


def judge(
    numerator: Summary,
    denominator: Summary,
    floor: NoiseFloor | None,
    figure: Figure = THROUGHPUT,
) -> Judgement | None:
    """How many times the one's figure is the other's, by the paired rounds of one run.

    None where nothing can be said: fewer than two pairs of rounds, or a case of which something
    failed.
    """
    if numerator.marked or denominator.marked:
        return None
    return judge_rounds(numerator.by_round(figure), denominator.by_round(figure), floor)


def judge_rounds(
    numerators: Mapping[int, float],
    denominators: Mapping[int, float],
    floor: NoiseFloor | None = None,
) -> Judgement | None:
    """As `judge`, of one figure a round, by the number of the round.

    Apart is what `bench.verdict` calls faster or slower: the interval holds no 1, and the ratio
    lies beyond the noise floor. Of fewer rounds than that decides by, a t-test on the logarithms
    of the ratios has to agree: no test of ranks can be sure of so few, and this one pays for its
    certainty by taking them to be normal.
    """
    pairs = sorted(numerators.keys() & denominators.keys())
    known = [n for n in pairs if numerators[n] > 0 and denominators[n] > 0]
    logs = np.log([numerators[n] / denominators[n] for n in known])
    return _judged(ratio_of_rounds(numerators, denominators), floor, lambda: _student(logs))


def judge_runs(
    numerators: Sequence[float], denominators: Sequence[float], floor: NoiseFloor | None = None
) -> Judgement | None:
    """The same of two runs, whose rounds are no pairs."""
    above, below = (np.log([v for v in side if v > 0]) for side in (numerators, denominators))
    return _judged(ratio_of_runs(numerators, denominators), floor, lambda: _welch(above, below))


def _judged(
    ratio: Interval | None, floor: NoiseFloor | None, differ: Callable[[], bool]
) -> Judgement | None:
    if ratio is None or ratio.low is None or ratio.high is None:
        return None
    noise = floor.factor if floor else 1.0
    outside = not ratio.low <= 1 <= ratio.high and not 1 / noise <= ratio.median <= noise
    return Judgement(ratio, outside and (ratio.rounds >= ENOUGH_ROUNDS or differ()))


def _student(logs: NDArray[np.float64]) -> bool:
    """Student's t-test: is their mean another than zero? Of equal ones, there is no doubt."""
    return _all_equal(logs) or bool(scipy_stats.ttest_1samp(logs, 0).pvalue < 1 - CONFIDENCE)


def _welch(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Welch's t-test: are their means different?"""
    if _all_equal(one) and _all_equal(other):
        return True
    return bool(scipy_stats.ttest_ind(one, other, equal_var=False).pvalue < 1 - CONFIDENCE)


def _all_equal(values: NDArray[np.float64]) -> bool:
    return bool(np.ptp(values) < 1e-12)
