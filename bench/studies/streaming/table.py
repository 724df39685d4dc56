"""What `bench streaming` prints: a verdict a way, crossovers, and what must hold."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.analysis.summary import Summary
from bench.results.file import Results
from bench.studies.streaming.break_even import DOCUMENTED, break_evens
from bench.studies.streaming.checks import Check, checks
from bench.studies.streaming.columns import COLUMNS, crowd_columns, verdict
from bench.studies.streaming.entries import BareLoop
from bench.studies.streaming.evidence import FetchModeResult, by_backend, ways_of
from bench.studies.streaming.garbage_collector import HEADINGS, NOTE, Collected, collected
from bench.studies.streaming.plan import BATCHED, CROWD_ROWS

_STYLES = {"buffers": "red", "unclear": "yellow", "not asked": "dim"}
_PROMISE_STYLES = {"holds": "green", "undecided": "yellow", "broken": "bold red"}


def render(results: Results, summaries: list[Summary]) -> RenderableType:
    """All of it, for a terminal of 100 columns."""
    ways = by_backend(results, ways_of(results, summaries))
    parts: list[RenderableType] = []
    for function in dict.fromkeys(way.function for way in ways):
        own = [way for way in ways if way.function == function and way.points]
        parts += [Text(function, "bold"), _table(own), Text(), *_crowds(own)]
    held = checks(ways, summaries, results.probed_as(BareLoop))
    parts += [_crossovers(ways), Text(), *_collector(collected(summaries))]
    return Group(*parts, *_promises(held), _legend())


def _table(ways: Sequence[FetchModeResult]) -> Table:
    """Under the name of each backend its ways: a column for it would not fit."""
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    for name in ("fetch", "verdict"):
        table.add_column(name, no_wrap=True)
    columns = [column.cells(ways) for column in COLUMNS]
    for column, (unit, _) in zip(COLUMNS, columns, strict=True):
        table.add_column(f"{column.name}\n{unit.symbol}", justify="right", no_wrap=True)
    before = ""
    for row, way in enumerate(ways):
        if way.backend != before:
            table.add_row(Text(way.backend, "bold"))
        before = way.backend
        word = Text(verdict(way), _STYLES.get(way.verdict, "green"))
        if way.proof and not way.proof.clean:
            word.append(" UNCLEAN", "bold red")
        table.add_row(f"  {way.fetch}", word, *(cells[row] for _, cells in columns))
    return table


def _crowds(ways: Sequence[FetchModeResult]) -> list[RenderableType]:
    """What becomes of it when several fetch at once, each with a session of its own."""
    crowded = [way for way in ways if way.crowds]
    if not crowded:
        return []
    size = max(max(way.crowds) for way in crowded)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("backend")
    table.add_column("fetch")
    plans = crowd_columns(size)
    columns = [column.cells(crowded) for column in plans]
    for column, (unit, _) in zip(plans, columns, strict=True):
        table.add_column(f"{column.name}\n{unit.symbol}", justify="right")
    for row, way in enumerate(crowded):
        table.add_row(way.backend, str(way.fetch), *(cells[row] for _, cells in columns))
    title = f"{crowded[0].function}: {CROWD_ROWS:,} rows each, {size} tasks or threads at once"
    return [Text(title, "bold"), table, Text()]


def _crossovers(ways: Sequence[FetchModeResult]) -> RenderableType:
    """From how many rows on batches win, a backend and a function each."""
    title = Text(f"From how many rows on {BATCHED} is no worse than buffered:", "bold")
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("backend")
    table.add_column("function")
    for name in ("total time", "first row", "memory"):
        table.add_column(name, justify="right")
    for each in break_evens(ways):
        table.add_row(each.backend, each.function, each.total_time, each.first_row, each.memory)
    note = Text(
        f'SQLAlchemy documents results of "typically less than {DOCUMENTED} rows" as too small to'
        " stream.",
        "dim",
    )
    return Group(title, table, note)


def _collector(found: Sequence[Collected]) -> list[RenderableType]:
    """What the largest results owe to Python's garbage collector."""
    if not found:
        return []
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("backend")
    table.add_column("fetch")
    for heading in HEADINGS:
        table.add_column(heading.replace(" ", "\n"), justify="right")
    for each in found:
        table.add_row(each.backend, str(each.fetch), *each.cells)
    title = Text(f"What the garbage collector takes of {found[0].rows:,} customers:", "bold")
    return [title, table, Text(NOTE, "dim"), Text()]


def _promises(held: Sequence[Check]) -> list[Text]:
    lines = [Text("What must hold:", "bold")] if held else []
    for promise in held:
        mark = Text(f"{promise.word:10}", _PROMISE_STYLES[promise.word])
        lines.append(Text.assemble(mark, f"{promise.sentence}: ", (promise.figure, "bold")))
    return lines


def _legend() -> Text:
    return Text(
        "\nrows: of the largest result that was fetched so: rows/s, first row and memory are its."
        "\nverdict: a read that fails late gave its rows before (streams), all but a broken batch"
        " or none\n(buffers); unclear: its memory or first row says otherwise. memory: peak of one"
        " operation in a fresh\nprocess. stall: the longest of the event loop; server: its CPU"
        " time a fetch; both in runs of\n10,000 rows. stopped: ten rows of all were read, and left."
        " held: the session, for 10,000 rows made dicts."
        "\nundecided: the interval has both, fewer and no fewer, or there is none.",
        "dim",
    )
