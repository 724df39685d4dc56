"""Scales from values to places in a panel, linear or logarithmic, with round ticks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bench.model.units import Unit, short
from bench.output.ticks import log_ticks


@dataclass(frozen=True)
class Tick:
    """A tick of a scale: its place in px, and its label."""

    place: float
    text: str


@dataclass(frozen=True)
class Scale:
    """A scale from the values `low` to `high` to the places `start` to `end`.

    Places are in px. `start` may be larger than `end`.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool
    units: tuple[Unit, ...]

    def at(self, value: float) -> float:
        """Return the place of a value in px; for a value outside the scale, the nearer end."""
        low, high, shown = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, shown = math.log(low), math.log(high), math.log(shown)
        part = (shown - low) / (high - low) if high > low else 0.0
        return round(self.start + (self.end - self.start) * part, 1)

    def ticks(self, room: int = 4) -> list[Tick]:
        """Return round ticks, about `room` at most."""
        values = log_ticks(self.low, self.high, room) if self.log else _ticks(self.high, room)
        return [Tick(self.at(value), short(value, self.units)) for value in values]


def scale_of(
    values: Iterable[float],
    start: float,
    end: float,
    units: tuple[Unit, ...],
    *,
    log: bool,
    pad: float = 1.12,
) -> Scale:
    """Return a scale that contains these values. A linear scale begins at zero.

    `pad`: the factor by which the scale extends beyond the values.
    """
    known = [value for value in values if value > 0] or [1.0]
    low = min(known) / pad if log else 0.0
    return Scale(low, max(known) * pad, start, end, log, units)


def _ticks(high: float, room: int) -> list[float]:
    """Return values from zero, in steps of 1, 2 or 5 times a power of ten."""
    least = high / room
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)
    return [step * count for count in range(int(high / step) + 1)]
