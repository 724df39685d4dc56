"""An engine a call: what it takes, and what it leaves open."""

from matplotlib.figure import Figure

from bench.analysis import stats
from bench.model.units import TIMES, short, with_unit
from bench.output.charts.page import sheet
from bench.output.charts.style import INK, MUTED, RED
from bench.studies.lessons.one_engine import (
    DISPOSED,
    LEFT_OPEN,
    PINGED,
    POOLED,
    UNCOLLECTED,
    UNPOOLED,
    refusal,
)
from bench.studies.lessons.record import Record

_COLOURS = {
    UNCOLLECTED: RED,
    LEFT_OPEN: "#e69f00",
    DISPOSED: "#cc79a7",
    UNPOOLED: "#56b4e9",
    PINGED: "#009e73",
    POOLED: "#0072b2",
}
_ABOVE = {UNCOLLECTED: 0, LEFT_OPEN: 12, POOLED: -9}
"""How far above the end of its line a name stands, in points."""


def figure(record: Record, small_print: str) -> Figure:
    """Left: time a call. Right: connections open after each call."""
    found = record.found
    made, grid = sheet(
        "An engine for every call, against one for all",
        "Open a session, SELECT 1, close. Left: median of the rounds, with its interval; the scale "
        "is logarithmic. Right: connections that the server counts after each call. "
        + refusal(found),
        small_print,
        height=3.0,
        columns=2,
        left=2.2,
        gap=0.75,
        titled=True,
    )
    timing, leaking = grid[0]
    names = list(found["calls"])
    for row, name in enumerate(names):
        each = stats.median_over_rounds(found["calls"][name])
        assert each is not None
        timing.plot(each.median, row, "o", markersize=9, color=_COLOURS[name])
        ends = each.median
        if each.low is not None and each.high is not None:
            timing.plot([each.low, each.high], [row, row], color=INK, linewidth=1.6)
            ends = each.high
        timing.text(ends * 1.15, row, with_unit(each.median, TIMES), va="center", size=9)
    timing.set_xscale("log")
    low, high = timing.get_xlim()
    timing.set_xlim(low / 1.5, high * 3)
    timing.xaxis.set_major_formatter(lambda value, _: short(value, TIMES))
    timing.minorticks_off()
    timing.set_yticks(range(len(names)), names)
    timing.set_ylim(len(names) - 0.5, -0.5)
    timing.set_title("time a call")
    timing.grid(axis="y", visible=False)
    for name in (UNCOLLECTED, LEFT_OPEN, POOLED):
        counted = found["open"][name]
        calls = range(1, len(counted) + 1)
        leaking.plot(calls, counted, color=_COLOURS[name], linewidth=2)
        words = name.removeprefix("an engine a call, ")
        leaking.annotate(
            words,
            (calls[-1], counted[-1]),
            xytext=(-6, _ABOVE[name]),
            textcoords="offset points",
            ha="right",
            va="center",
            size=9,
            color=MUTED,
        )
    leaking.set_title("connections open")
    leaking.set_xlabel("calls")
    leaking.set_ylim(bottom=-15)
    leaking.set_xlim(left=0)
    return made
