"""Rates from windows too short for their operations: their mark, their bounds, and the words.

The truth lies between two bounds that are apart (docs/method.md), so no chart may show such a rate
as it shows the others.
"""

from collections.abc import Iterable

from bench.analysis.stats import Interval
from bench.analysis.summary import Summary

MARK = "~"

NOTE = (
    f"{MARK}\N{NO-BREAK SPACE}marks a rate from too short a window: the truth lies within its line."
)
"""The sentence below the title of a chart with such a rate, whose line ends at the bounds."""


UNCERTAIN = ", uncertain: the windows are too short"
"""The words of a tip about such a rate."""


def is_uncertain(summary: Summary, value: Interval | None) -> bool:
    """Return whether the value is a rate of this summary, and its windows were too short."""
    rate = value is not None and (value is summary.throughput_per_s or value is summary.rows_per_s)
    return rate and not summary.throughput_certain


def drawn(summary: Summary, value: Interval) -> Interval:
    """Return the value as charts draw it: the interval of an uncertain rate includes its bounds."""
    bounds, rate = summary.throughput_bounds_per_s, summary.throughput_per_s
    if not is_uncertain(summary, value) or bounds is None or rate is None or not rate.median:
        return value
    least, most = (value.median * bound / rate.median for bound in bounds)
    # The rate may be one of its bounds, which arithmetic then moves past it by a rounding.
    low = min(least, value.median if value.low is None else value.low)
    high = max(most, value.median if value.high is None else value.high)
    return Interval(value.median, low, high, value.rounds)


def marked(summary: Summary, value: Interval, text: str) -> str:
    """Return the text of a value, with the mark before it if the value is an uncertain rate."""
    return MARK + text if is_uncertain(summary, value) else text


def note(summaries: Iterable[Summary]) -> str:
    """Return the sentence that explains the mark, after a space; empty if no rate is uncertain."""
    return f" {NOTE}" if any(is_uncertain(s, s.throughput_per_s) for s in summaries) else ""
