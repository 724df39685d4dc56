"""The comparisons of a run with a budget: which of them are decided, and which need more turns."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import exp, log

from bench.analysis.sequential import Decision, decide, median_interval
from bench.analysis.summary import of_case
from bench.model.case import Case
from bench.results.entries import Entry, Run

ALPHA = 0.05
"""Probability of a wrong decision in one question: in all comparisons of its backends together."""

LEAST_TURNS = 8
"""The fewest turns of a case: enough for an interval of its own figures."""

MOST_FAILURES = 3
"""The most turns without a result, before a case has no more turns."""


@dataclass(frozen=True)
class Comparison:
    """Two cases that differ in their backend alone, or in the state of the allocator."""

    case: Case
    base: Case
    decision: Decision
    ratio: tuple[float, float] | None
    """The interval of the throughput's ratio, valid at every look; None after too few turns."""
    turns: int


class Stopping:
    """Hears of every run, and says which cases still need turns."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._throughput: dict[Case, dict[int, float]] = {}
        self._failures: Counter[Case] = Counter()
        self._decided: dict[tuple[Case, Case], Decision] = {}
        self._alphas: dict[tuple[Case, Case], float] = {}
        questions: dict[Case, list[Case]] = {}
        for case in cases:
            self._throughput[case] = {}
            asked = replace(case, backend="", loop="none", allocator="warmed")
            if not case.twin:  # a twin and its original have no difference to decide
                questions.setdefault(asked, []).append(case)
        for members in questions.values():
            pairs = [(other, base) for base, other in combinations(members, 2)]
            self._alphas |= {pair: ALPHA / len(pairs) for pair in pairs}
        self._twins = [case for case in self._throughput if case.twin]

    def note(self, entry: Entry) -> None:
        """Take the throughput of a run, or a failure, into account."""
        rounds = of_case(entry.case, [entry], [], []).rounds if isinstance(entry, Run) else ()
        if isinstance(entry, Run) and rounds and rounds[0].throughput_per_s:
            self._throughput[entry.case][entry.round] = rounds[0].throughput_per_s
        else:
            self._failures[entry.case] += 1

    def wanted(self) -> set[Case]:
        """Return the cases that need more turns.

        These are the cases with an undecided comparison, the twins of such cases, and every case
        with fewer turns than `LEAST_TURNS`. Where there is nothing to compare, they are all cases.
        A case that failed `MOST_FAILURES` times is not among them.
        """
        if not self._alphas:
            wanted = set(self._throughput)
        else:
            wanted = {case for pair in self._alphas if not self._ended(pair) for case in pair}
            wanted |= {c for c, turns in self._throughput.items() if len(turns) < LEAST_TURNS}
            pairs = [{twin, replace(twin, twin=False)} for twin in self._twins]
            wanted = wanted.union(*(pair for pair in pairs if pair & wanted))
        return {case for case in wanted if self._failures[case] < MOST_FAILURES}

    def comparisons(self) -> list[Comparison]:
        """Return every comparison as it stands."""
        found = []
        for pair, alpha in self._alphas.items():
            ratios = self._ratios(pair)
            interval = median_interval(ratios, alpha)
            ends = None if interval is None else (exp(interval[0]), exp(interval[1]))
            decision = self._decided.get(pair) or decide(ratios, alpha)
            found.append(Comparison(*pair, decision, ends, len(ratios)))
        return found

    def _ended(self, pair: tuple[Case, Case]) -> bool:
        if pair not in self._decided:
            if any(self._failures[case] >= MOST_FAILURES for case in pair):
                return True
            decision = decide(self._ratios(pair), self._alphas[pair])
            if decision == "undecided":
                return False
            self._decided[pair] = decision
        return True

    def _ratios(self, pair: tuple[Case, Case]) -> Sequence[float]:
        one, other = (self._throughput[case] for case in pair)
        return [log(one[number] / other[number]) for number in one.keys() & other.keys()]
