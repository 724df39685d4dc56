"""p50, p95 and p99 against concurrency: a row of panels per layer, a line per backend."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from bench.analysis.selection import Selection, by_backend
from bench.analysis.summary import Summary
from bench.analysis.wording import LAYER_NAMES, asked, conditions
from bench.model.units import TIMES
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.palette import hue
from bench.output.ticks import extents

SHOWN = ("p50", "p95", "p99")


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
            _lines(selection, measured) if len(concurrencies) > 1 else _marks(selection, measured)
        )
        yield f"latency-{workload}", figure


def _lines(selection: Selection, measured: list[Summary]) -> Figure:
    layers = selection.layers(measured)
    looks = [selection.looks[name] for name in by_backend(measured)]
    workload = measured[0].case.workload
    figure, grid = page(
        selection,
        f"Latency of {workload}",
        f"{asked(workload)}; {conditions(measured[0].case)}. Median over rounds of each round's "
        "exact quantile. All panels have the same logarithmic scale.",
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
    spans = extents(summary.latency_ns[name] for summary in measured for name in SHOWN)
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
                    ]
                    draw.curve(panel, points, style.line_style(look, selection))
            draw.concurrency_axis(panel, (summary.case.concurrency for summary in measured))
    return figure


def _marks(selection: Selection, measured: list[Summary]) -> Figure:
    looks = [selection.looks[summary.case.backend] for summary in measured]
    case = measured[0].case
    shapes = dict(zip(SHOWN, ("o", "|", "D"), strict=True))
    figure, grid = page(
        selection,
        f"Latency of {case.workload}, at concurrency {case.concurrency}",
        f"{asked(case.workload)}; {conditions(case)}. Median over rounds of each round's exact "
        "quantile. The scale is logarithmic.",
        height=draw.rows_height(looks),
        left=1.75,
        legend=style.shape_key(shapes),
        failed=selection.marked(measured[0].case.workload),
    )
    panel = grid[0][0]
    places = draw.rows_by_layer([panel], looks)
    spans = extents(summary.latency_ns[name] for summary in measured for name in SHOWN)
    draw.log_axis(panel.xaxis, spans, TIMES, room=9)
    for summary, look in zip(measured, looks, strict=True):
        y = places[look.name]
        colour = hue(look, selection.looks)
        medians = [summary.latency_ns[name].median for name in SHOWN]
        panel.plot([medians[0], medians[-1]], [y, y], color=colour, lw=2, alpha=0.45)
        for name, median in zip(SHOWN, medians, strict=True):
            mark = style.mark_style(look, selection, shapes[name])
            panel.plot(median, y, **mark | ({"markersize": 11} if shapes[name] == "|" else {}))
        if summary.marked:
            panel.plot(medians[0], y, "x", color=style.RED, ms=9, mew=2.2, zorder=9)
    panel.set_xlabel("latency")
    return figure
