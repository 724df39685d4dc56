"""The charts of the streaming experiment: a panel for each backend, a line for each fetch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.analysis.selection import Selection
from bench.analysis.stats import Interval, once
from bench.analysis.wording import asked
from bench.model.units import BYTES, RATES, TIMES, Unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.palette import hue
from bench.output.ticks import extents
from bench.studies.streaming.evidence import FetchModeResult

COLUMNS = 4
LEAST_BYTES = 1e5
"""The least peak that is shown. A lower one is noise of the allocator, and a logarithmic axis has
no zero."""

LINES: Mapping[str, tuple[str, object, str]] = {
    "buffered": ("o", "-", "buffered"),
    "streamed": (">", (0, (1, 1.5)), "streamed row by row"),
    "batched": ("D", (0, (4, 1.8)), "batch by batch"),
    "single-row": ("*", (0, (4, 1.5, 1, 1.5)), "libpq's single-row mode"),
    "iterated": ("x", (0, (1, 3)), "client-side cursor, iterated"),
}
"""Mode -> marker, line, words."""

Curve = dict[int, Interval]


@dataclass(frozen=True)
class _Chart:
    name: str
    title: str
    subtitle: str
    x: str
    y: str
    units: tuple[Unit, ...]
    curves: Callable[[Sequence[FetchModeResult]], Mapping[str, Curve]]
    """The function from one backend's results of one function to the line of each mode."""


def figures(selection: Selection, ways: Sequence[FetchModeResult]) -> Iterator[tuple[str, Figure]]:
    for function in dict.fromkeys(way.function for way in ways):
        by_backend: dict[str, list[FetchModeResult]] = {}
        for way in ways:
            if way.function == function:
                by_backend.setdefault(way.backend, []).append(way)
        for chart in CHARTS:
            curves = {name: chart.curves(results) for name, results in by_backend.items()}
            curves = {name: lines for name, lines in curves.items() if lines}
            if curves:
                yield f"{chart.name}-{function}", _figure(selection, function, chart, curves)


def _figure(
    selection: Selection, function: str, chart: _Chart, curves: Mapping[str, Mapping[str, Curve]]
) -> Figure:
    names = [name for name in selection.looks if name in curves]
    rows = -(-len(names) // COLUMNS)
    columns = -(-len(names) // rows)
    modes = [mode for mode in LINES if any(mode in curves[name] for name in names)]
    lines = [line for name in names for line in curves[name].values()]
    values = [value for line in lines for value in line.values()]
    bounded = any(value.low is not None for value in values)
    figure, grid = page(
        selection,
        f"{chart.title}: {function}",
        f"{asked(function)}; {chart.subtitle} Both scales are logarithmic."
        + " Upright lines are intervals; one round has none." * bounded,
        intervals=bounded,
        height=1.75 * rows,
        columns=columns,
        rows=rows,
        titled=True,
        gap=0.3,
        row_gap=0.4,
        sharex=True,
        sharey=True,
        legend=[Line2D([], [], label=LINES[m][2], **_line_style(m, style.MUTED)) for m in modes],
        legend_columns=len(modes),
    )
    panels = [panel for row in grid for panel in row]
    sizes = [x for line in lines for x in line]
    draw.log_axis(panels[0].xaxis, sizes, RATES, room=4, pad=1.5)  # narrow panels
    draw.log_axis(panels[0].yaxis, extents(values), chart.units)
    for panel, name in zip(panels, names, strict=False):
        panel.set_title(name)
        _lines(panel, hue(selection.looks[name], selection.looks), curves[name])
    for empty in panels[len(names) :]:
        empty.set_visible(False)
    for column in range(columns):  # the lowest visible panel of each column names the axis
        lowest = max(place for place in range(len(names)) if place % columns == column)
        panels[lowest].set_xlabel(chart.x)
        panels[lowest].tick_params(labelbottom=True)
    for row in grid:
        row[0].set_ylabel(chart.y)
    return figure


def _lines(panel: Axes, hue: str, curves: Mapping[str, Curve]) -> None:
    for mode in LINES:
        if mode in curves:
            sizes = sorted(curves[mode])
            values = [curves[mode][size] for size in sizes]
            for size, value in zip(sizes, values, strict=True):
                if spread := draw.error_bars(value):
                    panel.errorbar(
                        size,
                        value.median,
                        spread,
                        fmt="none",
                        ecolor=hue,
                        elinewidth=1.2,
                        capsize=2,
                    )
            panel.plot(sizes, [value.median for value in values], **_line_style(mode, hue))


def _line_style(mode: str, colour: str) -> dict[str, Any]:
    """Return the options of the line of a fetch, for `Axes.plot` and for the legend."""
    marker, line, _ = LINES[mode]
    return {
        "color": colour,
        "linestyle": line,
        "marker": marker,
        "markersize": 5,
        "markerfacecolor": colour if mode == "buffered" else "white",
        "linewidth": 1.6,
    }


def _over_rows(
    figure: Callable[[FetchModeResult], Curve],
) -> Callable[[Sequence[FetchModeResult]], Mapping[str, Curve]]:
    """Return the lines of the plain fetches over the rows of the result.

    Plain: with the library's own batch size, or with 1,000.
    """

    def curves(ways: Sequence[FetchModeResult]) -> Mapping[str, Curve]:
        lines_by_mode: dict[str, Curve] = {}
        for way in ways:
            if way.fetch.batch_size in ((1000,) if way.fetch.mode == "batched" else (None,)):
                line = figure(way)
                if len(line) > 1:
                    lines_by_mode[way.fetch.mode] = line
        return lines_by_mode

    return curves


def _over_batches(
    figure: Callable[[FetchModeResult], Interval | None],
) -> Callable[..., Mapping[str, Curve]]:
    """Return the lines of a figure of 10,000 rows over the batch size."""

    def curves(ways: Sequence[FetchModeResult]) -> Mapping[str, Curve]:
        lines_by_mode: dict[str, Curve] = {}
        for way in ways:
            value = figure(way)
            if way.fetch.batch_size is not None and value:
                lines_by_mode.setdefault(way.fetch.mode, {})[way.fetch.batch_size] = value
        return {mode: line for mode, line in lines_by_mode.items() if len(line) > 1}

    return curves


SWEPT = 10_000
"""Rows of the result that was fetched with all batch sizes."""


def _rate(way: FetchModeResult) -> Interval | None:
    point = way.points.get(SWEPT)
    return (point.rate or once(point.rows_per_s)) if point else None


def _stall(way: FetchModeResult) -> Interval | None:
    point = way.points.get(SWEPT)
    return once(point.stall_ns) if point and point.stall_ns else None


CHARTS = (
    _Chart(
        "first-row",
        "Time to the first row",
        "batches of 1,000; streamed with the library's own batch size. If buffered, the first row "
        "comes with the last.",
        "rows of the result",
        "first row",
        TIMES,
        _over_rows(
            lambda way: {n: p.first_row or once(p.first_row_ns) for n, p in way.points.items()}
        ),
    ),
    _Chart(
        "memory",
        "Memory of the result",
        "peak of one operation in a fresh process, batches of 1,000; less than 100 kB is shown as "
        "100 kB.",
        "rows of the result",
        "peak memory",
        BYTES,
        _over_rows(lambda way: {s: once(max(b, LEAST_BYTES)) for s, b in way.memory_bytes.items()}),
    ),
    _Chart(
        "batch-rate",
        "Effect of the batch size",
        f"a result of {SWEPT:,} rows.",
        "rows a batch",
        "rows/s",
        RATES,
        _over_batches(_rate),
    ),
    _Chart(
        "batch-stall",
        "Stalls of the event loop",
        f"a result of {SWEPT:,} rows; the longest stall, measured by a heartbeat of 1 ms.",
        "rows a batch",
        "longest stall",
        TIMES,
        _over_batches(_stall),
    ),
)
