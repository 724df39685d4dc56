"""The best values of a table's column: those that no other is surely better than."""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt

import numpy as np

from bench.analysis.figure import FIGURES, Figure
from bench.analysis.noise_floor import NoiseFloor, noise_floor
from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.stats import CONFIDENCE, Interval
from bench.analysis.student import student_quantile
from bench.analysis.summary import Summary
from bench.analysis.verdict import apart

Rounds = Mapping[int, float]
"""Round number -> value."""


def floors(summaries: Iterable[Summary]) -> dict[Figure, NoiseFloor]:
    """Return figure -> its noise floor, for the figures that have one."""
    measured = list(summaries)
    by_figure = {figure: noise_floor(measured, figure) for figure in FIGURES.values()}
    return {figure: floor for figure, floor in by_figure.items() if floor}


def _rounds_of(summary: Summary, figure: Figure) -> Rounds:
    """Return the ranked values by round. A buffered first row arrives with the last row."""
    first_row, buffered = figure == FIGURES["first-row"], summary.case.fetch.mode == "buffered"
    return summary.by_round(FIGURES["p50"] if first_row and buffered else figure)


def leaders(
    figure: Figure,
    group: Sequence[Summary],
    medians: Sequence[Interval | None],
    floors: Mapping[Figure, NoiseFloor],
) -> set[int]:
    """Return the indexes of all values that no other value of the group is surely better than.

    `medians` has one median for each summary of the group; a None, or a median without an interval,
    is not ranked.

    Paired rounds decide, with any number of rounds. A value is surely better if the ratio passes
    the tests of a verdict (`bench.analysis.verdict.apart`), and if it would still be significant
    after as many comparisons as the group has pairs (`_sure`). So among equal backends all are
    marked in at least 95 of 100 tables. The result is empty, and nothing is ranked, if no value is
    surely worse than another, or if fewer than two have more than one round.
    """
    ranked = [at for at, median in enumerate(medians) if median and median.low is not None]
    if len(ranked) < 2:
        return set()
    rounds = {at: _rounds_of(group[at], figure) for at in ranked}
    floor, pooled = floors.get(figure), _pooled_deviation(list(rounds.values()))

    def beats(better: int, worse: int) -> bool:
        ratio = ratio_of_rounds(rounds[better], rounds[worse])
        if ratio is None or (ratio.median > 1) is not figure.more_is_better:
            return False
        pairs = len(ranked) * (len(ranked) - 1) // 2
        cases = (group[better].case, group[worse].case)
        noise = max(floor.for_case(case) for case in cases) if floor else 1.0
        return apart(ratio, noise) and _sure(rounds[better], rounds[worse], pooled, pairs)

    # The best medians beat most others, so they are tried first.
    sign = -1 if figure.more_is_better else 1
    by_median = sorted(ranked, key=lambda at: sign * (_median(medians[at])))
    best = {at for at in ranked if not any(beats(other, at) for other in by_median if other != at)}
    return best if 0 < len(best) < len(ranked) else set()


def _median(interval: Interval | None) -> float:
    return interval.median if interval else 0.0


def _logs(one: Rounds, other: Rounds) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return the logarithms of the ratios of paired rounds."""
    shared = sorted(one.keys() & other.keys())
    return np.array(
        [
            np.log(one[number] / other[number])
            for number in shared
            if one[number] > 0 and other[number] > 0
        ]
    )


def _sure(better: Rounds, worse: Rounds, pooled: tuple[float, int], pairs: int) -> bool:
    """Return whether the mean difference is significant at 5 % for all pairs together.

    Student's t on the logarithms of paired rounds, at 5 % divided by the number of pairs
    (Bonferroni). The standard deviation is the larger of the pair's own one and of the one that all
    cases of the group share: that of three rounds alone is often much too small by chance.
    """
    logs = _logs(better, worse)
    if len(logs) < 2:
        return False
    deviation, freedom = pooled
    own = float(np.std(logs, ddof=1))
    error = max(own, sqrt(2) * deviation) / sqrt(len(logs))
    if error == 0:
        return True
    return abs(float(np.mean(logs))) > _quantile(max(freedom, len(logs) - 1), pairs) * error


def _pooled_deviation(rounds: Sequence[Rounds]) -> tuple[float, int]:
    """Return the standard deviation of a case's logarithms, and its degrees of freedom.

    It is what remains after the case's mean and the round's mean: an analysis of variance with
    rounds as blocks (Montgomery, *Design and Analysis of Experiments*, chapter 4).
    """
    shared = set.intersection(*(set(of_case) for of_case in rounds))
    shared = {number for number in shared if all(of_case[number] > 0 for of_case in rounds)}
    freedom = (len(rounds) - 1) * (len(shared) - 1)
    if freedom < 1:
        return 0.0, 0
    logs = np.log([[of_case[number] for number in sorted(shared)] for of_case in rounds])
    left = logs - logs.mean(axis=1, keepdims=True) - logs.mean(axis=0) + logs.mean()
    return sqrt(float((left**2).sum()) / freedom), freedom


def _quantile(freedom: int, pairs: int) -> float:
    """Return Student's quantile for 5 % in both directions of all pairs together."""
    return student_quantile(freedom, 1 - (1 - CONFIDENCE) / (2 * pairs))
