"""Async against sync: ratios of paired rounds.

One panel has libraries with both modes. The other has the change of driver that usually comes with
the move from threads to asyncio.
"""

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.analysis.look import Look
from bench.analysis.pairs import HABITUAL, Move, habitual, same_library
from bench.analysis.selection import Selection, by_backend
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.verdict import compare
from bench.analysis.wording import LAYER_NAMES, asked, conditions
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.palette import hue

Point = tuple[int, Interval, bool]


def figures(selection: Selection) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the chart of each workload that was measured in both modes."""
    for workload in selection.workloads:
        measured = by_backend(selection.alike(workload))
        # Null backends are left out: their ratio is that of an event loop's turn to a thread's, and
        # says nothing about a library.
        looks = [look for name in measured if not (look := selection.looks[name]).null]
        same, usual = same_library(looks), habitual(looks)
        ratios = {move: _ratios(measured, move) for move in same + usual}
        ratios = {move: points for move, points in ratios.items() if points}
        panels = [
            ("The same library, sync and async", [move for move in same if move in ratios]),
            (
                f"{HABITUAL[0]} to {HABITUAL[1]}: changes the driver too",
                [move for move in usual if move in ratios],
            ),
        ]
        panels = [(title, moves) for title, moves in panels if moves]
        if panels:
            yield f"sync-async-{workload}", _figure(selection, workload, panels, ratios)


def _figure(
    selection: Selection,
    workload: str,
    panels: list[tuple[str, list[Move]]],
    ratios: dict[Move, list[Point]],
) -> Figure:
    measured = selection.alike(workload)
    figure, grid = page(
        selection,
        f"Async against sync: {workload}",
        f"{asked(workload)}; {conditions(measured[0].case)}. The throughput of asyncio tasks "
        "divided by that of as many threads, from paired rounds.",
        height=3.5,
        columns=len(panels),
        titled=True,
        gap=1.75,
        right=1.75,
        sharey=True,
        failed=selection.marked(workload),
    )
    points = [point for _, moves in panels for move in moves for point in ratios[move]]
    concurrencies = {concurrency for concurrency, _, _ in points}
    _ratio_axis(grid[0][0], [interval for _, interval, _ in points])
    grid[0][0].set_ylabel("throughput, async / sync")
    for panel, (title, moves) in zip(grid[0], panels, strict=True):
        panel.set_title(title)
        panel.set_xlabel("concurrency (tasks or threads)")
        _lines(panel, selection, {move: ratios[move] for move in moves})
        draw.concurrency_axis(panel, concurrencies)
        _name_lines(panel, selection, {move: ratios[move] for move in moves})
    return figure


def _lines(panel: Axes, selection: Selection, ratios: dict[Move, list[Point]]) -> None:
    """Draw a line for each move, and one at 1. Points of one concurrency are moved apart."""
    panel.axhline(1, color=style.INK, lw=1.2, zorder=1.5)
    for place, (move, points) in enumerate(ratios.items()):
        nudge = 1.06 ** (place - (len(ratios) - 1) / 2)
        marks = style.line_style(move[1], selection) | {"linestyle": "-"}
        for concurrency, interval, failed in points:
            x, y = concurrency * nudge, interval.median
            spread = draw.error_bars(interval)
            panel.errorbar(x, y, yerr=spread, color=marks["color"], lw=1.4, capsize=2.5)
            if failed:
                panel.plot(x, y, "x", color=style.RED, ms=9, mew=2.2)
        line = [(concurrency * nudge, interval.median) for concurrency, interval, _ in points]
        panel.plot(*zip(*line, strict=True), **marks)


def _name_lines(panel: Axes, selection: Selection, ratios: dict[Move, list[Point]]) -> None:
    """Write the name of each move at the end of its line, and the meaning of up and down."""
    ends = [
        (points[-1][1].median, f"{style.glyph(look)} {_name(look)}", hue(look, selection.looks))
        for (_, look), points in ratios.items()
    ]
    draw.end_labels(panel, ends)
    for word, y, where in (("async is faster", 0.985, "top"), ("sync is faster", 0.015, "bottom")):
        panel.annotate(
            word,
            (0.015, y),
            xycoords="axes fraction",
            va=where,
            size=9,
            color=style.MUTED,
            style="italic",
            zorder=1,  # an interval that reaches so far lies above the words
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )


def _ratios(measured: dict[str, list[Summary]], move: Move) -> list[Point]:
    sync, other = (
        {summary.case.concurrency: summary for summary in measured[look.name]} for look in move
    )
    return [
        (concurrency, ratio, sync[concurrency].marked or other[concurrency].marked)
        for concurrency in sorted(sync.keys() & other.keys())
        if (ratio := compare(sync[concurrency], other[concurrency]).ratio)
    ]


def _ratio_axis(panel: Axes, intervals: list[Interval]) -> None:
    # The axis is symmetric around 1: a ratio of 2 is as far from 1 as 0.5.
    ends = [bound for i in intervals for bound in (i.median, i.low, i.high) if bound]
    reach = max([1.35] + [max(end, 1 / end) for end in ends]) * 1.12
    ticks = [0.1, 0.2, 0.25, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 10]
    if reach > 2.5:
        ticks = [0.1, 0.2, 0.33, 0.5, 0.67, 1, 1.5, 2, 3, 5, 10]
    panel.set_yscale("log")
    panel.set_ylim(1 / reach, reach)
    panel.yaxis.set_major_locator(FixedLocator([t for t in ticks if 1 / reach <= t <= reach]))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))  # noqa: RUF001


def _name(look: Look) -> str:
    layer = LAYER_NAMES.get(look.layer, look.layer).removeprefix("SQLAlchemy ")
    return layer if look.driver == HABITUAL[1] else f"{look.driver}, {layer}".removesuffix(" alone")
