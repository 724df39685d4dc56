"""Arithmetic for ticks, bounds and label positions, used by charts and pages."""

import math
from collections.abc import Iterable, Sequence

from bench.analysis.stats import Interval

_DECADE_STEPS = ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))


def log_ticks(low: float, high: float, room: int, *, finest: int = 0) -> list[float]:
    """Return about `room` round values at most, from `low` to `high`, for a logarithmic axis.

    `finest`: the index of the first step pattern to try. The four patterns have from six ticks per
    decade down to one.
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
    """Return all medians and bounds: the values that an axis has to show."""
    return [
        value
        for interval in intervals
        if interval
        for value in (interval.median, interval.low, interval.high)
        if value is not None
    ]


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Return the ascending places with at least `gap` between neighbours.

    A place that is too close to the one before is moved up.
    """
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    return moved
