"""The cost of a session and a transaction around each operation."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from bench.analysis.selection import Selection, busiest
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.uncertain import drawn, note
from bench.analysis.wording import asked, conditions
from bench.model.case import Case
from bench.model.units import RATES, TIMES, Unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.ticks import extents

VARIED = ("session_scope", "transactions")
SHAPES = {
    "one session per task, autocommit": "o",
    "one session per task, implicit transactions": "p",
    "a session per operation, autocommit": "s",
    "a session per operation, implicit transactions": "D",
}


def figures(selection: Selection) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the chart of each workload with several scopes or transactions."""
    for workload in selection.workloads:
        alike = [
            summary
            for summary in selection.alike(workload, *VARIED)
            if not selection.looks[summary.case.backend].null
        ]
        varied = [
            summary
            for summary in alike
            if _words(summary.case) != "one session per task, autocommit"
        ]
        if not varied:
            continue
        chosen = [summary for summary in alike if summary.case.concurrency == busiest(varied)]
        if len({_words(summary.case) for summary in chosen}) > 1:
            yield f"transactions-{workload}", _figure(selection, chosen)


def _figure(selection: Selection, chosen: list[Summary]) -> Figure:
    looks = [
        selection.looks[name] for name in dict.fromkeys(summary.case.backend for summary in chosen)
    ]
    case = chosen[0].case
    present = {_words(summary.case) for summary in chosen}
    shapes = {words: shape for words, shape in SHAPES.items() if words in present}
    panels: list[tuple[str, tuple[Unit, ...], list[tuple[Summary, Interval]]]] = [
        (
            "operations/s",
            RATES,
            [(summary, rate) for summary in chosen if (rate := summary.throughput_per_s)],
        ),
        (
            "median latency",
            TIMES,
            [(summary, summary.latency_ns["p50"]) for summary in chosen if summary.latency_ns],
        ),
    ]
    figure, grid = page(
        selection,
        f"Sessions and transactions: {case.workload}, at concurrency {case.concurrency}",
        f"{asked(case.workload)}; {conditions(case, *VARIED)}. Implicit transactions: the library "
        "begins a transaction for each operation and rolls it back, as in most applications. "
        f"Scales are logarithmic.{note(chosen)}",
        height=draw.rows_height(looks, 0.36),
        columns=2,
        left=1.75,
        gap=0.3,
        legend=[*style.shape_key(shapes), *style.fill_key()],
        legend_columns=2,
        failed=selection.marked(chosen[0].case.workload),
    )
    places = draw.rows_by_layer(grid[0], looks)
    for panel, (name, units, values) in zip(grid[0], panels, strict=True):
        draw.log_axis(panel.xaxis, extents(drawn(*pair) for pair in values), units, room=7)
        panel.set_xlabel(name)
        for look in looks:
            panel.axhline(places[look.name], color=style.GRID, lw=0.8, zorder=0.5)
        for summary, value in values:
            words = _words(summary.case)
            # Marks are one above the other, since their intervals overlap on a busy machine.
            step = list(shapes).index(words) - (len(shapes) - 1) / 2
            y = places[summary.case.backend] + 0.19 * step
            draw.horizontal_mark(panel, selection, summary, value, y, shapes[words])
    return figure


def _words(case: Case) -> str:
    per_operation = case.session_scope == "operation"
    scope = "a session per operation" if per_operation else "one session per task"
    return f"{scope}, " + (
        "autocommit" if case.transactions == "autocommit" else "implicit transactions"
    )
