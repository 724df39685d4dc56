"""Pairs of panels over the steps of one factor: throughput at the left, its ratio at the right."""

from collections.abc import Container, Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from bench.analysis.selection import Selection
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.model.units import RATES
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.palette import hue
from bench.output.ticks import extents

MOST_ROWS = 3
"""The most pairs of a page, one for each concurrency."""

Points = dict[str, list[tuple[int, Interval, bool]]]
"""Backend -> place of the step on the x axis, interval, whether operations failed."""


def step_page(
    selection: Selection,
    title: str,
    subtitle: str,
    workload: str,
    *,
    names: Container[str],
    rows: int,
) -> tuple[Figure, list[list[Axes]]]:
    """Return a page of `rows` pairs of panels, with a key for the backends in `names`."""
    looks = [look for name, look in selection.looks.items() if name in names]
    return page(
        selection,
        title,
        subtitle,
        height=2.6 * rows,
        columns=2,
        rows=rows,
        gap=0.75,
        row_gap=0.45,
        right=1.75,
        legend=style.key(
            selection, sorted(looks, key=lambda look: look.mode != "sync"), layered=True
        ),
        legend_columns=3,
        failed=selection.marked(workload),
    )


def draw_lines(selection: Selection, panel: Axes, points: Points, steps: Sequence[str]) -> None:
    """Draw a line for each backend. Steps are evenly spaced: a scale would hide the shortest."""
    for name, line in points.items():
        draw.curve(panel, line, style.line_style(selection.looks[name], selection))
    panel.set_xlim(-0.2, len(steps) - 0.8)
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xticks(range(len(steps)), list(steps))


def rates_axis(panel: Axes, concurrency: int, summaries: Iterable[Summary]) -> None:
    """Give the y axis the throughput of these summaries, on a logarithmic scale."""
    panel.set_ylabel(f"operations/s, {concurrency} client{'s' * (concurrency > 1)}")
    spans = extents(summary.throughput_per_s for summary in summaries)
    draw.log_axis(panel.yaxis, spans, RATES, room=6)


def name_lines(selection: Selection, panel: Axes, points: Points) -> None:
    """Write the name of each backend at the end of its line."""
    draw.end_labels(
        panel,
        [
            (line[-1][1].median, name, hue(selection.looks[name], selection.looks))
            for name, line in points.items()
        ],
        gap=0.075,
    )
