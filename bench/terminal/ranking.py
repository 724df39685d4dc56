"""The best of a column of a table, and those that can't be told from it."""

from collections.abc import Mapping, Sequence

from bench.ratios import ratio_of_rounds
from bench.stats import Interval
from bench.verdict import apart

Rounds = Mapping[int, float]
"""Round number -> value."""


def leaders(
    medians: Sequence[Interval | None],
    rounds: Sequence[Rounds],
    *,
    more_is_better: bool,
    floor: float = 1.0,
) -> set[int]:
    """The places of the best median, and of all that differ from it within chance or the floor.

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

    best = (max if more_is_better else min)(ranked, key=median)
    same = {at for at in ranked if not apart(ratio_of_rounds(rounds[at], rounds[best]), floor)} | {
        best
    }
    return same if len(same) < len(ranked) else set()
