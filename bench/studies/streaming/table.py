"""The tables of `bench streaming`: a verdict for each fetch, break-evens, and checks."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from bench.analysis.summary import Summary
from bench.output.terminal.whole_table import WholeTable
from bench.results.file import Results
from bench.studies.streaming.break_even import DOCUMENTED, break_evens
from bench.studies.streaming.checks import Check, checks
from bench.studies.streaming.columns import COLUMNS, concurrent_columns, verdict
from bench.studies.streaming.entries import BareLoop
from bench.studies.streaming.evidence import FetchModeResult, by_backend, ways_of
from bench.studies.streaming.garbage_collector import HEADINGS, NOTE, Collected, collected
from bench.studies.streaming.plan import BATCHED, CONCURRENT_ROWS

_STYLES = {"buffers": "red", "unclear": "yellow", "not asked": "dim"}
_CHECK_STYLES = {"holds": "green", "undecided": "yellow", "broken": "bold red"}


def render(results: Results, summaries: list[Summary]) -> RenderableType:
    """Return all tables, for a terminal of 100 columns."""
    ways = by_backend(results, ways_of(results, summaries))
    parts: list[RenderableType] = []
    for function in dict.fromkeys(way.function for way in ways):
        chosen = [way for way in ways if way.function == function and way.points]
        parts += [Text(function, "bold"), _table(chosen), Text(), *_concurrent(chosen)]
    outcomes = checks(ways, summaries, results.probed_as(BareLoop))
    parts += [_break_evens(ways), Text(), *_collector(collected(summaries))]
    return Group(*parts, *_checks(outcomes), _legend())


def _table(ways: Sequence[FetchModeResult]) -> WholeTable:
    """Return a table with the fetches under the name of their backend: a column would not fit."""
    table = WholeTable(box=None, pad_edge=False, padding=(0, 0, 0, 1))
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


def _concurrent(ways: Sequence[FetchModeResult]) -> list[RenderableType]:
    """Return the figures of several clients at once, each with its own session."""
    concurrent = [way for way in ways if way.by_concurrency]
    if not concurrent:
        return []
    size = max(max(way.by_concurrency) for way in concurrent)
    table = WholeTable(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("backend")
    table.add_column("fetch")
    plans = concurrent_columns(size)
    columns = [column.cells(concurrent) for column in plans]
    for column, (unit, _) in zip(plans, columns, strict=True):
        table.add_column(f"{column.name}\n{unit.symbol}", justify="right")
    for row, way in enumerate(concurrent):
        table.add_row(way.backend, str(way.fetch), *(cells[row] for _, cells in columns))
    title = (
        f"{concurrent[0].function}: {CONCURRENT_ROWS:,} rows each, {size} tasks or threads at once"
    )
    return [Text(title, "bold"), table, Text()]


def _break_evens(ways: Sequence[FetchModeResult]) -> RenderableType:
    """Return the break-evens of batches, for each backend and function."""
    title = Text(f"The number of rows from which {BATCHED} is no worse than buffered:", "bold")
    table = WholeTable(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("backend")
    table.add_column("function")
    for name in ("total time", "first row", "memory"):
        table.add_column(name, justify="right")
    for line in break_evens(ways):
        table.add_row(line.backend, line.function, line.total_time, line.first_row, line.memory)
    note = Text(
        f'SQLAlchemy documents results of "typically less than {DOCUMENTED} rows" as too small to'
        " stream.",
        "dim",
    )
    return Group(title, table, note)


def _collector(results: Sequence[Collected]) -> list[RenderableType]:
    """Return the share of Python's garbage collector in the largest results."""
    if not results:
        return []
    table = WholeTable(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("backend")
    table.add_column("fetch")
    for heading in HEADINGS:
        table.add_column(heading.replace(" ", "\n"), justify="right")
    for result in results:
        table.add_row(result.backend, str(result.fetch), *result.cells)
    title = Text(
        f"The garbage collector's share of fetching {results[0].rows:,} customers:", "bold"
    )
    return [title, table, Text(NOTE, "dim"), Text()]


def _checks(outcomes: Sequence[Check]) -> list[Text]:
    lines = [Text("What must hold:", "bold")] if outcomes else []
    for check in outcomes:
        mark = Text(f"{check.word:10}", _CHECK_STYLES[check.word])
        lines.append(Text.assemble(mark, f"{check.sentence}: ", (check.figure, "bold")))
    return lines


def _legend() -> Text:
    return Text(
        "\nrows: the largest result of that fetch; rows/s, first row and memory are those of it."
        "\nverdict: a read that fails late gave the rows before (streams), all but a batch of them"
        " or none\n(buffers); unclear: memory or first row contradict that. memory: peak of one"
        " operation in a fresh\nprocess. stall: the longest of the event loop; server: its CPU time"
        " per fetch; both in runs of\n10,000 rows. stopped: time until ten rows were read and the"
        " stream was closed. held: time for which\nthe session was held to make dicts of 10,000"
        " rows. undecided: the interval includes 1, or there is none.",
        "dim",
    )
