"""The comparisons of a run with a budget: which of them are decided, and which need more turns.

A difference must show in two sets of worker processes, and in the same direction in each. Turns of
one set are not independent: the kernel may let one client share its server process's core, and the
other not, for as long as both live. No rule for independent turns sees that.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import exp, log
from statistics import median

from bench.analysis.figure import FIGURES, THROUGHPUT, Figure
from bench.analysis.sequential import Decision, decide, median_interval
from bench.analysis.summary import of_case
from bench.model.case import Case
from bench.model.run_config import LEAST_GENERATIONS
from bench.results.entries import Entry, Run

ALPHA = 0.05
"""Probability of a wrong decision in one question: in all comparisons of its backends together, by
one figure."""

COMPARED = (THROUGHPUT, FIGURES["cpu"])
"""The figures that decide. CPU is the steadier one, so it is rarely the last to be decided."""

LEAST_TURNS = 8
"""The fewest turns of a case: enough for an interval of its own figures."""

MOST_FAILURES = 3
"""The most turns without a result, before a case has no more turns."""


@dataclass(frozen=True)
class Comparison:
    """Two cases that differ in their backend alone, or in the state of the allocator."""

    case: Case
    base: Case
    figure: Figure
    decision: Decision
    """`faster` and `slower` mean better and worse by this figure."""
    ratio: tuple[float, float] | None
    """The interval of the figure's ratio, valid at every look; None after too few turns."""
    turns: int


Pair = tuple[Case, Case]


class Stopping:
    """Hears of every run, and says which cases still need turns."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._values: dict[Case, dict[Figure, dict[int, float]]] = {}
        self._generations: dict[int, int | None] = {}
        self._failures: Counter[Case] = Counter()
        self._decided: dict[tuple[Pair, Figure], Decision] = {}
        self._alphas: dict[Pair, float] = {}
        questions: dict[Case, list[Case]] = {}
        for case in cases:
            self._values[case] = {figure: {} for figure in COMPARED}
            asked = replace(case, backend="", loop="none", allocator="warmed")
            if not case.twin:  # a twin and its original have no difference to decide
                questions.setdefault(asked, []).append(case)
        for members in questions.values():
            pairs = [(other, base) for base, other in combinations(members, 2)]
            self._alphas |= {pair: ALPHA / len(pairs) for pair in pairs}
        self._twins = [case for case in self._values if case.twin]

    def note(self, entry: Entry) -> None:
        """Take the figures of a run, or a failure, into account."""
        if not isinstance(entry, Run):
            self._failures[entry.case] += 1
            return
        summary = of_case(entry.case, [entry], [], [])
        if not summary.by_round(THROUGHPUT).get(entry.round):
            self._failures[entry.case] += 1
            return
        self._generations[entry.round] = entry.generation
        for figure, values in self._values[entry.case].items():
            if value := summary.by_round(figure).get(entry.round):
                values[entry.round] = value

    def wanted(self) -> set[Case]:
        """Return the cases that need more turns.

        These are the cases with an undecided comparison, the twins of such cases, and every case
        with fewer turns than `LEAST_TURNS`. Where there is nothing to compare, they are all cases.
        A case that failed `MOST_FAILURES` times is not among them.
        """
        if not self._alphas:
            wanted = set(self._values)
        else:
            wanted = {case for pair in self._alphas if not self._ended(pair) for case in pair}
            turns = {case: len(values[THROUGHPUT]) for case, values in self._values.items()}
            wanted |= {case for case, had in turns.items() if had < LEAST_TURNS}
            pairs = [{twin, replace(twin, twin=False)} for twin in self._twins]
            wanted = wanted.union(*(pair for pair in pairs if pair & wanted))
        return {case for case in wanted if self._failures[case] < MOST_FAILURES}

    def waits_for_processes(self) -> bool:
        """Return whether all that is undecided would be decided if other processes agreed."""
        left = [
            (pair, figure)
            for pair in self._alphas
            if not self._gave_up(pair)
            for figure in COMPARED
            if not self._is_decided(pair, figure)
        ]
        return bool(left) and all(
            decide(self._gains(pair, figure), self._alphas[pair]) != "undecided"
            and len(self._by_generation(pair, figure)) < LEAST_GENERATIONS
            for pair, figure in left
        )

    def comparisons(self) -> list[Comparison]:
        """Return every comparison as it stands."""
        return [
            self._comparison(pair, figure, alpha)
            for pair, alpha in self._alphas.items()
            for figure in COMPARED
        ]

    def _comparison(self, pair: Pair, figure: Figure, alpha: float) -> Comparison:
        gains = self._gains(pair, figure)
        decision = self._decided.get((pair, figure)) or self._decision(pair, figure)
        ends = median_interval(gains, alpha)
        if ends and not figure.more_is_better:
            ends = (-ends[1], -ends[0])
        ratio = (exp(ends[0]), exp(ends[1])) if ends else None
        return Comparison(*pair, figure, decision, ratio, len(gains))

    def _ended(self, pair: Pair) -> bool:
        return self._gave_up(pair) or all(self._is_decided(pair, figure) for figure in COMPARED)

    def _gave_up(self, pair: Pair) -> bool:
        return any(self._failures[case] >= MOST_FAILURES for case in pair)

    def _is_decided(self, pair: Pair, figure: Figure) -> bool:
        if (pair, figure) not in self._decided:
            decision = self._decision(pair, figure)
            if decision == "undecided":
                return False
            self._decided[pair, figure] = decision
        return True

    def _decision(self, pair: Pair, figure: Figure) -> Decision:
        decision = decide(self._gains(pair, figure), self._alphas[pair])
        if decision in ("faster", "slower") and not self._agreed(pair, figure):
            return "undecided"
        return decision

    def _agreed(self, pair: Pair, figure: Figure) -> bool:
        """Return whether every set of worker processes shows a difference in the same direction."""
        if set(self._generations.values()) == {None}:  # an older file does not say
            return True
        middles = [median(gains) for gains in self._by_generation(pair, figure)]
        ways = {middle > 0 for middle in middles}
        return len(middles) >= LEAST_GENERATIONS and len(ways) == 1

    def _by_generation(self, pair: Pair, figure: Figure) -> list[list[float]]:
        """Return the gains of each set of worker processes that had enough turns."""
        found: dict[int | None, list[float]] = {}
        for number, gain in self._by_round(pair, figure).items():
            found.setdefault(self._generations[number], []).append(gain)
        return [gains for gains in found.values() if len(gains) >= LEAST_TURNS]

    def _gains(self, pair: Pair, figure: Figure) -> Sequence[float]:
        return list(self._by_round(pair, figure).values())

    def _by_round(self, pair: Pair, figure: Figure) -> dict[int, float]:
        """Return the logarithm of each paired ratio; above 0 where the first case is better."""
        one, other = (self._values[case][figure] for case in pair)
        sign = 1 if figure.more_is_better else -1
        shared = one.keys() & other.keys()
        return {number: sign * log(one[number] / other[number]) for number in shared}
