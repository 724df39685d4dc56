"""The chart of the lesson `cost-of-the-rule`: times of calls, and of 20 tasks."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.analysis import stats
from bench.model.units import TIMES, short, with_unit
from bench.output.charts.page import sheet
from bench.output.charts.style import INK, RED
from bench.studies.lessons.record import Record

_BLUE, _GREEN = "#0072b2", "#009e73"


def figure(record: Record, small_print: str) -> Figure:
    """Return the figure. Left: the time of a call. Right: the time of 20 tasks of 10 ms."""
    results = record.found
    chart, grid = sheet(
        "A session for every task: what it costs, and what it saves",
        "Left: calls run one after the other; the scale is logarithmic. Right: the time until the "
        "last of 20 tasks is done; each runs one statement of 10 ms. Medians over rounds; black "
        "lines are intervals, and one round has none.",
        small_print,
        height=3.0,
        columns=2,
        left=2.5,
        gap=2.15,
        right=0.4,
        titled=True,
    )
    calls, tasks = grid[0]
    _dots(calls, results["calls"])
    calls.set_xscale("log")
    low, high = calls.get_xlim()
    calls.set_xlim(low / 1.5, high * (high / low) ** 0.35)
    calls.minorticks_off()
    calls.set_title("per call")
    shared = ("a for loop", "gather on one session")
    colours = {name: RED if name in shared else _GREEN for name in results["crowds"]}
    _bars(tasks, results["crowds"], colours)
    tasks.set_xlim(0, tasks.get_xlim()[1] * 1.25)
    tasks.xaxis.set_major_locator(MaxNLocator(3))
    tasks.set_title("20 tasks of 10 ms")
    for panel in grid[0]:
        panel.xaxis.set_major_formatter(lambda value, _: short(value, TIMES))
    return chart


def _dots(panel: Axes, figures: Mapping[str, list[float]]) -> None:
    """Draw the medians as dots: on a logarithmic scale the length of a bar has no meaning."""
    for row, values in enumerate(figures.values()):
        panel.plot(_median(values), row, "o", markersize=9, color=_BLUE)
    _figures(panel, figures)


def _bars(panel: Axes, figures: Mapping[str, list[float]], colours: Mapping[str, str]) -> None:
    for row, (name, values) in enumerate(figures.items()):
        panel.barh(row, _median(values), height=0.6, color=colours[name])
    _figures(panel, figures)


def _figures(panel: Axes, figures: Mapping[str, list[float]]) -> None:
    """Write the names and the medians, and draw the intervals."""
    for row, values in enumerate(figures.values()):
        summary = stats.median_over_rounds(values)
        assert summary is not None
        end = summary.median
        if summary.low is not None and summary.high is not None:
            panel.plot([summary.low, summary.high], [row, row], color=INK, linewidth=1.6)
            end = summary.high
        panel.annotate(
            with_unit(summary.median, TIMES),
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
    summary = stats.median_over_rounds(values)
    assert summary is not None
    return summary.median
