"""The streaming section of a report: verdicts, break-evens and checks."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.units import with_unit
from bench.output.report.tables import Cell, Column
from bench.output.report.template import Section, render_part
from bench.results.file import Results
from bench.studies.streaming import columns, point
from bench.studies.streaming.break_even import DOCUMENTED, BreakEven, break_evens
from bench.studies.streaming.checks import Check, checks
from bench.studies.streaming.columns import MetricColumn
from bench.studies.streaming.entries import BareLoop
from bench.studies.streaming.evidence import FetchModeResult, by_backend, ways_of
from bench.studies.streaming.garbage_collector import HEADINGS, NOTE, Collected, collected
from bench.studies.streaming.plan import BATCHED, CONCURRENT_ROWS, PROFILES


@dataclass(frozen=True)
class Bar:
    """A figure, and the length of its bar as a share of the longest."""

    text: str
    share: float


@dataclass(frozen=True)
class PointTable:
    """A table with a row each for the workshop's code, the fixed code, and the buffered fetch."""

    title: str
    words: str
    headings: list[str]
    rows: list[tuple[str, FetchModeResult, tuple[Bar, ...]]]
    """The code, its result, and a bar for each heading."""


@dataclass(frozen=True)
class FetchModeTable:
    """A table with a row for each fetch."""

    title: str
    anchor: str
    rows: list[FetchModeResult]
    verdicts: list[str]
    """The verdict of each row; empty if the table shows none."""
    columns: list[Column]


@dataclass(frozen=True)
class Streaming:
    """Everything that the section shows."""

    point: PointTable | None
    checks: list[Check]
    verdicts: list[FetchModeTable]
    """A table for each function."""
    break_evens: list[BreakEven]
    concurrent: list[FetchModeTable]
    batched: str
    """The fetch that the break-evens are about."""
    documented: int
    """The number of rows that SQLAlchemy's documentation names instead."""
    collected: list[Collected]
    collected_headings: tuple[str, ...]
    collected_note: str


def section(results: Results, summaries: Sequence[Summary], selection: Selection) -> Section | None:
    """Return the study's section of the page; None if the run was not a streaming experiment."""
    shown = streaming(results, summaries)
    if shown is None:
        return None
    places = {name: place for place, name in enumerate(selection.looks)}
    html = render_part("bench.studies.streaming", "section.html.j2", streaming=shown, place=places)
    return Section("streaming", "Streaming", html)


def streaming(results: Results, summaries: Sequence[Summary]) -> Streaming | None:
    """Return the content of the section; None if the run was not a streaming experiment."""
    if results.header.profile not in PROFILES:
        return None
    ways = by_backend(results, ways_of(results, summaries))
    functions = dict.fromkeys(way.function for way in ways)
    by_function = {name: [w for w in ways if w.function == name and w.points] for name in functions}
    return Streaming(
        _point(ways),
        checks(ways, summaries, results.probed_as(BareLoop)),
        [_verdicts(name, chosen) for name, chosen in by_function.items() if chosen],
        break_evens(ways),
        [
            _concurrent(name, chosen)
            for name, chosen in by_function.items()
            if any(way.by_concurrency for way in chosen)
        ],
        str(BATCHED),
        DOCUMENTED,
        collected(summaries),
        HEADINGS,
        NOTE,
    )


def _point(ways: Sequence[FetchModeResult]) -> PointTable | None:
    largest = point.point(ways)
    if largest is None:
        return None
    rows, three = largest
    chosen = list(three.values())
    bars = [_bars(column, chosen) for column in (columns.FIRST, columns.MEMORY, columns.RATE)]
    code = [words.replace(",", "").replace("\n", ", ") for words in point.CODE.values()]
    return PointTable(
        f"{rows:,} customers through the ORM on asyncpg",
        point.sentence(three),
        ["time to the first row", "peak memory", "rows/s"],
        list(zip(code, chosen, zip(*bars, strict=True), strict=True)),
    )


def _verdicts(function: str, ways: list[FetchModeResult]) -> FetchModeTable:
    verdicts = [columns.verdict(way) for way in ways]
    return FetchModeTable(
        function, f"ways-{function}", ways, verdicts, _columns(columns.COLUMNS, ways)
    )


def _concurrent(function: str, ways: list[FetchModeResult]) -> FetchModeTable:
    concurrent = [way for way in ways if way.by_concurrency]
    size = max(max(way.by_concurrency) for way in concurrent)
    title = f"{function}: {CONCURRENT_ROWS:,} rows each, {size} tasks or threads at once"
    shown = _columns(columns.concurrent_columns(size), concurrent)
    return FetchModeTable(title, f"concurrent-{function}", concurrent, [], shown)


def _columns(plans: Sequence[MetricColumn], ways: Sequence[FetchModeResult]) -> list[Column]:
    """Return the columns that have a value."""
    columns_with_values = []
    for plan in plans:
        unit, texts = plan.cells(ways)
        values = [plan.value(way) for way in ways]
        if any(value is not None for value in values):
            cells = [Cell(text, value) for text, value in zip(texts, values, strict=True)]
            name = f"{plan.name} ({unit.symbol})" if unit.symbol else plan.name
            columns_with_values.append(Column(name, plan.note, cells))
    return columns_with_values


def _bars(plan: MetricColumn, ways: Sequence[FetchModeResult]) -> list[Bar]:
    values = [plan.value(way) or 0 for way in ways]
    longest = max(values) or 1
    return [Bar(with_unit(value, plan.units), value / longest) for value in values]
