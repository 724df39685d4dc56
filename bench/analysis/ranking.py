"""The best value of a table's column, and the values that do not differ from it."""

from collections.abc import Iterable, Mapping, Sequence

from bench.analysis.figure import FIGURES, Figure
from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.verdict import apart, noise_floor

Rounds = Mapping[int, float]
"""Round number -> value."""


def floors(summaries: Iterable[Summary]) -> dict[Figure, float]:
    """Return figure -> the noise floor's factor, for the figures that have one."""
    measured = list(summaries)
    by_figure = {figure: noise_floor(measured, figure) for figure in FIGURES.values()}
    return {figure: floor.factor for figure, floor in by_figure.items() if floor}


def _rounds_of(summary: Summary, figure: Figure) -> Rounds:
    """Return the ranked values by round. A buffered first row arrives with the last row."""
    first_row, buffered = figure == FIGURES["first-row"], summary.case.fetch.mode == "buffered"
    return summary.by_round(FIGURES["p50"] if first_row and buffered else figure)


def leaders(
    figure: Figure,
    group: Sequence[Summary],
    medians: Sequence[Interval | None],
    floors: Mapping[Figure, float],
) -> set[int]:
    """Return the indexes of the best median, and of all that do not differ from it.

    `medians` has one median for each summary of the group; a None is not ranked.

    The ratio of paired rounds decides, as in a verdict, but with any number of rounds: see the
    table's legend for the confidence. The result is empty, and nothing is ranked, if no summary is
    worse than the best, or if fewer than two have more than one round.
    """
    ranked = [at for at, median in enumerate(medians) if median and median.low is not None]
    if len(ranked) < 2:
        return set()

    def median(at: int) -> float:
        interval = medians[at]
        return interval.median if interval else 0.0

    best = (max if figure.more_is_better else min)(ranked, key=median)
    rounds = [_rounds_of(summary, figure) for summary in group]
    floor = floors.get(figure, 1.0)
    same = {at for at in ranked if not apart(ratio_of_rounds(rounds[at], rounds[best]), floor)} | {
        best
    }
    return same if len(same) < len(ranked) else set()
