"""What the garbage collector takes of a large result, as it is and after `gc.freeze()`."""

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bench.analysis.selection import Selection
from bench.model.units import TIMES, with_unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.palette import hue
from bench.studies.streaming.evidence import FetchModeResult
from bench.studies.streaming.garbage_collector import Collected, Side, collected

_PAIR = 2.4
"""Rows from one pair of bars to the next."""


def figures(selection: Selection, _: Sequence[FetchModeResult]) -> Iterator[tuple[str, Figure]]:
    if found := collected(selection.summaries):
        yield "streaming-collector", _figure(selection, found)


def _figure(selection: Selection, found: Sequence[Collected]) -> Figure:
    hues = {each.backend: hue(selection.looks[each.backend], selection.looks) for each in found}
    figure, grid = page(
        selection,
        f"What the garbage collector takes: {found[0].rows:,} customers through the ORM",
        "get_customers. While rows become objects, Python's garbage collector walks through all"
        " objects that are alive, again and again. gc.freeze() takes those out of its sight that"
        " the program held before.",
        height=draw.ROW_IN * (_PAIR * len(found) + 0.2),
        left=2.3,
        legend=[
            Patch(facecolor=style.INK, label="garbage collector"),
            *(Patch(facecolor=hue, label=f"all else, {name}") for name, hue in hues.items()),
        ],
    )
    panel = grid[0][0]
    longest = max(side.took_ns for each in found for side in (each.plain, each.frozen))
    draw.linear_axis(panel.xaxis, 1.3 * longest, TIMES)
    panel.set_xlabel(f"time of a fetch of {found[0].rows:,} customers")
    ticks: dict[float, str] = {}
    for number, each in enumerate(sorted(found, key=lambda one: (one.backend, one.fetch))):
        place = _PAIR * number
        ticks |= {place: f"{each.backend}, {each.fetch}", place + 1: "after gc.freeze()"}
        for at, side in ((place, each.plain), (place + 1, each.frozen)):
            panel.barh(at, side.collector_ns, 0.8, facecolor=style.INK)
            rest_ns = side.took_ns - side.collector_ns
            panel.barh(at, rest_ns, 0.8, side.collector_ns, facecolor=hues[each.backend])
            panel.annotate(
                _words(side), (side.took_ns, at), (5, 0), textcoords="offset points",
                va="center", size=9.5,
            )  # fmt: skip
    panel.set_ylim(_PAIR * len(found) - 0.7, -0.8)
    panel.set_yticks(list(ticks), list(ticks.values()))
    panel.grid(axis="y", visible=False)
    return figure


def _words(side: Side) -> str:
    return f"{with_unit(side.took_ns, TIMES)}, {side.share:.0%} collecting"
