"""The evidence for a change of a case, from the sets of worker processes of two runs.

A run starts its worker processes several times (`bench.analysis.generations`). Each set has luck of
its own, so the spread of the sets' centres contains the luck, and no A/A pair is needed to know it.
A gate on one backend and one concurrency has a single A/A pair in each run. Two pairs give luck two
degrees of freedom, and whatever they show, Student's quantile of 4.3 hides a slowdown of 10 %.

The test is Welch's, of the mean of the centres ("The Generalization of 'Student's' Problem when
Several Different Population Variances are Involved", Biometrika 34, 1947). A centre is the median
of a set's rounds. Of three rounds or more, one bad one does not move it; of two, it does, and the
spread of the centres is then larger: the gate may be blind, and is not wrong. Two runs of few cases
have no common ratio, so a machine that is slower today is part of the change: the test cannot tell
them apart.
"""

from collections.abc import Mapping
from math import exp, inf, sqrt

import numpy as np

from bench.analysis.compare.family import Evidence, Logs
from bench.analysis.student import student_quantile
from bench.analysis.summary import Summary

FEW_PAIRS = 3
"""Below so many A/A pairs in both runs together, sets of processes are the better witness. The
number of pairs decides, never the result: to choose the better of two tests finds too much."""

LEAST_SETS = 3
"""The fewest sets of each run. With two of them against fifteen, equal code was called slower in
7 % of simulated runs, because Welch's degrees of freedom rest on an estimate from two values."""


def centres(series: Mapping[int, float], summary: Summary) -> Logs:
    """Return the median logarithm of each set of processes, from round number -> logarithm.

    Empty if a round does not say which processes measured it, as in older files.
    """
    set_of = {round_.number: round_.generation for round_ in summary.rounds}
    of_set: dict[int, list[float]] = {}
    for number, log in series.items():
        known = set_of.get(number)
        if known is None:
            return np.array([])
        of_set.setdefault(known, []).append(log)
    return np.array([float(np.median(logs)) for logs in of_set.values()])


def evidence_of_sets(base: Logs, other: Logs) -> Evidence | None:
    """Return the evidence from the centres of two runs; more is slower.

    None with fewer than `LEAST_SETS` sets of a run.
    """
    if min(len(base), len(other)) < LEAST_SETS:
        return None
    variances = [float(side.var(ddof=1)) / len(side) for side in (base, other)]
    spread = sum(
        variance**2 / (len(side) - 1)
        for variance, side in zip(variances, (base, other), strict=True)
    )
    free = sum(variances) ** 2 / spread if spread > 0 else len(base) + len(other) - 2
    return Evidence(float(other.mean() - base.mean()), sqrt(sum(variances)), free, 0.0, inf)


def factor_of(evidence: Evidence) -> float:
    """Return the factor within which a difference is noise, as `NoiseFloor.for_case` does."""
    return exp(student_quantile(evidence.free) * evidence.deviation)
