"""The garbage collector's share of a large result, without and with `gc.freeze()`."""

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
"""The distance from one pair of bars to the next, in bars."""


def figures(selection: Selection, _: Sequence[FetchModeResult]) -> Iterator[tuple[str, Figure]]:
    if results := collected(selection.summaries):
        yield "streaming-collector", _figure(selection, results)


def _figure(selection: Selection, results: Sequence[Collected]) -> Figure:
    hues = {r.backend: hue(selection.looks[r.backend], selection.looks) for r in results}
    figure, grid = page(
        selection,
        f"The garbage collector's share: {results[0].rows:,} customers through the ORM",
        "get_customers. While rows become objects, Python's garbage collector walks through all"
        " live objects, again and again. After gc.freeze(), it leaves out those that the program"
        " had before.",
        height=draw.ROW_IN * (_PAIR * len(results) + 0.2),
        left=2.3,
        intervals=False,
        legend=[
            Patch(facecolor=style.INK, label="garbage collector"),
            *(Patch(facecolor=hue, label=f"everything else, {name}") for name, hue in hues.items()),
        ],
    )
    panel = grid[0][0]
    longest = max(side.took_ns for result in results for side in (result.plain, result.frozen))
    draw.linear_axis(panel.xaxis, 1.3 * longest, TIMES)
    panel.set_xlabel(f"time of a fetch of {results[0].rows:,} customers")
    ticks: dict[float, str] = {}
    for number, result in enumerate(
        sorted(results, key=lambda result: (result.backend, result.fetch))
    ):
        place = _PAIR * number
        ticks |= {place: f"{result.backend}, {result.fetch}", place + 1: "after gc.freeze()"}
        for at, side in ((place, result.plain), (place + 1, result.frozen)):
            panel.barh(at, side.collector_ns, 0.8, facecolor=style.INK)
            rest_ns = side.took_ns - side.collector_ns
            panel.barh(at, rest_ns, 0.8, side.collector_ns, facecolor=hues[result.backend])
            panel.annotate(
                _words(side), (side.took_ns, at), (5, 0), textcoords="offset points",
                va="center", size=9.5,
            )  # fmt: skip
    panel.set_ylim(_PAIR * len(results) - 0.7, -0.8)
    panel.set_yticks(list(ticks), list(ticks.values()))
    panel.grid(axis="y", visible=False)
    return figure


def _words(side: Side) -> str:
    return f"{with_unit(side.took_ns, TIMES)}, {side.share:.0%} collecting"
