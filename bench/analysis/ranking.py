"""The best of a column of a table, and those that can't be told from it."""

from collections.abc import Iterable, Mapping, Sequence

from bench.analysis.figure import FIGURES, Figure
from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.verdict import apart, noise_floor

Rounds = Mapping[int, float]
"""Round number -> value."""


def floors(summaries: Iterable[Summary]) -> dict[Figure, float]:
    """Figure -> how far apart two that do not differ may look, where the run measured that."""
    made = list(summaries)
    found = {figure: noise_floor(made, figure) for figure in FIGURES.values()}
    return {figure: floor.factor for figure, floor in found.items() if floor}


def _rounds_of(summary: Summary, figure: Figure) -> Rounds:
    """What is ranked by. Buffered, the wait for the first row is that for the last."""
    first_row, buffered = figure == FIGURES["first-row"], summary.case.fetch.mode == "buffered"
    return summary.by_round(FIGURES["p50"] if first_row and buffered else figure)


def leaders(
    figure: Figure,
    group: Sequence[Summary],
    medians: Sequence[Interval | None],
    floors: Mapping[Figure, float],
) -> set[int]:
    """The places of the best median, and of all that differ from it within chance or the floor.

    `medians`: of each of the group; None is ranked by nobody.

    Judged as a verdict is, by the ratio of paired rounds, however few they are: what the ratio's
    interval is worth is for the legend to say. Empty where that leaves nobody behind, or where
    there are not two with more than one round: then nothing is ranked.
    """
    ranked = [at for at, median in enumerate(medians) if median and median.low is not None]
    if len(ranked) < 2:
        return set()

    def median(at: int) -> float:
        found = medians[at]
        return found.median if found else 0.0

    best = (max if figure.more_is_better else min)(ranked, key=median)
    rounds = [_rounds_of(summary, figure) for summary in group]
    floor = floors.get(figure, 1.0)
    same = {at for at in ranked if not apart(ratio_of_rounds(rounds[at], rounds[best]), floor)} | {
        best
    }
    return same if len(same) < len(ranked) else set()
