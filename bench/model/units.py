"""Units: one for a column or an axis, so that times, bytes and rates are easy to read."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A symbol, and its size in base units (ns, bytes, 1/s)."""

    symbol: str
    size: float

    def text(self, value: float | None) -> str:
        """Return the value in this unit with three significant digits, without the symbol.

        There are no exponents and at most three decimals. None gives a dash.
        """
        return "-" if value is None else number(value / self.size)


TIMES = (Unit("ns", 1), Unit("µs", 1e3), Unit("ms", 1e6), Unit("s", 1e9))
BYTES = (Unit("B", 1), Unit("kB", 1e3), Unit("MB", 1e6), Unit("GB", 1e9))
"""Decimal units, as in SI: 1 MB is 1,000,000 bytes."""
RATES = (Unit("", 1), Unit("k", 1e3), Unit("M", 1e6))


def unit_of(values: Iterable[float | None], units: tuple[Unit, ...]) -> Unit:
    """Return the largest of `units` in which the median of the values is at least 1.

    The median decides, not the extremes: a column that spans decades is easiest to read in the unit
    of most of its values. If no value is above zero, the result is the smallest unit.
    """
    known = sorted(value for value in values if value)
    middle = known[len(known) // 2] if known else 0
    fitting = [unit for unit in units if unit.size <= middle]
    return fitting[-1] if fitting else units[0]


def unit_of_column(values: Iterable[float | None], units: tuple[Unit, ...]) -> Unit:
    """Return `unit_of` the values; one without a symbol for a column of dashes."""
    listed = list(values)
    return Unit("", 1) if all(value is None for value in listed) else unit_of(listed, units)


def number(value: float) -> str:
    """Return at most three significant digits, with commas between thousands.

    A value that is not zero is never shown as zero, but as `<0.001`.
    """
    size = abs(value)
    if size >= 99.95:
        return f"{value:,.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    if size >= 0.9995:
        return f"{value:.2f}"
    if 0 < size < 0.0005:
        return "<0.001" if value > 0 else ">-0.001"
    return "0" if value == 0 else f"{value:.3f}"


def short(value: float, units: tuple[Unit, ...]) -> str:
    """Return a round value in the unit that suits it, for a tick: `20 k`, `1.5 ms`, `0`."""
    unit = _unit_for(value, units)
    return f"{value / unit.size:.4g} {unit.symbol}".rstrip() if value else "0"


def with_unit(value: float, units: tuple[Unit, ...]) -> str:
    """Return three significant digits in the unit that suits the value: `5.70 k`, `231 ms`."""
    unit = _unit_for(value, units)
    return f"{number(value / unit.size)} {unit.symbol}".rstrip()


def _unit_for(value: float, units: tuple[Unit, ...]) -> Unit:
    """Return the largest unit in which the value is at least 1."""
    fitting = [unit for unit in units if unit.size <= abs(value) * (1 + 1e-9)]
    return fitting[-1] if fitting else units[0]
