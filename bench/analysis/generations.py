"""The part of the variance that lies between sets of worker processes.

Two processes of one program differ, and more rounds of the same processes do not show it. A run
restarts its processes a few times, so that this variance can be estimated: by the one-way analysis
of variance with random effects (Searle, Casella and McCulloch, *Variance Components*, 1992, chapter
3), of the logarithms of paired ratios, pooled over all pairs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import log
from statistics import fmean

from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.results.entries import Run

LEAST_ROUNDS = 2
"""The fewest rounds of a generation in which a pair is counted."""


def share_between(groups: Iterable[Sequence[Sequence[float]]]) -> float | None:
    """Return the share of the variance that lies between generations, from 0 to 1.

    `groups`: for each pair, the values of each generation. None if no pair has two generations of
    `LEAST_ROUNDS` values.
    """
    between = within = 0.0
    free_between = free_within = 0
    sizes: list[int] = []
    for generations in groups:
        counted = [values for values in generations if len(values) >= LEAST_ROUNDS]
        if len(counted) < 2:
            continue
        mean = fmean(value for values in counted for value in values)
        for values in counted:
            own_mean = fmean(values)
            between += len(values) * (own_mean - mean) ** 2
            within += sum((value - own_mean) ** 2 for value in values)
            free_within += len(values) - 1
            sizes.append(len(values))
        free_between += len(counted) - 1
    if not free_between or not within:
        return None
    mean_within = within / free_within
    component = max(0.0, (between / free_between - mean_within) / fmean(sizes))
    return component / (component + mean_within)


def share_of(runs: Iterable[Run], summaries: Iterable[Summary]) -> float | None:
    """Return the share for the throughput of all cases against the first of their question.

    None for a run of one generation, and for files that do not name generations.
    """
    generation_of = {(run.case, run.round): run.generation for run in runs}
    bases: dict[Case, Summary] = {}
    groups: list[Sequence[Sequence[float]]] = []
    for summary in summaries:
        question = replace(summary.case, backend="", loop="none", twin=False, allocator="warmed")
        base = bases.setdefault(question, summary)
        if base is not summary:
            groups.append(list(_ratios(summary, base, generation_of).values()))
    return share_between(groups)


def _ratios(
    summary: Summary, base: Summary, generation_of: Mapping[tuple[Case, int], int | None]
) -> dict[int, list[float]]:
    """Return generation -> the logarithms of the paired ratios of throughput."""
    of_base = {round_.number: round_.throughput_per_s for round_ in base.rounds}
    found: dict[int, list[float]] = {}
    for round_ in summary.rounds:
        generation = generation_of.get((summary.case, round_.number))
        other = of_base.get(round_.number)
        if generation is not None and other and round_.throughput_per_s:
            found.setdefault(generation, []).append(log(round_.throughput_per_s / other))
    return found
