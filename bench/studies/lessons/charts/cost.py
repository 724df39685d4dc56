"""What the rule costs a call, and what it brings a crowd."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis import stats
from bench.model.units import TIMES, short, with_unit
from bench.output.charts.page import sheet
from bench.output.charts.style import INK, RED
from bench.studies.lessons.record import Record

_BLUE, _GREEN = "#0072b2", "#009e73"


def figure(record: Record, small_print: str) -> Figure:
    """Left: microseconds a call. Right: 20 tasks of 10 ms."""
    found = record.found
    made, grid = sheet(
        "What a session for every task costs, and what it brings",
        "Left: one after the other; the scale is logarithmic. Right: 20 tasks with a statement of "
        "10 ms each, until the last is done. Medians of the rounds, with their intervals.",
        small_print,
        height=3.0,
        columns=2,
        left=2.5,
        gap=2.05,
        titled=True,
    )
    calls, crowds = grid[0]
    _dots(calls, found["calls"])
    calls.set_xscale("log")
    low, high = calls.get_xlim()
    calls.set_xlim(low / 1.5, high * 4)
    calls.minorticks_off()
    calls.set_title("a call")
    shared = ("a for loop", "gather on one session")
    _bars(crowds, found["crowds"], {n: RED if n in shared else _GREEN for n in found["crowds"]})
    crowds.set_xlim(0, crowds.get_xlim()[1] * 1.25)
    crowds.set_title("20 tasks of 10 ms")
    for panel in grid[0]:
        panel.xaxis.set_major_formatter(lambda value, _: short(value, TIMES))
    return made


def _dots(panel: Axes, figures: Mapping[str, list[float]]) -> None:
    """On a logarithmic scale, where a bar's length would say nothing."""
    for row, values in enumerate(figures.values()):
        panel.plot(_median(values), row, "o", markersize=9, color=_BLUE)
    _figures(panel, figures)


def _bars(panel: Axes, figures: Mapping[str, list[float]], colours: Mapping[str, str]) -> None:
    for row, (name, values) in enumerate(figures.items()):
        panel.barh(row, _median(values), height=0.6, color=colours[name])
    _figures(panel, figures)


def _figures(panel: Axes, figures: Mapping[str, list[float]]) -> None:
    """Names, intervals, and the medians in words."""
    for row, values in enumerate(figures.values()):
        each = stats.median_over_rounds(values)
        assert each is not None
        end = each.median
        if each.low is not None and each.high is not None:
            panel.plot([each.low, each.high], [row, row], color=INK, linewidth=1.6)
            end = each.high
        panel.annotate(
            with_unit(each.median, TIMES),
            (end, row),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            size=9,
        )
    panel.set_yticks(range(len(figures)), list(figures))
    panel.set_ylim(len(figures) - 0.5, -0.5)
    panel.grid(axis="y", visible=False)


def _median(values: list[float]) -> float:
    found = stats.median_over_rounds(values)
    assert found is not None
    return found.median
