"""Buffered, streamed and batched fetches: rows per second, time to the first row, peak memory."""

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis.look import Look
from bench.analysis.selection import Selection, busiest
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.wording import asked, conditions
from bench.model.case import MODES, Fetch
from bench.model.units import BYTES, RATES, TIMES, Unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.palette import hue
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
    for workload in selection.workloads:
        cases = [each for each in selection.summaries if each.case.workload == workload]
        taken = [each for each in cases if each.case.fetch != Fetch()]
        if not taken:
            continue
        concurrency, kind = busiest(taken), _kind(taken[0])
        chosen = [e for e in cases if e.case.concurrency == concurrency and _kind(e) == kind]
        streamed = {each.case.backend for each in chosen if each.case.fetch != Fetch()}
        chosen = [each for each in chosen if each.case.backend in streamed]
        yield f"streaming-{workload}", _figure(selection, selection.ordered(chosen))


def _figure(selection: Selection, chosen: list[Summary]) -> Figure:
    # The null backend answers with three rows from memory, so it has nothing to stream.
    shown = [each for each in chosen if not selection.looks[each.case.backend].null] or chosen
    looks = [selection.looks[name] for name in dict.fromkeys(e.case.backend for e in shown)]
    case = shown[0].case
    shapes = _shapes({each.case.fetch for each in shown})
    legend = style.shape_key({_words(fetch): shape for fetch, shape in shapes.items()})
    if any(_as_in_workshop(each, selection) for each in shown):
        legend += style.ring_key(WORKSHOP)
    panels: list[tuple[str, tuple[Unit, ...], list[Value]]] = [
        ("rows/s", RATES, [(e, e.rows_per_s) for e in shown if e.rows_per_s]),
        ("time to the first row", TIMES, [(e, t) for e in shown if (t := e.usable_after_ns)]),
        (
            "peak memory",
            BYTES,
            [
                (e, Interval(max(e.peak_memory_bytes, LEAST_BYTES), None, None, 1))
                for e in shown
                if e.peak_memory_bytes is not None
            ],
        ),
    ]
    panels = [panel for panel in panels if panel[2]]
    plain = conditions(case).removeprefix(f"{case.fetch}, ").removeprefix("buffered, ")
    figure, grid = page(
        selection,
        f"Buffered and streamed fetches: {case.workload}, at concurrency {case.concurrency}",
        f"{asked(case.workload)}; {plain}. Scales are logarithmic. A buffered fetch has its first "
        "row when it has its last. Peak memory is that of one operation in a fresh process; a "
        "peak below 100 kB is drawn at 100 kB.",
        height=draw.rows_height(looks, 0.36),
        columns=len(panels),
        left=1.75,
        gap=0.25,
        legend=legend,
        legend_columns=3,
        failed=selection.marked(shown[0].case.workload),
    )
    places = draw.rows_by_layer(grid[0], looks)
    for panel, (name, units, values) in zip(grid[0], panels, strict=True):
        draw.log_axis(panel.xaxis, extents(value for _, value in values), units, room=4)
        panel.set_xlabel(name)
        for look in looks:
            own = [(each, value) for each, value in values if each.case.backend == look.name]
            _marks(panel, selection, look, places[look.name], own, shapes)
    return figure


def _marks(
    panel: Axes,
    selection: Selection,
    look: Look,
    y: float,
    values: list[Value],
    shapes: dict[Fetch, str],
) -> None:
    step = 0.56 / max(1, len(shapes) - 1)
    panel.axhline(y, color=style.GRID, lw=0.8, zorder=0.5)
    for each, value in values:
        fetch = each.case.fetch
        height = y - 0.28 + step * list(shapes).index(fetch)
        if value.low and value.high:
            panel.plot(
                [value.low, value.high], [height] * 2, color=hue(look, selection.looks), lw=1.3
            )
        panel.plot(value.median, height, **style.mark_style(look, selection, shapes[fetch]))
        if _as_in_workshop(each, selection):
            panel.plot(value.median, height, **style.RING)
        if each.marked:
            panel.plot(value.median, height, "x", color=style.RED, ms=9, mew=2.2, zorder=9)


def _shapes(fetches: set[Fetch]) -> dict[Fetch, str]:
    taken = {mode: [fetch for fetch in fetches if fetch.mode == mode] for mode in MODES}
    return {
        fetch: SHAPES[mode][place % len(SHAPES[mode])]
        for mode, some in taken.items()
        for place, fetch in enumerate(sorted(some, key=lambda fetch: fetch.batch_size or 0))
    }


def _words(fetch: Fetch) -> str:
    if fetch.mode == "buffered":
        return "buffered"
    size = "the library's batch size" if fetch.batch_size is None else f"{fetch.batch_size:,} rows"
    return f"{fetch.mode} ({size})"


def _as_in_workshop(each: Summary, selection: Selection) -> bool:
    fetch = each.case.fetch
    orm = selection.looks[each.case.backend].layer == "orm"
    return orm and fetch.mode == "streamed" and fetch.batch_size is None


def _kind(each: Summary) -> tuple[str, str, str]:
    case = each.case
    return case.session_scope, case.transactions, case.rows
