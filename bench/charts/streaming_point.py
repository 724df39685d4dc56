"""The experiment's point in five seconds: the workshop's code, the fixed code, and buffered."""

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from bench.case import Fetch
from bench.charts import axes as draw
from bench.charts import style
from bench.charts.page import page
from bench.stats import Interval
from bench.streaming.evidence import Way
from bench.streaming.plan import BATCHED
from bench.subject import Subject
from bench.units import BYTES, RATES, TIMES, Unit, with_unit

BACKEND, FUNCTION = "orm+asyncpg", "get_customers"
WORDS = {
    Fetch("streamed"): "stream_scalars(stmt)\nas the workshop has it",
    BATCHED: "with yield_per=1000,\nby partitions()",
    Fetch(): "scalars(stmt).all()\nbuffered",
}

SHORT = {
    Fetch("streamed"): "the workshop's stream",
    BATCHED: "the one with a batch size",
    Fetch(): "the plain fetch",
}


def figures(subject: Subject, ways: Sequence[Way]) -> Iterator[tuple[str, Figure]]:
    asked = (BACKEND, FUNCTION)
    of = {way.fetch: way for way in ways if (way.backend, way.function) == asked and way.points}
    of = {fetch: of[fetch] for fetch in WORDS if fetch in of}
    if len(of) < len(WORDS):
        return
    rows = min(way.largest for way in of.values())
    panels: list[tuple[str, tuple[Unit, ...], list[float]]] = [
        ("time to the first row", TIMES, [w.points[rows].first_row_ns for w in of.values()]),
        ("peak memory", BYTES, [float(w.memory_bytes.get(rows, 0)) for w in of.values()]),
        ("rows/s", RATES, [w.points[rows].rows_per_s for w in of.values()]),
    ]
    figure, grid = page(
        subject,
        f"Does it stream? {rows:,} customers through the ORM on asyncpg",
        f"{FUNCTION}. By memory, first row and a read that fails late: "
        + ", ".join(f"{SHORT[fetch]} {way.verdict}" for fetch, way in of.items())
        + ".",
        height=1.7,
        columns=len(panels),
        left=1.9,
        gap=0.3,
    )
    look = subject.looks[BACKEND]
    for panel, (name, units, values) in zip(grid[0], panels, strict=True):
        draw.linear_axis(panel.xaxis, 1.35 * max(values), units, room=3)
        panel.set_ylim(len(values) - 0.4, -0.6)
        places = {words: float(place) for place, words in enumerate(WORDS.values())}
        panel.set_yticks(list(places.values()), list(places))
        panel.tick_params(labelleft=panel is grid[0][0])
        panel.grid(axis="y", visible=False)
        panel.set_xlabel(name)
        draw.bars(
            panel,
            places,
            {
                words: (Interval(value, None, None, 1), with_unit(value, units), False)
                for words, value in zip(places, values, strict=True)
            },
            {words: style.bar_style(look, subject) for words in places},
            thickness=0.6,
        )
    yield "streaming-point", figure
