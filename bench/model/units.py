"""One unit for a column or an axis: nanoseconds, bytes and rates as people read them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A symbol, and how many base units (ns, bytes, 1/s) it holds."""

    symbol: str
    size: float

    def text(self, value: float | None) -> str:
        """The value in this unit with three significant digits, without the symbol.

        Never in exponents, and never finer than a thousandth. A dash for None.
        """
        return "-" if value is None else number(value / self.size)


TIMES = (Unit("ns", 1), Unit("µs", 1e3), Unit("ms", 1e6), Unit("s", 1e9))
BYTES = (Unit("B", 1), Unit("kB", 1e3), Unit("MB", 1e6), Unit("GB", 1e9))
"""Decimal, as SI has it: 1 MB is 1,000,000 bytes."""
RATES = (Unit("", 1), Unit("k", 1e3), Unit("M", 1e6))


def unit_of(values: Iterable[float | None], units: tuple[Unit, ...]) -> Unit:
    """The largest of `units` in which the middle one of the values is at least 1.

    The middle one, not the extremes: a column that spans decades reads best where most of it is.
    The smallest unit where nothing is above zero.
    """
    known = sorted(value for value in values if value)
    middle = known[len(known) // 2] if known else 0
    fitting = [unit for unit in units if unit.size <= middle]
    return fitting[-1] if fitting else units[0]


def number(value: float) -> str:
    """Three significant digits at most, thousands apart by commas; never a zero that is none."""
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
    """A round value in its own unit, for a tick: `20 k`, `1.5 ms`, `0`."""
    unit = _own(value, units)
    return f"{value / unit.size:.4g} {unit.symbol}".rstrip() if value else "0"


def with_unit(value: float, units: tuple[Unit, ...]) -> str:
    """Three significant digits in the value's own unit, for a label: `5.70 k`, `231 ms`."""
    unit = _own(value, units)
    return f"{number(value / unit.size)} {unit.symbol}".rstrip()


def _own(value: float, units: tuple[Unit, ...]) -> Unit:
    """The largest unit in which the value is at least 1."""
    fitting = [unit for unit in units if unit.size <= abs(value) * (1 + 1e-9)]
    return fitting[-1] if fitting else units[0]
