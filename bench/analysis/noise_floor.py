"""The noise floor: how far apart two equal cases of a run may be.

A run measures some cases twice, in processes of their own: the A/A pairs. Two things part them, and
the floor has both:

- chance between rounds, which more rounds reduce;
- the luck of a process (the layout of memory, the order of hash tables), which no number of rounds
  reduces (Mytkowicz, Diwan, Hauswirth and Sweeney, "Producing Wrong Data Without Doing Anything
  Obviously Wrong!", ASPLOS 2009).

On logarithms, for the kind of case that a pair was measured on:

    floor^2 = (t_m x luck)^2 + (t_f x chance)^2
    luck^2  = max(0, mean over the m pairs of (centre^2 - chance^2))

`chance` is the standard error of a pair's centre. It comes from the median absolute deviation of
the rounds of all pairs of that kind around their centres, so that one bad round does not decide.
`f` is the number of those rounds less the number of pairs. t is Student's 97.5 % quantile: two
equal cases are beyond the floor, and their interval excludes 1, in at most one of twenty
comparisons. `bench audit` shows it.

A single pair, as in a run of one mode, cannot tell luck from chance, and Student's quantile for it,
12.7, would hide every difference. Then floor^2 = centre^2 + (t_f x chance)^2. It is too low where
the luck stays for many rounds: of 12 rounds in 2 sets of processes, as in older files, two equal
cases were called different in 17 to 25 % of simulated runs, and in 4 to 6 % of 12 rounds in 6 sets.
So `bench.model.plan.with_enough_sets` starts the processes of such a run anew every two rounds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import exp, sqrt
from typing import Literal, Self

import numpy as np

from bench.analysis.figure import FIGURES, THROUGHPUT, Figure
from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.stats import Interval
from bench.analysis.student import student_quantile
from bench.analysis.summary import Summary
from bench.model.case import Case

Kind = Literal["one client", "several clients", "a rate"]

_FIXED_BY_A_RATE = (FIGURES["throughput"], FIGURES["rows"])
"""The figures that do not differ between two cases that hold the same rate."""

_CONSISTENT = 1.4826
"""The factor from the median absolute deviation of a normal distribution to its deviation."""


@dataclass(frozen=True)
class EqualPair:
    """An A/A pair: a case, and the same case in another process."""

    case: Case
    logs: tuple[float, ...]
    """The logarithm of the twin's figure over the case's, for each round."""

    @classmethod
    def of(cls, case: Case, figures: Mapping[int, float], twin: Mapping[int, float]) -> Self:
        """Return the pair from the figures of the case and of its twin, by round."""
        numbers = sorted(figures.keys() & twin.keys())
        positive = [number for number in numbers if figures[number] > 0 and twin[number] > 0]
        return cls(case, tuple(float(np.log(twin[n] / figures[n])) for n in positive))

    @cached_property
    def ratio(self) -> Interval:
        """The ratio of the twin to the case, with its interval."""
        ratios = {number: exp(log) for number, log in enumerate(self.logs)}
        ratio = ratio_of_rounds(ratios, dict.fromkeys(ratios, 1.0))
        assert ratio is not None, "a pair has at least one round"
        return ratio

    @cached_property
    def centre(self) -> float:
        """The logarithm of the ratio."""
        return float(np.log(self.ratio.median))


@dataclass(frozen=True)
class NoiseFloor:
    """The noise floor of a run, or of several, from their A/A pairs: at least one."""

    pairs: tuple[EqualPair, ...]

    @classmethod
    def pooled(cls, floors: Iterable["NoiseFloor | None"]) -> Self | None:
        """Return the floor from the pairs of all these; None if there is no pair.

        Where two runs are compared, each contributes half of the variance, as the mean does.
        """
        pairs = [pair for floor in floors if floor for pair in floor.pairs]
        return cls(tuple(pairs)) if pairs else None

    @cached_property
    def factor(self) -> float:
        """The largest factor of any kind of case: at least 1."""
        return max(self.of_kind(kind)._pooled_factor for kind in self.kinds)

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of case that a pair was measured on."""
        return list(dict.fromkeys(kind_of(pair.case) for pair in self.pairs))

    def for_case(self, case: Case) -> float:
        """Return the factor within which a difference of such a case is noise: at least 1.

        Where no pair is of the case's kind, the pairs of the other kind stand for it.
        """
        return self.of_kind(kind_of(case)).factor

    def of_kind(self, kind: Kind) -> "NoiseFloor":
        """Return the floor from the pairs of this kind; from all, where there is none."""
        if kind not in self._of_kinds:
            of_kind = tuple(pair for pair in self.pairs if kind_of(pair.case) == kind)
            self._of_kinds[kind] = NoiseFloor(of_kind or self.pairs)
        return self._of_kinds[kind]

    @cached_property
    def _of_kinds(self) -> "dict[Kind, NoiseFloor]":
        return {}

    @cached_property
    def _pooled_factor(self) -> float:
        """The factor from all pairs together, as if they were of one kind."""
        rounds = sum(len(pair.logs) for pair in self.pairs)
        free = max(1, rounds - len(self.pairs))
        chance_squared = float(np.mean([self._chance_of(pair) ** 2 for pair in self.pairs]))
        quantile = 1.0 if len(self.pairs) == 1 else student_quantile(len(self.pairs))
        noise_squared = student_quantile(free) ** 2 * chance_squared
        return exp(sqrt(quantile**2 * self.luck_variance + noise_squared))

    @cached_property
    def luck_variance(self) -> float:
        """The variance of the logarithm of the ratio of two equal processes, without chance."""
        if len(self.pairs) == 1:
            return self.pairs[0].centre ** 2
        excess = [pair.centre**2 - self._chance_of(pair) ** 2 for pair in self.pairs]
        return max(0.0, float(np.mean(excess)))

    @cached_property
    def careful_luck_variance(self) -> float:
        """The variance of luck, plus one standard error of its estimate.

        A statement about a hundred cases rests on it, so it must not be too small by chance.
        """
        centres = float(np.mean([pair.centre**2 for pair in self.pairs]))
        return self.luck_variance + sqrt(2 / len(self.pairs)) * centres

    def _chance_of(self, pair: EqualPair) -> float:
        """Return the standard error of the pair's centre, in logarithms."""
        return self._deviation / sqrt(len(pair.logs))

    @cached_property
    def _deviation(self) -> float:
        return _deviation(self.pairs)

    def __str__(self) -> str:
        by_kind = ", ".join(f"{self.of_kind(kind).factor:,.2f}x for {kind}" for kind in self.kinds)
        pairs = len(self.pairs)
        return f"{by_kind} (from {pairs} equal pair{'s' if pairs > 1 else ''})"


def noise_floor(summaries: Iterable[Summary], figure: Figure = THROUGHPUT) -> NoiseFloor | None:
    """Return the noise floor from a run's A/A pairs; None without a pair, or if they failed."""
    by_case = {summary.case: summary for summary in summaries}
    pairs = []
    for case, twin in by_case.items():
        if case.rate is not None and figure in _FIXED_BY_A_RATE:
            continue
        original = by_case.get(replace(case, twin=False)) if case.twin else None
        if original:
            both = original.by_round(figure), twin.by_round(figure)
            pairs.append(EqualPair.of(original.case, *both))
    measured = tuple(pair for pair in pairs if pair.logs)
    return NoiseFloor(measured) if measured else None


def kind_of(case: Case) -> Kind:
    """Return the kind of case: a lone client waits for the server, others for each other, and those
    that serve a rate wait for arrivals."""
    if case.rate is not None:
        return "a rate"
    return "one client" if case.concurrency == 1 else "several clients"


def _deviation(pairs: Sequence[EqualPair]) -> float:
    """Return the robust deviation of one round from its pair's centre, in logarithms.

    Deviations from an estimated centre are too small; the last factor corrects that.
    """
    away = np.concatenate([np.abs(np.asarray(pair.logs) - np.median(pair.logs)) for pair in pairs])
    rounds, free = len(away), len(away) - len(pairs)
    if free < 1:
        return 0.0
    return _CONSISTENT * float(np.median(away)) * sqrt(rounds / free)
