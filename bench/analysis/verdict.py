"""The verdict on two cases: faster, slower, indistinguishable or undecided.

    floor = noise_floor(summaries)
    verdict = compare(asyncpg, psycopg, floor=floor)    # is psycopg faster than asyncpg?
    verdict.word, verdict.ratio, str(verdict)

A difference must pass two tests. The first rules out chance between rounds: the ratio's interval
must exclude 1. The second rules out that two processes of the same program differ, which no number
of rounds shows: the ratio must be beyond the noise floor for cases of this kind
(`bench.analysis.noise_floor`).
"""

from dataclasses import dataclass
from typing import Literal

from bench.analysis.figure import THROUGHPUT, Figure
from bench.analysis.noise_floor import NoiseFloor, noise_floor
from bench.analysis.ratios import ENOUGH_ROUNDS, ratio_of_rounds
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary

__all__ = [
    "NoiseFloor",
    "Verdict",
    "Word",
    "apart",
    "compare",
    "in_words",
    "noise_floor",
    "word_of",
]

Word = Literal["faster", "slower", "indistinguishable", "undecided"]
"""`undecided`: too few rounds to say anything with 95 % confidence."""


@dataclass(frozen=True)
class Verdict:
    """The comparison of case `b` with case `a`."""

    word: Word
    ratio: Interval | None
    """The figure of `b` over that of `a`; None if they have no round in common."""
    floor: float | None
    """The factor within which a difference is noise; None if no case was measured twice."""

    def __str__(self) -> str:
        return self.word if self.ratio is None else f"{self.word}: {in_words(self.ratio)}"


def compare(
    a: Summary, b: Summary, figure: Figure = THROUGHPUT, floor: NoiseFloor | None = None
) -> Verdict:
    """Return the verdict on `b` against `a` in the same run, by the paired rounds of this figure.

    Two runs are compared by `bench.analysis.compare.cases`.
    """
    ratio = ratio_of_rounds(b.by_round(figure), a.by_round(figure))
    factor = max(floor.for_case(case) for case in (a.case, b.case)) if floor else None
    return Verdict(word_of(ratio, figure, factor or 1.0), ratio, factor)


def apart(ratio: Interval | None, floor: float) -> bool:
    """Return whether the interval excludes 1, and the ratio is beyond the noise floor's factor."""
    if ratio is None or ratio.low is None or ratio.high is None:
        return False
    return not (ratio.low <= 1 <= ratio.high or 1 / floor <= ratio.median <= floor)


def in_words(ratio: Interval) -> str:
    """Return `1.21x (1.15 to 1.27)`; without the interval for a single round."""
    if ratio.low is None or ratio.high is None:
        return f"{_times(ratio.median)}x"
    return f"{_times(ratio.median)}x ({_times(ratio.low)} to {_times(ratio.high)})"


def word_of(ratio: Interval | None, figure: Figure, floor: float) -> Word:
    """Return the verdict on a ratio, if a ratio within the factor `floor` is noise."""
    if ratio is None or ratio.low is None or ratio.high is None or ratio.rounds < ENOUGH_ROUNDS:
        return "undecided"
    if not apart(ratio, floor):
        return "indistinguishable"
    return "faster" if (ratio.median > 1) is figure.more_is_better else "slower"


def _times(ratio: float) -> str:
    return f"{ratio:.3g}" if ratio < 0.1 or ratio >= 10 else f"{ratio:.2f}"
