"""What Python's garbage collector takes of a large result, and what `gc.freeze()` gives back.

The oldest generation is walked again and again while objects are made, and everything that the
program has imported is in it. `gc.freeze()` takes out of the collector's sight what is there
already: https://docs.python.org/3/library/gc.html#gc.freeze
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from statistics import median

from bench.analysis.figure import FIGURES
from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.verdict import in_words
from bench.model.case import Fetch
from bench.model.units import RATES, TIMES, with_unit

HEADINGS = (
    *("rows/s", "collector", "stall"),
    *("frozen rows/s", "frozen collector", "frozen stall"),
    "rows/s gained",
)
"""Of a case's `cells`."""

NOTE = (
    "collector: its share of a fetch; stall: the longest of the event loop; frozen: gc.freeze() had"
    " taken what the process held before the fetch out of the collector's sight."
)


@dataclass(frozen=True)
class Side:
    """A fetch, by the medians of the rounds that both sides have."""

    rows_per_s: float
    took_ns: float
    collector_ns: float
    """Of that."""
    stall_ns: int | None
    """The longest of the event loop in any of these; None for threads."""

    @property
    def share(self) -> float:
        return self.collector_ns / self.took_ns

    @property
    def cells(self) -> tuple[str, ...]:
        stall = "-" if self.stall_ns is None else with_unit(self.stall_ns, TIMES)
        return with_unit(self.rows_per_s, RATES), f"{self.share:.0%}", stall


@dataclass(frozen=True)
class Collected:
    """One backend's largest result fetched in one way, as it is and frozen."""

    backend: str
    fetch: Fetch
    rows: int
    plain: Side
    frozen: Side
    gain: Interval
    """Of rows/s by freezing: the ratio of paired rounds."""

    @property
    def cells(self) -> tuple[str, ...]:
        return *self.plain.cells, *self.frozen.cells, in_words(self.gain)


def collected(summaries: Iterable[Summary]) -> list[Collected]:
    """Each case that was also run frozen, in the order of the plan."""
    of = {summary.case: summary for summary in summaries}
    pairs = ((of.get(replace(case, frozen=False)), of[case]) for case in of if case.frozen)
    return [found for plain, frozen in pairs if plain and (found := _of(plain, frozen))]


def _of(plain: Summary, frozen: Summary) -> Collected | None:
    figure, case = FIGURES["rows"], plain.case
    gain = ratio_of_rounds(frozen.by_round(figure), plain.by_round(figure))
    common = {each.number for each in plain.rounds} & {each.number for each in frozen.rounds}
    before, after = _side(plain, common), _side(frozen, common)
    if not (gain and before and after):
        return None
    return Collected(case.backend, case.fetch, case.size or 0, before, after, gain)


def _side(summary: Summary, numbers: Container[int]) -> Side | None:
    rounds = [each for each in summary.rounds if each.number in numbers]
    took = [each.latency_ns["p50"] for each in rounds if each.latency_ns]
    collecting = [each.gc_ns for each in rounds if each.gc_ns is not None]
    if not (took and collecting):
        return None
    stalls = [each.loop_stall_max_ns for each in rounds if each.loop_stall_max_ns is not None]
    rate = median(each.rows_per_s for each in rounds)
    return Side(rate, median(took), median(collecting), max(stalls, default=None))
