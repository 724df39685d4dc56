"""What Python's garbage collector takes of a large result, and what `gc.freeze()` gives back.

The oldest generation is walked again and again while objects are made, and everything that the
program has imported is in it. `gc.freeze()` takes out of the collector's sight what is there
already: https://docs.python.org/3/library/gc.html#gc.freeze
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bench.case import Fetch
from bench.figure import FIGURES
from bench.ratios import ratio_of_rounds
from bench.stats import Interval
from bench.summary import Summary
from bench.units import RATES, with_unit
from bench.verdict import in_words

HEADINGS = ("rows/s", "collector", "rows/s, frozen", "collector, frozen", "gained by gc.freeze()")
"""Of a case's `cells`."""

NOTE = (
    "collector: its share of a fetch; frozen: gc.freeze() had taken what the process held before"
    " the fetch out of its sight."
)


@dataclass(frozen=True)
class Side:
    """A fetch, by the medians of its rounds."""

    rows_per_s: float
    took_ns: float
    collector_ns: float
    """Of that."""

    @property
    def share(self) -> float:
        return self.collector_ns / self.took_ns


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
        rates = [with_unit(side.rows_per_s, RATES) for side in (self.plain, self.frozen)]
        shares = [f"{side.share:.0%}" for side in (self.plain, self.frozen)]
        return rates[0], shares[0], rates[1], shares[1], in_words(self.gain)


def collected(summaries: Iterable[Summary]) -> list[Collected]:
    """Each case that was also run frozen, in the order of the plan."""
    of = {summary.case: summary for summary in summaries}
    pairs = ((of.get(replace(case, frozen=False)), of[case]) for case in of if case.frozen)
    return [found for plain, frozen in pairs if plain and (found := _of(plain, frozen))]


def _of(plain: Summary, frozen: Summary) -> Collected | None:
    figure, case = FIGURES["rows"], plain.case
    gain = ratio_of_rounds(frozen.by_round(figure), plain.by_round(figure))
    before, after = _side(plain), _side(frozen)
    if not (gain and before and after):
        return None
    return Collected(case.backend, case.fetch, case.size or 0, before, after, gain)


def _side(summary: Summary) -> Side | None:
    rate, took, collecting = summary.rows_per_s, summary.latency_ns.get("p50"), summary.gc_ns
    if not (rate and took and collecting):
        return None
    return Side(rate.median, took.median, collecting.median)
