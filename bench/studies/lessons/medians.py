"""Durations of a lesson as the cells of a table: the median, and its interval."""

from collections.abc import Sequence

from bench.analysis import stats
from bench.model.units import TIMES, with_unit


def cells(values_ns: Sequence[float]) -> tuple[str, str]:
    """Return the median of the rounds, and its interval; empty with too few rounds for one."""
    summary = stats.median_over_rounds(values_ns)
    assert summary is not None, "a lesson measures at least one round"
    interval = ""
    if summary.low is not None and summary.high is not None:
        interval = f"{with_unit(summary.low, TIMES)} to {with_unit(summary.high, TIMES)}"
    return with_unit(summary.median, TIMES), interval
