"""The decision whether two cases differ. All findings use it."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.analysis.figure import THROUGHPUT, Figure
from bench.analysis.noise_floor import NoiseFloor
from bench.analysis.ratios import ENOUGH_ROUNDS, ratio_of_rounds
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.verdict import apart
from bench.model.case import Case


@dataclass(frozen=True)
class Judgement:
    """The ratio of two cases' figures, with its interval, and whether it differs from 1."""

    ratio: Interval
    decided: bool
    """Whether there are enough rounds for a verdict; with fewer, neither equal nor different."""
    apart: bool


def judge(
    numerator: Summary,
    denominator: Summary,
    floor: NoiseFloor | None,
    figure: Figure = THROUGHPUT,
) -> Judgement | None:
    """Return the ratio of two cases' figures, by the paired rounds of one run.

    Return None with fewer than two pairs of rounds, or if something of a case failed.
    """
    if numerator.marked or denominator.marked:
        return None
    ratio = ratio_of_rounds(numerator.by_round(figure), denominator.by_round(figure))
    return _judged(ratio, floor_between(floor, numerator.case, denominator.case))


def judge_rounds(
    numerators: Mapping[int, float],
    denominators: Mapping[int, float],
    floor: float = 1.0,
) -> Judgement | None:
    """Return the judgement on one value a round, by the number of the round; see `judge`.

    `floor` is the factor within which a difference is noise.

    `apart` means what `bench.analysis.verdict` calls faster or slower.
    """
    return _judged(ratio_of_rounds(numerators, denominators), floor)


def floor_between(floor: NoiseFloor | None, *cases: Case) -> float:
    """Return the factor within which a difference of these cases is noise; 1 without a floor."""
    return max(floor.for_case(case) for case in cases) if floor else 1.0


def _judged(ratio: Interval | None, floor: float) -> Judgement | None:
    if ratio is None or ratio.low is None or ratio.high is None:
        return None
    decided = ratio.rounds >= ENOUGH_ROUNDS
    return Judgement(ratio, decided, decided and apart(ratio, floor))
