"""p50, p95 and p99 at each concurrency, with their intervals: a row per backend.

Above `MOST_PANELS` concurrencies: lines against concurrency, a row of panels per layer.
"""

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.selection import Selection, by_backend
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.wording import LAYER_NAMES, asked, conditions
from bench.model.units import TIMES
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.ticks import extents

SHOWN = ("p50", "p95", "p99")
SHAPES = dict(zip(SHOWN, ("o", "s", "D"), strict=True))
STEP = 0.27
"""The distance of two quantiles of a backend, in rows: on one line their intervals overlap."""

MOST_PANELS = 4
"""The most concurrencies that have a panel each."""

ROW_IN = 0.4
"""The height in inches of a row: of three marks."""

QUANTILES = (
    "Median over rounds of each round's exact quantile, or the quantile of all rounds together if"
    " rounds are short."
)


def _shown(measured: list[Summary]) -> Iterator[Interval]:
    """Yield the quantiles that have enough samples."""
    for summary in measured:
        yield from (summary.latency_ns[name] for name in SHOWN if name in summary.latency_ns)


def figures(selection: Selection) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the latency chart of each workload."""
    for workload in selection.workloads:
        # Null backends are decades below the others and would flatten them. The tables have them.
        measured = [
            summary
            for summary in selection.alike(workload)
            if summary.latency_ns and not selection.looks[summary.case.backend].null
        ]
        if not measured:
            continue
        concurrencies = {summary.case.concurrency for summary in measured}
        figure = (
            _lines(selection, measured)
            if len(concurrencies) > MOST_PANELS
            else _dots(selection, measured)
        )
        yield f"latency-{workload}", figure


def _lines(selection: Selection, measured: list[Summary]) -> Figure:
    layers = selection.layers(measured)
    looks = [selection.looks[name] for name in by_backend(measured)]
    workload = measured[0].case.workload
    figure, grid = page(
        selection,
        f"Latency of {workload}",
        f"{asked(workload)}; {conditions(measured[0].case)}. {QUANTILES}"
        " All panels have the same logarithmic scale.",
        height=2.15 * len(layers),
        columns=len(SHOWN),
        titled=True,
        rows=len(layers),
        gap=0.18,
        row_gap=0.22,
        left=1.15,
        sharex=True,
        sharey=True,
        legend=style.key(selection, sorted(looks, key=lambda look: look.mode != "sync")),
        failed=selection.marked(measured[0].case.workload),
    )
    spans = extents(_shown(measured))
    draw.log_axis(grid[0][0].yaxis, spans, TIMES, room=7)
    for layer, panels in zip(layers, grid, strict=True):
        panels[0].set_ylabel(f"{LAYER_NAMES.get(layer, layer)}\n", weight="bold", color=style.MUTED)
        for panel, quantile in zip(panels, SHOWN, strict=True):
            if layer == layers[0]:
                panel.set_title(quantile)
            if layer == layers[-1]:
                panel.set_xlabel("concurrency (tasks or threads)")
            for name, summaries in by_backend(measured).items():
                look = selection.looks[name]
                if look.layer == layer:
                    points = [
                        (summary.case.concurrency, summary.latency_ns[quantile], summary.marked)
                        for summary in summaries
                        if quantile in summary.latency_ns
                    ]
                    draw.curve(panel, points, style.line_style(look, selection), band=False)
            draw.concurrency_axis(panel, (summary.case.concurrency for summary in measured))
    return figure


def _dots(selection: Selection, measured: list[Summary]) -> Figure:
    """Draw a mark and an interval for each quantile, in a panel for each concurrency.

    Bands of several backends on one panel overlap, and hide which interval is whose.
    """
    backends = by_backend(measured)
    looks = [selection.looks[name] for name in backends]
    case = measured[0].case
    concurrencies = sorted({summary.case.concurrency for summary in measured})
    several = len(concurrencies) > 1
    scale = (
        "All panels have the same logarithmic scale." if several else "The scale is logarithmic."
    )
    if len(list(_shown(measured))) < len(measured) * len(SHOWN):
        scale += " A quantile without enough samples is not drawn."
    figure, grid = page(
        selection,
        f"Latency of {case.workload}" + ("" if several else f", at concurrency {concurrencies[0]}"),
        f"{asked(case.workload)}; {conditions(case)}. {QUANTILES}"
        f" Lines are intervals; a quantile of all rounds together has none. {scale}",
        height=draw.rows_height(looks, ROW_IN),
        columns=len(concurrencies),
        left=1.75,
        gap=0.3,
        titled=several,
        sharex=True,
        legend=[*style.shape_key(SHAPES), *style.fill_key()],
        failed=selection.marked(case.workload),
    )
    panels = grid[0]
    places = draw.rows_by_layer(panels, looks)
    draw.log_axis(
        panels[0].xaxis, extents(_shown(measured)), TIMES, room=10 // len(concurrencies) + 1
    )
    for panel, concurrency in zip(panels, concurrencies, strict=True):
        if several:
            panel.set_title(f"{concurrency} client{'s' * (concurrency > 1)}")
        panel.set_xlabel("latency")
        for summary in measured:
            if summary.case.concurrency == concurrency:
                _row(panel, places[summary.case.backend], summary, selection)
    return figure


def _row(panel: Axes, place: float, summary: Summary, selection: Selection) -> None:
    """Draw the quantiles of one case around its row, p50 above p99."""
    look = selection.looks[summary.case.backend]
    for step, name in enumerate(SHOWN):
        if name not in summary.latency_ns:
            continue
        interval = summary.latency_ns[name]
        y = place + (step - 1) * STEP
        mark = style.mark_style(look, selection, SHAPES[name]) | {"markersize": 5}
        panel.errorbar(interval.median, y, xerr=draw.error_bars(interval), elinewidth=1.6, **mark)
    if summary.marked:
        first = next(iter(summary.latency_ns.values()))
        panel.plot(first.median, place, "x", color=style.RED, ms=9, mew=2.2, zorder=9)
