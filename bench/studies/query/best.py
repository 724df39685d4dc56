"""The closing sentences: which library is best for what, and which cannot be told apart."""

from collections.abc import Iterator, Sequence

from bench.analysis.figure import FIGURES, Figure
from bench.analysis.findings.finding import listed
from bench.analysis.findings.finding import rounds as rounds_in_words
from bench.analysis.noise_floor import NoiseFloor
from bench.analysis.ranking import floors, leaders
from bench.analysis.ratios import ENOUGH_ROUNDS
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.model.units import BYTES, with_unit

MOST_NAMES = 4
"""The most names of a tie. Of a larger one, the sentence names those that are behind."""


def sentences(summaries: Sequence[Summary]) -> list[str]:
    """Return a sentence for each concurrency, and for memory and first row if they matter.

    A value is best, or tied with the best, by the rule of the tables: ratios of paired rounds, and
    the noise floor. Names are in backquotes. Each workload has sentences of its own.
    """
    measured = [s for s in summaries if not s.case.twin and s.rounds and s.throughput_per_s]
    floor = floors(summaries)
    workloads = list(dict.fromkeys(summary.case.workload for summary in measured))
    found = []
    for workload in workloads:
        own = [summary for summary in measured if summary.case.workload == workload]
        before = f"`{workload}`: " if len(workloads) > 1 else ""
        found += [before + sentence for sentence in _of_workload(own, floor)]
    return found


def _of_workload(measured: Sequence[Summary], floor: dict[Figure, NoiseFloor]) -> list[str]:
    several = len({summary.case.fetch for summary in measured}) > 1
    found = []
    for concurrency in sorted({summary.case.concurrency for summary in measured}):
        group = [s for s in measured if s.case.concurrency == concurrency]
        figure = FIGURES["rows" if several else "throughput"]
        what = "rows/s" if several else "operations/s"
        found.append(_best(group, figure, floor, f"{what} at {concurrency}", several))
    if several:
        lowest = min(summary.case.concurrency for summary in measured)
        group = [s for s in measured if s.case.concurrency == lowest]
        found.append(_best(group, FIGURES["first-row"], floor, f"first row at {lowest}", several))
        found += _least_memory(measured)
    return [sentence for sentence in found if sentence]


def _best(
    group: Sequence[Summary],
    figure: Figure,
    floor: dict[Figure, NoiseFloor],
    what: str,
    several: bool,
) -> str:
    medians: list[Interval | None] = [
        summary.usable_after_ns if figure == FIGURES["first-row"] else _value(summary, figure)
        for summary in group
    ]
    known = [place for place, median in enumerate(medians) if median]
    if len(known) < 2:
        return ""
    rounds = min(len(group[place].rounds) for place in known)
    ahead = leaders(figure, group, medians, floor)
    if not ahead:
        return (
            f"By {what}, none can be told from the best in {rounds_in_words(rounds, paired=False)}."
        )
    names = [_name(group[place].case, several) for place in sorted(ahead)]
    behind = [_name(group[place].case, several) for place in known if place not in ahead]
    sure = (
        ""
        if rounds >= ENOUGH_ROUNDS
        else f" (by {rounds_in_words(rounds, paired=False)}: not yet 95 % sure)"
    )
    if len(names) == 1:
        return f"Best by {what}: {names[0]}{sure}."
    if len(names) > MOST_NAMES and behind and len(behind) < len(names):
        verb = "is" if len(behind) == 1 else "are"
        return (
            f"Best by {what}: {len(names)} that cannot be told apart{sure};"
            f" {listed(behind)} {verb} behind."
        )
    return f"Best by {what}: {listed(names)}, which cannot be told apart{sure}."


def _value(summary: Summary, figure: Figure) -> Interval | None:
    value: Interval | None = getattr(summary, figure.field)
    return value


def _least_memory(measured: Sequence[Summary]) -> Iterator[str]:
    known = [summary for summary in measured if summary.peak_memory_bytes]
    if len(known) > 1:
        least = min(known, key=lambda summary: summary.peak_memory_bytes or 0)
        most = max(known, key=lambda summary: summary.peak_memory_bytes or 0)
        yield (
            f"Least memory: {_name(least.case, True)} with"
            f" {with_unit(least.peak_memory_bytes or 0, BYTES)}; most: {_name(most.case, True)}"
            f" with {with_unit(most.peak_memory_bytes or 0, BYTES)}."
        )


def _name(case: Case, with_fetch: bool) -> str:
    words = f"`{case.backend}` {case.fetch}" if with_fetch else f"`{case.backend}`"
    return f"{words} with `{case.connect}`" if case.connect else words
