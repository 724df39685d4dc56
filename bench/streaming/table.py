"""What `bench streaming` prints: a verdict a way, crossovers, and what must hold."""

from collections.abc import Callable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.case import Fetch
from bench.results.file import Results
from bench.streaming.evidence import Point, Way, crossover, ways_of
from bench.streaming.plan import BATCHED, CROWD_ROWS
from bench.streaming.promises import Promise, promises
from bench.summary import Summary
from bench.units import BYTES, RATES, TIMES, Unit, unit_of

DOCUMENTED = 10_000
"""SQLAlchemy's word on when not to stream: results of "typically less than 10000 rows".

https://docs.sqlalchemy.org/en/20/core/connections.html#using-server-side-cursors-a-k-a-stream-results
"""

_STYLES = {"buffers": "red", "unclear": "yellow", "not asked": "dim"}

_Figure = Callable[[Way], float | None]


def render(results: Results, summaries: list[Summary]) -> RenderableType:
    """All of it, for a terminal of 100 columns."""
    ways = ways_of(results, summaries)
    order = list(results.header["backends"])
    ways.sort(key=lambda way: (order.index(way.backend), way.fetch))
    parts: list[RenderableType] = []
    for function in dict.fromkeys(way.function for way in ways):
        own = [way for way in ways if way.function == function and way.points]
        parts += [Text(function, "bold"), _table(own), Text(), *_crowds(own)]
    held = promises(ways, summaries, results.bare_loops)
    return Group(*parts, _crossovers(ways), Text(), *_promises(held), _legend())


def _table(ways: Sequence[Way]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    for name in ("backend", "fetch", "verdict"):
        table.add_column(name, no_wrap=True)
    columns = [
        _column("rows", lambda way: way.largest, RATES, ways),
        _column("rows/s", lambda way: way.points[way.largest].rows_per_s, RATES, ways),
        _column("first", lambda way: way.points[way.largest].first_row_ns, TIMES, ways),
        _column("memory", _memory, BYTES, ways),
        _column("stall", _of_runs(lambda point: point.stall_ns), TIMES, ways),
        _column("server", _of_runs(lambda point: point.server_cpu_ns), TIMES, ways),
        _column("stopped", lambda way: way.proof.early_ns if way.proof else None, TIMES, ways),
        _column("held", lambda way: way.proof.held_ns if way.proof else None, TIMES, ways),
    ]
    for heading, _ in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    before = ""
    for row, way in enumerate(ways):
        verdict = Text(_verdict(way), _STYLES.get(way.verdict, "green"))
        if way.proof and not way.proof.clean:
            verdict.append(" UNCLEAN", "bold red")
        backend = "" if way.backend == before else way.backend
        before = way.backend
        table.add_row(backend, str(way.fetch), verdict, *(cells[row] for _, cells in columns))
    return table


def _verdict(way: Way) -> str:
    if way.verdict == "streams in batches" and way.proof and way.proof.batch:
        return f"streams by {way.proof.batch:,}"
    return way.verdict


def _memory(way: Way) -> float | None:
    return way.memory_bytes.get(max(way.memory_bytes, default=0))


def _of_runs(figure: Callable[[Point], float | None]) -> _Figure:
    """Of the largest result that was run: of a lone fetch such figures are not taken."""

    def value(way: Way) -> float | None:
        seen = (figure(way.points[size]) for size in sorted(way.points, reverse=True))
        return next((found for found in seen if found is not None), None)

    return value


def _column(
    name: str, figure: _Figure, units: tuple[Unit, ...], ways: Sequence[Way]
) -> tuple[str, list[str]]:
    values = [figure(way) for way in ways]
    unit = unit_of(values, units)
    return f"{name}\n{unit.symbol}", [unit.text(value) for value in values]


def _crowds(ways: Sequence[Way]) -> list[RenderableType]:
    """What becomes of it when several fetch at once, each with a session of its own."""
    crowded = [way for way in ways if way.crowds]
    if not crowded:
        return []
    size = max(max(way.crowds) for way in crowded)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("backend")
    table.add_column("fetch")
    columns = [
        _column("rows/s", lambda way: way.crowds[size].rows_per_s, RATES, crowded),
        _column("first", lambda way: way.crowds[size].first_row_ns, TIMES, crowded),
        _column("stall", lambda way: way.crowds[size].stall_ns, TIMES, crowded),
    ]
    for heading, _ in columns:
        table.add_column(heading, justify="right")
    for row, way in enumerate(crowded):
        table.add_row(way.backend, str(way.fetch), *(cells[row] for _, cells in columns))
    title = f"{crowded[0].function}: {CROWD_ROWS:,} rows each, {size} tasks or threads at once"
    return [Text(title, "bold"), table, Text()]


def _crossovers(ways: Sequence[Way]) -> RenderableType:
    """From how many rows on batches win, a backend and a function each."""
    title = Text(f"From how many rows on {BATCHED} is no worse than buffered:", "bold")
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("backend")
    table.add_column("function")
    for name in ("total time", "first row", "memory"):
        table.add_column(name, justify="right")
    of = {(way.backend, way.function, way.fetch): way for way in ways}
    for (backend, function, fetch), buffered in of.items():
        batched = of.get((backend, function, BATCHED))
        if fetch != Fetch() or batched is None or not buffered.points:
            continue
        table.add_row(
            backend,
            function,
            _from(_times(buffered), _times(batched)),
            _from(_firsts(buffered), _firsts(batched)),
            _from(buffered.memory_bytes, batched.memory_bytes),
        )
    note = Text(
        f'SQLAlchemy documents results of "typically less than {DOCUMENTED} rows" as too small to'
        " stream.",
        "dim",
    )
    return Group(title, table, note)


def _times(way: Way) -> dict[int, float]:
    return {size: point.total_ns for size, point in way.points.items()}


def _firsts(way: Way) -> dict[int, float]:
    return {size: point.first_row_ns for size, point in way.points.items()}


def _from(buffered: Mapping[int, float], batched: Mapping[int, float]) -> str:
    if not buffered.keys() & batched.keys():
        return "-"
    size = crossover(buffered, batched)
    return "never" if size is None else f"{size:,}"


def _promises(held: Sequence[Promise]) -> list[Text]:
    lines = [Text("What must hold:", "bold")] if held else []
    for promise in held:
        mark = Text("holds   ", "green") if promise.kept else Text("BROKEN  ", "bold red")
        lines.append(Text.assemble(mark, f"{promise.sentence}: ", (promise.figure, "bold")))
    return lines


def _legend() -> Text:
    return Text(
        "\nrows: of the largest result that was fetched so: rows/s, first row and memory are its."
        "\nverdict: a read that fails late gave its rows before (streams), all but a broken batch"
        " or none\n(buffers); unclear: its memory or first row says otherwise. memory: peak of one"
        " operation in a fresh\nprocess. stall: the longest of the event loop; server: its CPU"
        " time a fetch; both in runs of\n10,000 rows. stopped: ten rows of all were read, and left."
        " held: the session, for 10,000 rows made dicts.",
        "dim",
    )
