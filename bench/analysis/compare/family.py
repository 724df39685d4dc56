"""The evidence for a change of one case, and the control of error over all cases together.

Of a hundred equal cases, a test at 5 % calls five different. So what is said of the whole family of
cases is adjusted: Holm's method keeps the chance of even one wrong statement at 5 % or less, for
any dependence between the cases (Holm, "A Simple Sequentially Rejective Multiple Test Procedure",
Scandinavian Journal of Statistics 6(2), 1979).

The rank test of one case cannot be adjusted: of 6 rounds against 6, its smallest probability is 1
of 924, and a hundred cases need 1 of 2,000. So here Student's t is used, with a variance that has
the chance between rounds and the luck of a process, and degrees of freedom by Welch and
Satterthwaite. Heavy tails make it stricter, not laxer: `bench audit` shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log1p, sqrt

import numpy as np
from numpy.typing import NDArray

from bench.analysis.noise_floor import NoiseFloor
from bench.analysis.student import student_quantile, student_tail

POWER = 0.8
"""The probability with which the smallest visible slowdown is seen."""

Logs = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """The slowdown of a case in another run, in logarithms, and its uncertainty."""

    slowdown: float
    """The logarithm of the slowdown: positive is slower, for every figure."""
    chance: float
    """The standard error of the slowdown, from the rounds; with sets of processes
    (`bench.analysis.compare.process_sets`) from their centres, and then `luck` is part of it."""
    chance_free: float
    luck: float
    """The deviation of the slowdown of two equal processes, from the A/A pairs."""
    luck_free: float

    @property
    def deviation(self) -> float:
        return sqrt(self.chance**2 + self.luck**2)

    @property
    def free(self) -> float:
        """The degrees of freedom of the deviation (Welch and Satterthwaite)."""
        spread = self.chance**4 / self.chance_free + self.luck**4 / self.luck_free
        return self.deviation**4 / spread if spread > 0 else self.chance_free

    def p_slower(self, margin: float = 0.0) -> float:
        """Return the probability of this much slowdown if the true one were the margin.

        `margin` is a share: 0.1 is 10 %.
        """
        beyond = self.slowdown - log1p(margin)
        if self.deviation == 0:
            return 0.0 if beyond > 0 else 1.0
        return student_tail(self.free, beyond / self.deviation)

    @property
    def p_different(self) -> float:
        """The probability of a change of this size, in either direction, if nothing changed."""
        if self.deviation == 0:
            return 0.0 if self.slowdown else 1.0
        return min(1.0, 2 * student_tail(self.free, abs(self.slowdown) / self.deviation))

    def visible(self, width: float, floor: float) -> float:
        """Return the smallest slowdown that is seen with a probability of 80 %, as a share.

        `width` is the distance from the slowdown to the lower end of its interval, in logarithms,
        and `floor` the noise floor as a factor: the observed slowdown must be beyond both.

        All three are from an estimated deviation. Of few values it is too small more often than too
        large, so it is divided by its median, in units of the true one: the cube root of chi-square
        over its degrees of freedom is normal with a mean of 1 - 2 / (9 f) (Wilson and Hilferty,
        "The Distribution of Chi-Square", PNAS 17(12), 1931). Luck from A/A pairs has a standard
        error more already.
        """
        least = max(width, float(np.log(floor)))
        typical = 1.0 if self.luck else (1 - 2 / (9 * max(1.0, self.free))) ** 1.5
        return exp((least + student_quantile(self.free, POWER) * self.deviation) / typical) - 1


def evidence_of(
    base: Logs, other: Logs, floor: NoiseFloor | None, processes: int = 1
) -> Evidence | None:
    """Return the evidence from the logarithms of a case's rounds in two runs; more is slower.

    `floor` is from the A/A pairs of the case's kind in both runs. `processes` is the number of
    processes that the other's rounds come from. Return None with fewer than two rounds on a side.
    """
    if min(len(base), len(other)) < 2:
        return None
    shift = float(np.median(other[:, None] - base[None, :]))
    squares = sum(float(np.square(side - side.mean()).sum()) for side in (base, other))
    free = len(base) + len(other) - 2
    chance = sqrt(squares / free * (1 / len(base) + 1 / len(other)))
    luck_variance = floor.careful_luck_variance if floor else 0.0
    luck = sqrt(luck_variance * (1 + 1 / processes) / 2)
    return Evidence(shift, chance, free, luck, len(floor.pairs) if floor else inf)


def holm(probabilities: Sequence[float]) -> list[float]:
    """Return the adjusted probabilities, in the given order.

    A statement whose adjusted probability is at most 5 % may be made: the chance that any such
    statement of the family is wrong is then at most 5 %.
    """
    adjusted = [1.0] * len(probabilities)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(probabilities)), key=probabilities.__getitem__)):
        largest = max(largest, (len(probabilities) - place) * probabilities[index])
        adjusted[index] = min(1.0, largest)
    return adjusted
