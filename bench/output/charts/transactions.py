"""The cost of a session and a transaction around each operation."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from bench.analysis.selection import Selection, busiest
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.wording import asked
from bench.model.case import Case, Fetch
from bench.model.units import RATES, TIMES, Unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.palette import hue
from bench.output.ticks import extents

SHAPES = {
    "one session per task, autocommit": "o",
    "one session per task, implicit transactions": "p",
    "a session per operation, autocommit": "s",
    "a session per operation, implicit transactions": "D",
}


def figures(selection: Selection) -> Iterator[tuple[str, Figure]]:
    for workload in selection.workloads:
        cases = [
            each
            for each in selection.summaries
            if each.case.workload == workload and each.case.fetch == Fetch() and each.rounds
            if each.case.rows == "native" and not selection.looks[each.case.backend].null
        ]
        varied = [each for each in cases if _words(each.case) != "one session per task, autocommit"]
        if not varied:
            continue
        chosen = [each for each in cases if each.case.concurrency == busiest(varied)]
        if len({_words(each.case) for each in chosen}) > 1:
            yield f"transactions-{workload}", _figure(selection, selection.ordered(chosen))


def _figure(selection: Selection, chosen: list[Summary]) -> Figure:
    looks = [selection.looks[name] for name in dict.fromkeys(each.case.backend for each in chosen)]
    case = chosen[0].case
    present = {_words(each.case) for each in chosen}
    shapes = {words: shape for words, shape in SHAPES.items() if words in present}
    panels: list[tuple[str, tuple[Unit, ...], list[tuple[Summary, Interval]]]] = [
        (
            "operations/s",
            RATES,
            [(e, e.throughput_per_s) for e in chosen if e.throughput_per_s],
        ),
        (
            "median latency",
            TIMES,
            [(e, e.latency_ns["p50"]) for e in chosen if e.latency_ns],
        ),
    ]
    figure, grid = page(
        selection,
        f"Sessions and transactions: {case.workload}, at concurrency {case.concurrency}",
        f"{asked(case.workload)}; buffered, closed loop. Implicit transactions: the library "
        "begins a transaction for each operation and rolls it back, as in most applications. "
        "Scales are logarithmic.",
        height=draw.rows_height(looks, 0.36),
        columns=2,
        left=1.75,
        gap=0.3,
        legend=style.shape_key(shapes),
        legend_columns=2,
        failed=selection.marked(chosen[0].case.workload),
    )
    places = draw.rows_by_layer(grid[0], looks)
    for panel, (name, units, values) in zip(grid[0], panels, strict=True):
        draw.log_axis(panel.xaxis, extents(value for _, value in values), units, room=7)
        panel.set_xlabel(name)
        for look in looks:
            own = [(each, value) for each, value in values if each.case.backend == look.name]
            y = places[look.name]
            panel.axhline(y, color=style.GRID, lw=0.8, zorder=0.5)
            for each, value in own:
                words = _words(each.case)
                # Marks are one above the other, since their intervals overlap on a busy machine.
                height = y + 0.19 * (list(shapes).index(words) - (len(shapes) - 1) / 2)
                spread = draw.error_bars(value)
                if spread:
                    panel.errorbar(
                        value.median, height, xerr=spread, color=hue(look, selection.looks), lw=1.3
                    )
                mark = style.mark_style(look, selection, shapes[words])
                panel.plot(value.median, height, **mark)
                if each.marked:
                    panel.plot(value.median, height, "x", color=style.RED, ms=9, mew=2.2, zorder=9)
    return figure


def _words(case: Case) -> str:
    per_operation = case.session_scope == "operation"
    scope = "a session per operation" if per_operation else "one session per task"
    return f"{scope}, " + (
        "autocommit" if case.transactions == "autocommit" else "implicit transactions"
    )
