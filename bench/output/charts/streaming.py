"""Buffered, streamed and batched fetches: rows per second, time to the first row, peak memory."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from bench.analysis.selection import Selection, busiest
from bench.analysis.stats import Interval, once
from bench.analysis.summary import Summary
from bench.analysis.uncertain import drawn, note
from bench.analysis.wording import asked, conditions
from bench.model.fetch import MODES, Fetch
from bench.model.units import BYTES, RATES, TIMES, Unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.ticks import extents

SHAPES = {
    "buffered": ("o",),
    "iterated": ("p",),
    "streamed": (">", "^", "<"),
    "batched": ("D", "s", "h"),
    "single-row": ("*", "P"),
}
LEAST_BYTES = 1e5
"""The least peak that is drawn. A smaller one is noise of the allocator, and a logarithmic axis has
no zero."""
WORKSHOP = "the ORM without a batch size, as written in the workshop"

Value = tuple[Summary, Interval]


def figures(selection: Selection) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the chart of each workload with a fetch that is not buffered."""
    for workload in selection.workloads:
        alike = selection.alike(workload, "fetch")
        not_buffered = [summary for summary in alike if summary.case.fetch != Fetch()]
        if not not_buffered:
            continue
        concurrency = busiest(not_buffered)
        alike = [summary for summary in alike if summary.case.concurrency == concurrency]
        streamed = {summary.case.backend for summary in alike if summary.case.fetch != Fetch()}
        chosen = [summary for summary in alike if summary.case.backend in streamed]
        yield f"streaming-{workload}", _figure(selection, chosen)


def _figure(selection: Selection, chosen: list[Summary]) -> Figure:
    # The null backend answers with three rows from memory, so it has nothing to stream.
    shown = [
        summary for summary in chosen if not selection.looks[summary.case.backend].null
    ] or chosen
    looks = [
        selection.looks[name] for name in dict.fromkeys(summary.case.backend for summary in shown)
    ]
    case = shown[0].case
    shapes = _shapes({summary.case.fetch for summary in shown})
    legend = style.shape_key({_words(fetch): shape for fetch, shape in shapes.items()})
    legend += style.fill_key()
    if any(_as_in_workshop(summary, selection) for summary in shown):
        legend += style.ring_key(WORKSHOP)
    panels: list[tuple[str, tuple[Unit, ...], list[Value]]] = [
        (
            "rows/s",
            RATES,
            [(summary, summary.rows_per_s) for summary in shown if summary.rows_per_s],
        ),
        (
            "time to the first row",
            TIMES,
            [(summary, t) for summary in shown if (t := summary.usable_after_ns)],
        ),
        (
            "peak memory",
            BYTES,
            [
                (summary, once(max(summary.peak_memory_bytes, LEAST_BYTES)))
                for summary in shown
                if summary.peak_memory_bytes is not None
            ],
        ),
    ]
    panels = [panel for panel in panels if panel[2]]
    figure, grid = page(
        selection,
        f"Buffered and streamed fetches: {case.workload}, at concurrency {case.concurrency}",
        f"{asked(case.workload)}; {conditions(case, 'fetch')}. Scales are logarithmic. A "
        "buffered fetch has its first row when it has its last. Memory: the peak of one operation "
        "in a fresh process; below 100\N{NO-BREAK SPACE}kB it is drawn at 100\N{NO-BREAK SPACE}kB."
        + note(shown),
        height=draw.rows_height(looks, 0.36),
        columns=len(panels),
        left=1.75,
        gap=0.4,
        legend=legend,
        legend_columns=3,
        failed=selection.marked(shown[0].case.workload),
    )
    places = draw.rows_by_layer(grid[0], looks)
    step = 0.56 / max(1, len(shapes) - 1)
    for panel, (name, units, values) in zip(grid[0], panels, strict=True):
        draw.log_axis(panel.xaxis, extents(drawn(*pair) for pair in values), units, room=4)
        panel.set_xlabel(name)
        for look in looks:
            panel.axhline(places[look.name], color=style.GRID, lw=0.8, zorder=0.5)
        for summary, value in values:
            fetch = summary.case.fetch
            y = places[summary.case.backend] - 0.28 + step * list(shapes).index(fetch)
            draw.horizontal_mark(panel, selection, summary, value, y, shapes[fetch])
            if _as_in_workshop(summary, selection):
                panel.plot(value.median, y, **style.RING)
    return figure


def _shapes(fetches: set[Fetch]) -> dict[Fetch, str]:
    by_mode = {mode: [fetch for fetch in fetches if fetch.mode == mode] for mode in MODES}
    return {
        fetch: SHAPES[mode][place % len(SHAPES[mode])]
        for mode, fetches_of_mode in by_mode.items()
        for place, fetch in enumerate(
            sorted(fetches_of_mode, key=lambda fetch: fetch.batch_size or 0)
        )
    }


def _words(fetch: Fetch) -> str:
    if fetch.mode == "buffered":
        return "buffered"
    size = "the library's batch size" if fetch.batch_size is None else f"{fetch.batch_size:,} rows"
    return f"{fetch.mode} ({size})"


def _as_in_workshop(summary: Summary, selection: Selection) -> bool:
    fetch = summary.case.fetch
    orm = selection.looks[summary.case.backend].layer == "orm"
    return orm and fetch.mode == "streamed" and fetch.batch_size is None
