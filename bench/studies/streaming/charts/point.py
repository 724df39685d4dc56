"""The chart of the main point: the workshop's code, the fixed code, and a buffered fetch."""

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from bench.analysis.selection import Selection
from bench.analysis.stats import Interval, once
from bench.model.units import BYTES, RATES, TIMES, Unit, with_unit
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.ticks import farthest
from bench.studies.streaming.evidence import FetchModeResult
from bench.studies.streaming.point import BACKEND, CODE, point, sentence


def figures(selection: Selection, ways: Sequence[FetchModeResult]) -> Iterator[tuple[str, Figure]]:
    largest = point(ways)
    if largest is None:
        return
    rows, three = largest
    points = [way.points[rows] for way in three.values()]
    panels: list[tuple[str, tuple[Unit, ...], list[Interval]]] = [
        ("time to the first row", TIMES, [p.first_row or once(p.first_row_ns) for p in points]),
        ("peak memory", BYTES, [once(way.memory_bytes.get(rows, 0)) for way in three.values()]),
        ("rows/s", RATES, [p.rate or once(p.rows_per_s) for p in points]),
    ]
    figure, grid = page(
        selection,
        f"Does it stream? {rows:,} customers through the ORM on asyncpg",
        sentence(three),
        height=1.7,
        columns=len(panels),
        left=1.9,
        gap=0.3,
        intervals=any(value.low is not None for _, _, values in panels for value in values),
    )
    look = selection.looks[BACKEND]
    for panel, (name, units, values) in zip(grid[0], panels, strict=True):
        draw.linear_axis(panel.xaxis, 1.35 * farthest(values), units, room=3)
        panel.set_ylim(len(values) - 0.4, -0.6)
        places = {words: float(place) for place, words in enumerate(CODE.values())}
        panel.set_yticks(list(places.values()), list(places))
        panel.tick_params(labelleft=panel is grid[0][0])
        panel.grid(axis="y", visible=False)
        panel.set_xlabel(name)
        draw.bars(
            panel,
            places,
            {
                words: (value, with_unit(value.median, units), False)
                for words, value in zip(places, values, strict=True)
            },
            {words: style.bar_style(look, selection) for words in places},
            thickness=0.6,
        )
    yield "streaming-point", figure
