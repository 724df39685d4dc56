"""Did a run stay the same? From round to round, and from the start of a round to its end.

Pure: runs and summaries in, ratios out. `bench.analysis.warnings` decides which ratios to report.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.analysis import stats
from bench.analysis.figure import THROUGHPUT, Figure
from bench.analysis.ratios import ENOUGH_ROUNDS, ratio_of_rounds
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.results.entries import Run
from bench.results.file import Results

HEAD_NS = 1_000_000_000
"""What is held against the rest of a round: its first second, or its first half where shorter."""

_FEWEST_OPERATIONS = 4
"""Of each worker, for a round to have a start and an end."""


@dataclass(frozen=True)
class Drift:
    """A trend over the rounds, of all cases together."""

    ratio: float
    """What the figure of the last round is to that of the first, along the trend."""
    p_value: float
    """How often rounds in no order would show as much of one."""


def drift(summaries: Iterable[Summary], figure: Figure = THROUGHPUT) -> Drift | None:
    """The trend of the rounds' common factor; None with fewer than six rounds.

    Of each round, the median over cases of its figure over the case's own median: what hit the
    round as a whole. One test for all cases, as a hundred tests at 5 % would find five. Kendall's
    rank correlation with the round's number, and the slope of Theil and Sen (Hollander, Wolfe and
    Chicken, *Nonparametric Statistical Methods*, 3rd edition, 2014, chapters 8 and 9).
    """
    logs: dict[int, list[float]] = {}
    for summary in summaries:
        values = {n: value for n, value in summary.by_round(figure).items() if value > 0}
        middle = np.median(list(values.values())) if values else 1.0
        for number, value in values.items():
            logs.setdefault(number, []).append(float(np.log(value / middle)))
    if len(logs) < ENOUGH_ROUNDS:
        return None
    from scipy.stats import kendalltau, theilslopes

    numbers = sorted(logs)
    factors = [float(np.median(logs[number])) for number in numbers]
    slope = float(theilslopes(factors, numbers).slope)
    p_value = float(kendalltau(numbers, factors).pvalue)
    ratio = float(np.exp(slope * (numbers[-1] - numbers[0])))
    return Drift(ratio, 1.0 if np.isnan(p_value) else p_value)


def beginning(runs: Sequence[Run]) -> Interval | None:
    """Throughput at the start of a round over that of its rest, of runs with enough operations.

    Where the warm-up was long enough, its interval holds 1. None where no run says anything.
    """
    heads: dict[int, float] = {}
    rests: dict[int, float] = {}
    for place, run in enumerate(runs):
        if len(run.samples) >= _FEWEST_OPERATIONS * run.case.concurrency:
            heads[place], rests[place] = _head_and_rest(run)
    return ratio_of_rounds(heads, rests)


def taken_by_others(results: Results) -> float | None:
    """The share of the machine's CPU that other programs used, over all runs; None if unseen."""
    seen = [run for run in results.runs if run.other_cpu_ns is not None]
    cores = results.header.environment.host.cores or 1
    capacity_ns = sum(run.elapsed_ns for run in seen) * cores
    if not capacity_ns:
        return None
    return min(1.0, sum(run.other_cpu_ns or 0 for run in seen) / capacity_ns)


def _head_and_rest(run: Run) -> tuple[float, float]:
    """Operations a second before and after the cut; what straddles it counts by its share."""
    samples = run.samples
    succeeded = np.ones(len(samples), dtype=bool)
    succeeded[list(samples.errors)] = False
    start_ns = np.asarray(samples.start_ns)[succeeded]
    duration_ns = np.asarray(samples.duration_ns)[succeeded]
    head_ns = min(HEAD_NS, run.window_ns // 2)
    head = stats.shares_in_window(start_ns, duration_ns, head_ns).sum()
    whole = stats.shares_in_window(start_ns, duration_ns, run.window_ns).sum()
    return float(head) / head_ns, float(whole - head) / (run.window_ns - head_ns)
