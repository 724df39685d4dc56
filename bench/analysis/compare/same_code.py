"""The evidence for a change of a case, from several runs of the reference's code.

Few cases have no common ratio, and one reference cannot tell a slower machine from slower code.
Runs of the same code, of other days, differ by what the machine and the start of the server and of
the processes do. So their spread tells how far one more run of that code would be from them,
whatever the cause: the prediction interval for a further observation (Hahn and Meeker,
*Statistical Intervals*, 1991, chapter 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, sqrt

import numpy as np

from bench.analysis.compare.family import Evidence, Logs
from bench.analysis.stats import CONFIDENCE
from bench.analysis.student import student_quantile

LEAST_RUNS = 3
"""The fewest runs of the reference's code, itself included. Of two, the spread has one degree of
freedom, and only a change of twelve times the spread would be sure."""


@dataclass(frozen=True)
class SameCode:
    """The change of a case against several runs of the reference's code."""

    evidence: Evidence
    runs: int
    """The number of these runs."""

    @property
    def spread(self) -> float:
        """The deviation of one such run from another's expected figure, as a share."""
        return exp(self.evidence.chance / sqrt(1 + 1 / self.runs)) - 1

    @property
    def visible(self) -> float:
        """The smallest slowdown that is beyond these runs with a probability of 80 %, as a share.

        A machine that is faster than in these runs hides a smaller one.
        """
        known = self.evidence
        return known.visible(student_quantile(known.free, CONFIDENCE) * known.deviation, 1.0)


def against_same_code(runs: Sequence[Logs], later: Logs) -> SameCode | None:
    """Return the change of a case from runs of one code, each the logarithms of its rounds.

    `later`: those of the other run; more is slower. None with fewer than `LEAST_RUNS` runs.
    """
    middles = np.array([float(np.median(logs)) for logs in runs if len(logs)])
    if len(middles) < LEAST_RUNS or not len(later):
        return None
    chance = float(middles.std(ddof=1)) * sqrt(1 + 1 / len(middles))
    slowdown = float(np.median(later) - middles.mean())
    return SameCode(Evidence(slowdown, chance, len(middles) - 1, 0.0, inf), len(middles))
