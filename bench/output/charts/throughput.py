"""Operations per second against concurrency: a panel per layer, a line per backend."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from bench.analysis.selection import Selection, by_backend
from bench.analysis.summary import Summary
from bench.analysis.uncertain import drawn, is_uncertain, marked, note
from bench.analysis.wording import FLOOR, LAYER_NAMES, asked, conditions
from bench.model.units import RATES, with_unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.ticks import extents

FAR = 3
"""Null backends this many times faster than all others are not drawn."""


def figures(selection: Selection) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the throughput chart of each workload."""
    for workload in selection.workloads:
        measured = [summary for summary in selection.alike(workload) if summary.throughput_per_s]
        if not measured:
            continue
        concurrencies = sorted({summary.case.concurrency for summary in measured})
        figure = (
            _lines(selection, measured) if len(concurrencies) > 1 else _bars(selection, measured)
        )
        yield f"throughput-{workload}", figure


def _lines(selection: Selection, measured: list[Summary]) -> Figure:
    layers = selection.layers(measured) or ["null"]
    looks = [selection.looks[name] for name in by_backend(measured)]
    workload = measured[0].case.workload
    far = _far(selection, measured)
    figure, grid = page(
        selection,
        f"Throughput of {workload}",
        f"{asked(workload)}; {conditions(measured[0].case)}. Both scales are logarithmic."
        " Bands are intervals."
        + note(measured)
        + (f" Beyond the scale, and not drawn: {FLOOR}, {far}." if far else ""),
        height=3.5,
        columns=len(layers),
        titled=True,
        gap=0.2,
        sharey=True,
        legend=style.key(
            selection,
            sorted(
                (look for look in looks if not (far and look.null)),
                key=lambda look: (look.null, look.mode != "sync"),
            ),
        ),
        legend_columns=4,
        failed=selection.marked(measured[0].case.workload),
    )
    panels = grid[0]
    bounds = extents(
        drawn(summary, summary.throughput_per_s)
        for summary in measured
        if summary.throughput_per_s and not (far and selection.looks[summary.case.backend].null)
    )
    draw.log_axis(panels[0].yaxis, bounds, RATES, room=8, pad=1.2)
    panels[0].set_ylabel("operations/s")
    for panel, layer in zip(panels, layers, strict=True):
        panel.set_title(LAYER_NAMES.get(layer, layer))
        panel.set_xlabel("concurrency (tasks or threads)")
        for name, summaries in by_backend(measured).items():
            look = selection.looks[name]
            if look.layer != layer and (far or not look.null):
                continue
            points = [
                (summary.case.concurrency, drawn(summary, rate), summary.marked)
                for summary in summaries
                if (rate := summary.throughput_per_s)
            ]
            uncertain = [
                summary.case.concurrency
                for summary in summaries
                if is_uncertain(summary, summary.throughput_per_s)
            ]
            draw.curve(panel, points, style.line_style(look, selection), uncertain)
        draw.concurrency_axis(panel, (summary.case.concurrency for summary in measured))
    return figure


def _far(selection: Selection, measured: list[Summary]) -> str:
    """Return the rates of the null backends in words if they are far above all others.

    They would press the lines together, so only the subtitle has them.
    """
    null: list[float] = []
    others: list[float] = []
    for summary in measured:
        if rate := summary.throughput_per_s:
            of_kind = null if selection.looks[summary.case.backend].null else others
            of_kind.append(rate.median)
    if not null or not others or min(null) <= FAR * max(others):
        return ""
    return f"{with_unit(min(null), RATES)} to {with_unit(max(null), RATES)}"


def _bars(selection: Selection, measured: list[Summary]) -> Figure:
    looks = [selection.looks[summary.case.backend] for summary in measured]
    case = measured[0].case
    figure, grid = page(
        selection,
        f"Throughput of {case.workload}, at concurrency {case.concurrency}",
        f"{asked(case.workload)}; {conditions(case)}.{note(measured)}",
        height=draw.rows_height(looks),
        left=1.75,
        legend=style.sync_async_key(),
        failed=selection.marked(measured[0].case.workload),
    )
    panel = grid[0][0]
    places = draw.rows_by_layer([panel], looks)
    rates = {
        summary.case.backend: drawn(summary, summary.throughput_per_s)
        for summary in measured
        if summary.throughput_per_s
    }
    draw.linear_axis(panel.xaxis, draw.highest(selection, rates), RATES, room=8)
    draw.bars(
        panel,
        places,
        {
            summary.case.backend: (
                drawn(summary, rate),
                marked(summary, rate, with_unit(rate.median, RATES)),
                summary.marked,
            )
            for summary in measured
            if (rate := summary.throughput_per_s)
        },
        {look.name: style.bar_style(look, selection) for look in looks},
    )
    panel.set_xlabel("operations/s")
    return figure
