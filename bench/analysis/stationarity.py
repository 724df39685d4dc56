"""The stability of a run: from round to round, and from the start of a round to its end.

Pure: runs and summaries in, ratios out. `bench.analysis.warnings` decides which ratios to report.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import erfc, factorial, sqrt

import numpy as np

from bench.analysis.figure import THROUGHPUT, Figure
from bench.analysis.ratios import ENOUGH_ROUNDS, ratio_of_rounds
from bench.analysis.rounds import Round
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.results.file import Results

_EXACT_UP_TO = 33
"""The most rounds whose orders are counted, as in scipy.stats."""


@dataclass(frozen=True)
class Drift:
    """A trend over the rounds, of all cases together."""

    ratio: float
    """The last round's figure over the first round's, along the trend."""
    numbers: tuple[int, ...]
    """The rounds that have the figure."""
    factors: tuple[float, ...]
    """The logarithm of each round's common factor."""

    @cached_property
    def p_value(self) -> float:
        """The probability that rounds in random order show a trend as strong.

        Kendall's test, as in scipy.stats, whose import takes half a second: exact up to 33 rounds
        without ties, else by the normal approximation with the variance for ties (Kendall and
        Gibbons, *Rank Correlation Methods*, 5th edition, 1990, chapters 4 and 5).
        """
        rounds, pairs = len(self.factors), list(combinations(self.factors, 2))
        inversions = sum(later < earlier for earlier, later in pairs)
        tied = [count for count in Counter(self.factors).values() if count > 1]
        if rounds <= _EXACT_UP_TO and not tied:
            return _p_of_inversions(inversions, rounds)
        if tied == [rounds]:
            return 1.0
        score = sum(later > earlier for earlier, later in pairs) - inversions
        spread = [count * (count - 1) * (2 * count + 5) for count in (rounds, *tied)]
        return erfc(abs(score) / sqrt((spread[0] - sum(spread[1:])) / 18) / sqrt(2))


def _p_of_inversions(inversions: int, rounds: int) -> float:
    """Return the probability of so few inversions or so many, in a random order of the rounds."""
    orders = [1]  # the number of orders with 0, 1, 2 ... inversions
    for size in range(2, rounds + 1):
        longer = len(orders) + size - 1
        orders = [sum(orders[max(0, at - size + 1) : at + 1]) for at in range(longer)]
    fewer = min(inversions, len(orders) - 1 - inversions)
    return min(1.0, 2 * sum(orders[: fewer + 1]) / factorial(rounds))


def drift(summaries: Iterable[Summary], figure: Figure = THROUGHPUT) -> Drift | None:
    """Return the trend of the rounds' common factor; None with fewer than six rounds.

    A round's factor is the median over cases of the round's figure over the case's median: the
    effect on the round as a whole. One test covers all cases, because a hundred tests at 5 % would
    find five. It uses Kendall's rank correlation with the round's number, and the slope of Theil
    and Sen (Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*, 3rd edition, 2014,
    chapters 8 and 9).
    """
    logs: dict[int, list[float]] = {}
    for summary in summaries:
        values = {n: value for n, value in summary.by_round(figure).items() if value > 0}
        middle = np.median(list(values.values())) if values else 1.0
        for number, value in values.items():
            logs.setdefault(number, []).append(float(np.log(value / middle)))
    if len(logs) < ENOUGH_ROUNDS:
        return None
    numbers = sorted(logs)
    factors = [float(np.median(logs[number])) for number in numbers]
    slopes = [
        (later - earlier) / (after - before)
        for (before, earlier), (after, later) in combinations(zip(numbers, factors, strict=True), 2)
    ]
    ratio = float(np.exp(np.median(slopes) * (numbers[-1] - numbers[0])))
    return Drift(ratio, tuple(numbers), tuple(factors))


def beginning(rounds: Sequence[Round]) -> Interval | None:
    """Return throughput at the start of a round over its rest, for rounds with enough operations.

    If the warm-up was long enough, the interval includes 1. Return None without such rounds.
    """
    parts = {at: parts for at, of in enumerate(rounds) if (parts := of.head_and_rest_per_ns)}
    heads = {at: head for at, (head, _) in parts.items()}
    return ratio_of_rounds(heads, {at: rest for at, (_, rest) in parts.items()})


def taken_by_others(results: Results) -> float | None:
    """Return the share of the machine's CPU that other programs used; None if not measured.

    Runs are added up first, and only the sum is kept at 0 or above.
    """
    seen = [run for run in results.runs if run.others_cpu_ns is not None]
    cores = results.header.environment.host.cores or 1
    capacity_ns = sum(run.elapsed_ns for run in seen) * cores
    if not capacity_ns:
        return None
    return min(1.0, max(0, sum(run.others_cpu_ns or 0 for run in seen)) / capacity_ns)
