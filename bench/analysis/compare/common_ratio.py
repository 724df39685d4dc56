"""The common ratio of two runs: what all cases of one run share against the other.

A busier machine slows every case of a run, and so does a slower version of something that all cases
use. The common ratio is printed and judged by itself. It is divided out of each case's ratio, round
by round, so that it neither makes a hundred cases look slower nor hides the one that is.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from bench.analysis.compare.family import Evidence, evidence_of
from bench.analysis.ratios import ENOUGH_ROUNDS, ratio_of_runs
from bench.analysis.stats import Interval

FEWEST_CASES = 10
"""The fewest cases with a common ratio. Of a few, one that changed would decide it."""

LAG_CORRELATION = 0.37
"""The correlation of raw neighbouring rounds that was measured: the effective number of rounds is
smaller by (1 - r) / (1 + r) (Bayley and Hammersley, "The 'Effective' Number of Independent
Observations in an Autocorrelated Time Series", Journal of the Royal Statistical Society 8(2),
1946). Ratios of paired rounds do not have it."""

Series = Mapping[int, float]
"""Round number -> logarithm of a figure; more is slower."""


@dataclass(frozen=True)
class CommonRatio:
    """The common ratio of two runs, as a slowdown."""

    slowdown: Interval
    """The factor by which all cases together are slower: below 1, they are faster."""
    evidence: Evidence | None
    cases: int


@dataclass(frozen=True)
class Divided:
    """The series of two runs, case by case, without what is common to a round."""

    base: tuple[Series, ...]
    other: tuple[Series, ...]
    common: CommonRatio | None
    """None if there are too few cases: then nothing was divided out."""


def divide_out(
    base: Sequence[Series], other: Sequence[Series], leave_out: Collection[int] = ()
) -> Divided:
    """Return the series without their common ratio. Both sides have the same cases in one order.

    The factor of a round is the median over cases of the round's distance from the case's median in
    the base run. So it contains the common ratio of the runs. A change of fewer than half of the
    cases does not move it much; a change of half of them is split between the common ratio and the
    cases. The cases at the places in `leave_out` do not decide it, if enough others remain.
    """
    measured = [place for place in range(len(base)) if base[place] and other[place]]
    chosen = [place for place in measured if place not in leave_out]
    known = chosen if len(chosen) >= FEWEST_CASES else measured
    if len(known) < FEWEST_CASES:
        return Divided(tuple(base), tuple(other), None)
    medians = {place: float(np.median(list(base[place].values()))) for place in known}
    factors = [_factors(side, medians) for side in (base, other)]
    below, above = (np.array([factor[n] for n in sorted(factor)]) for factor in factors)
    slowdown = ratio_of_runs(np.exp(above).tolist(), np.exp(below).tolist())
    assert slowdown is not None, "there are rounds"
    evidence = evidence_of(below, above, None)
    if evidence:
        wider = sqrt((1 + LAG_CORRELATION) / (1 - LAG_CORRELATION))
        evidence = replace(evidence, chance=evidence.chance * wider)
    common = CommonRatio(slowdown, evidence, len(known))
    return Divided(_divided(base, factors[0]), _divided(other, factors[1]), common)


def _divided(side: Sequence[Series], factor: Mapping[int, float]) -> tuple[Series, ...]:
    return tuple({n: log - factor[n] for n, log in series.items()} for series in side)


def apart(common: CommonRatio, factor: float) -> bool:
    """Return whether the common ratio differs from 1, beyond the effect of other programs."""
    slowdown = common.slowdown
    if slowdown.low is None or slowdown.high is None or slowdown.rounds < ENOUGH_ROUNDS:
        return False
    return not (slowdown.low <= 1 <= slowdown.high or 1 / factor <= slowdown.median <= factor)


def visible(common: CommonRatio, factor: float) -> float | None:
    """Return the smallest common slowdown that would be seen, as a share; None if none would."""
    slowdown, evidence = common.slowdown, common.evidence
    if slowdown.low is None or slowdown.rounds < ENOUGH_ROUNDS or evidence is None:
        return None
    return evidence.visible(float(np.log(slowdown.median / slowdown.low)), factor)


def _factors(side: Sequence[Series], medians: Mapping[int, float]) -> dict[int, float]:
    """Return round number -> the median distance of the round from the medians of its cases.

    A round of too few cases has the median factor of the others.
    """
    distances: dict[int, list[float]] = {}
    for place, median in medians.items():
        for number, log in side[place].items():
            distances.setdefault(number, []).append(log - median)
    enough = {n: float(np.median(d)) for n, d in distances.items() if len(d) >= FEWEST_CASES}
    whole = float(np.median([distance for each in distances.values() for distance in each]))
    typical = float(np.median(list(enough.values()))) if enough else whole
    numbers = {number for series in side for number in series}
    return {number: enough.get(number, typical) for number in numbers}
