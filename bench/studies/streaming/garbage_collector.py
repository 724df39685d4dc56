"""The share of Python's garbage collector in a large fetch, and the gain of `gc.freeze()`.

While objects are made, the collector walks through its oldest generation again and again.
Everything that the program has imported is in that generation. `gc.freeze()` hides existing objects
from the collector: https://docs.python.org/3/library/gc.html#gc.freeze
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from statistics import median

from bench.analysis.figure import FIGURES
from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.verdict import in_words
from bench.model.fetch import Fetch
from bench.model.units import RATES, TIMES, with_unit

HEADINGS = (
    *("rows/s", "collector", "stall"),
    *("frozen rows/s", "frozen collector", "frozen stall"),
    "rows/s gained",
)
"""The headings of `Collected.cells`."""

NOTE = (
    "collector: its share of the time of a fetch; stall: the longest of the event loop; frozen:"
    " gc.freeze() had hidden the objects before the fetch from the collector."
)


@dataclass(frozen=True)
class Side:
    """The medians of a fetch, over the rounds that both sides have."""

    rows_per_s: float
    took_ns: float
    collector_ns: float
    """The collector's part of `took_ns`."""
    stall_ns: int | None
    """The longest stall of the event loop in any of these rounds; None for threads."""

    @property
    def share(self) -> float:
        """The collector's share of the time, from 0 to 1."""
        return self.collector_ns / self.took_ns

    @property
    def cells(self) -> tuple[str, ...]:
        stall = "-" if self.stall_ns is None else with_unit(self.stall_ns, TIMES)
        return with_unit(self.rows_per_s, RATES), f"{self.share:.0%}", stall


@dataclass(frozen=True)
class Collected:
    """One backend's fetch of the largest result, without and with `gc.freeze()`."""

    backend: str
    fetch: Fetch
    rows: int
    plain: Side
    frozen: Side
    gain: Interval
    """The gain in rows/s by freezing: the ratio of paired rounds."""

    @property
    def cells(self) -> tuple[str, ...]:
        return *self.plain.cells, *self.frozen.cells, in_words(self.gain)


def collected(summaries: Iterable[Summary]) -> list[Collected]:
    """Return each case that also ran frozen, in the order of the plan."""
    by_case = {summary.case: summary for summary in summaries}
    pairs = (
        (by_case.get(replace(case, frozen=False)), by_case[case]) for case in by_case if case.frozen
    )
    return [result for plain, frozen in pairs if plain and (result := _of(plain, frozen))]


def _of(plain: Summary, frozen: Summary) -> Collected | None:
    figure, case = FIGURES["rows"], plain.case
    gain = ratio_of_rounds(frozen.by_round(figure), plain.by_round(figure))
    common = {r.number for r in plain.rounds} & {r.number for r in frozen.rounds}
    before, after = _side(plain, common), _side(frozen, common)
    if not (gain and before and after):
        return None
    return Collected(case.backend, case.fetch, case.size or 0, before, after, gain)


def _side(summary: Summary, numbers: Container[int]) -> Side | None:
    rounds = [r for r in summary.rounds if r.number in numbers]
    took = [r.latency_ns["p50"] for r in rounds if r.latency_ns]
    collecting = [r.gc_ns for r in rounds if r.gc_ns is not None]
    if not (took and collecting):
        return None
    stalls = [r.loop_stall_max_ns for r in rounds if r.loop_stall_max_ns is not None]
    rate = median(r.rows_per_s for r in rounds)
    return Side(rate, median(took), median(collecting), max(stalls, default=None))
