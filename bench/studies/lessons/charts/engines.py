"""The chart of the lesson `one-engine`: times of calls, and open connections."""

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
"""The distance of a name above its line, in points."""


def figure(record: Record, small_print: str) -> Figure:
    """Return the figure. Left: the time of a call. Right: open connections after each call."""
    results = record.found
    chart, grid = sheet(
        "An engine for every call, or one for all calls",
        "Each call opens a session, runs SELECT 1 and closes it. Left: medians over rounds, with "
        "their intervals; the scale is logarithmic. Right: open connections after each call, as "
        "the server counts them. " + refusal(results),
        small_print,
        height=3.0,
        columns=2,
        left=2.2,
        gap=0.75,
        titled=True,
    )
    timing, leaking = grid[0]
    names = list(results["calls"])
    for row, name in enumerate(names):
        summary = stats.median_over_rounds(results["calls"][name])
        assert summary is not None
        timing.plot(summary.median, row, "o", markersize=9, color=_COLOURS[name])
        end = summary.median
        if summary.low is not None and summary.high is not None:
            timing.plot([summary.low, summary.high], [row, row], color=INK, linewidth=1.6)
            end = summary.high
        timing.text(end * 1.15, row, with_unit(summary.median, TIMES), va="center", size=9)
    timing.set_xscale("log")
    low, high = timing.get_xlim()
    timing.set_xlim(low / 1.5, high * 3)
    timing.xaxis.set_major_formatter(lambda value, _: short(value, TIMES))
    timing.minorticks_off()
    timing.set_yticks(range(len(names)), names)
    timing.set_ylim(len(names) - 0.5, -0.5)
    timing.set_title("time per call")
    timing.grid(axis="y", visible=False)
    for name in (UNCOLLECTED, LEFT_OPEN, POOLED):
        counted = results["open"][name]
        calls = range(1, len(counted) + 1)
        leaking.plot(calls, counted, color=_COLOURS[name], linewidth=2)
        label = name.removeprefix("an engine a call, ")
        # The line of one engine is short: its name begins with it, so as not to cross the axis.
        place, aside, side = (0, 3, "left") if name == POOLED else (-1, -6, "right")
        leaking.annotate(
            label,
            (calls[place], counted[place]),
            xytext=(aside, _ABOVE[name]),
            textcoords="offset points",
            ha=side,
            va="center",
            size=9,
            color=MUTED,
        )
    leaking.set_title("open connections")
    leaking.set_xlabel("calls")
    leaking.set_ylim(bottom=-15)
    leaking.set_xlim(left=0)
    return chart
