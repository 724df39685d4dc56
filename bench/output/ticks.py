"""Ticks, bounds and label places: the arithmetic that charts and pages share."""

import math
from collections.abc import Iterable, Sequence

from bench.analysis.stats import Interval

_DECADE_STEPS = ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))


def log_ticks(low: float, high: float, room: int, *, finest: int = 0) -> list[float]:
    """Return at most about `room` round values from `low` to `high` for a logarithmic axis.

    `finest`: the first of the four step patterns to try, from six ticks a decade to one.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for steps in _DECADE_STEPS[finest:]:
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= room:
            return ticks
    return ticks[:: math.ceil(len(ticks) / room)]


def extents(intervals: Iterable[Interval | None]) -> list[float]:
    """Return every median and bound: all values that an axis has to show."""
    return [
        value
        for interval in intervals
        if interval
        for value in (interval.median, interval.low, interval.high)
        if value is not None
    ]


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Return ascending places with at least `gap` between neighbours: later ones are moved on."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    return moved
