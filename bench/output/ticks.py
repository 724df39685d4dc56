"""Arithmetic for ticks, bounds and label positions, used by charts and pages."""

import math
from collections.abc import Iterable, Sequence

from bench.analysis.stats import Interval

FARTHEST = 1.8
"""The farthest end of an interval on a linear axis, as a multiple of the highest median.

One interval that is far longer than all values would press the values together.
"""

_FEWEST = 2
"""The fewest ticks that show a distance."""

_DECADE_STEPS = ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))


def log_ticks(low: float, high: float, room: int, *, finest: int = 0) -> list[float]:
    """Return about `room` round values at most, from `low` to `high`, for a logarithmic axis.

    `finest`: the index of the first step pattern to try. The four patterns have from six ticks per
    decade down to one. A short axis has evenly spaced values.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for steps in _DECADE_STEPS[finest:]:
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) < _FEWEST:
            return _even_ticks(low, high, room)
        if len(ticks) <= room:
            return ticks
    return ticks[:: math.ceil(len(ticks) / room)]


def _even_ticks(low: float, high: float, room: int) -> list[float]:
    """Return values in steps of 1, 2 or 5 times a power of ten, for a scale of less than a decade.

    A scale with a single tick shows no distances.
    """
    least = (high - low) / max(1, room - 1)
    if least <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{step * count:.12g}") for count in range(first, last + 1)]


def extents(intervals: Iterable[Interval | None]) -> list[float]:
    """Return all medians and bounds: the values that an axis has to show."""
    return [
        value
        for interval in intervals
        if interval
        for value in (interval.median, interval.low, interval.high)
        if value is not None
    ]


def farthest(intervals: Sequence[Interval]) -> float:
    """Return the highest bound, but at most `FARTHEST` times the highest median; 1 if none is."""
    most = FARTHEST * max((interval.median for interval in intervals), default=1)
    return min(most, max(extents(intervals), default=1))


def apart(
    places: Sequence[float], gap: float, low: float = -math.inf, high: float = math.inf
) -> list[float]:
    """Return the ascending places with at least `gap` between neighbours, and moved the least.

    The sum of the squared moves is the least: neighbours that are too close are moved around their
    mean (isotonic regression, by pooling adjacent violators). All are kept between `low` and
    `high`; if there is no room for all, they start at `low`.
    """
    blocks: list[tuple[float, int]] = []
    """The mean and the number of places that lie side by side, without the gaps before them."""
    for number, place in enumerate(places):
        mean, count = place - number * gap, 1
        while blocks and blocks[-1][0] > mean:
            before, of_before = blocks.pop()
            mean = (before * of_before + mean * count) / (of_before + count)
            count += of_before
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    last = max(low, high - gap * (len(places) - 1))
    return [min(max(mean, low), last) + number * gap for number, mean in enumerate(means)]
