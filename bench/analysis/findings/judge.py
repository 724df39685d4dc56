"""Is it a difference? The one place where findings ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.figure import THROUGHPUT, Figure
from bench.analysis.ratios import ENOUGH_ROUNDS, ratio_of_rounds, ratio_of_runs
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.verdict import NoiseFloor, apart


@dataclass(frozen=True)
class Judgement:
    """The ratio of two cases' figures, with its interval, and whether it can be told from one."""

    ratio: Interval
    decided: bool
    """Whether there are rounds enough to say either; of fewer, nothing is apart or alike."""
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

    Apart is what `bench.analysis.verdict` calls faster or slower.
    """
    return _judged(ratio_of_rounds(numerators, denominators), floor)


def judge_runs(
    numerators: Sequence[float], denominators: Sequence[float], floor: NoiseFloor | None = None
) -> Judgement | None:
    """The same of two runs, whose rounds are no pairs."""
    return _judged(ratio_of_runs(numerators, denominators), floor)


def _judged(ratio: Interval | None, floor: NoiseFloor | None) -> Judgement | None:
    if ratio is None or ratio.low is None or ratio.high is None:
        return None
    decided = ratio.rounds >= ENOUGH_ROUNDS
    return Judgement(ratio, decided, decided and apart(ratio, floor.factor if floor else 1.0))
