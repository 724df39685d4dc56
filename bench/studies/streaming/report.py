"""What the streaming experiment answers, for a report: verdicts, crossovers, what must hold."""

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
from bench.studies.streaming.plan import BATCHED, CROWD_ROWS, PROFILES


@dataclass(frozen=True)
class Bar:
    """A figure, and how long its bar is: a share of the longest."""

    text: str
    share: float


@dataclass(frozen=True)
class PointTable:
    """The workshop's code, the fixed code, and buffered: a row each."""

    title: str
    words: str
    headings: list[str]
    rows: list[tuple[str, FetchModeResult, tuple[Bar, ...]]]
    """Code, way, and a bar for each heading."""


@dataclass(frozen=True)
class FetchModeTable:
    """A row for each way of fetching."""

    title: str
    anchor: str
    rows: list[FetchModeResult]
    verdicts: list[str]
    """Of each; empty where the table is not about them."""
    columns: list[Column]


@dataclass(frozen=True)
class Streaming:
    point: PointTable | None
    checks: list[Check]
    verdicts: list[FetchModeTable]
    """A table a function."""
    break_evens: list[BreakEven]
    crowds: list[FetchModeTable]
    batched: str
    """The fetch that crossovers are about."""
    documented: int
    """Rows that SQLAlchemy's documentation names instead."""
    collected: list[Collected]
    collected_headings: tuple[str, ...]
    collected_note: str


def section(results: Results, summaries: Sequence[Summary], selection: Selection) -> Section | None:
    """Return the study's section of the page; None where the run was no streaming experiment."""
    shown = streaming(results, summaries)
    if shown is None:
        return None
    places = {name: place for place, name in enumerate(selection.looks)}
    html = render_part("bench.studies.streaming", "section.html.j2", streaming=shown, place=places)
    return Section("streaming", "Streaming", html)


def streaming(results: Results, summaries: Sequence[Summary]) -> Streaming | None:
    """None where the run was no streaming experiment."""
    if results.header.profile not in PROFILES:
        return None
    ways = by_backend(results, ways_of(results, summaries))
    functions = dict.fromkeys(way.function for way in ways)
    of = {name: [w for w in ways if w.function == name and w.points] for name in functions}
    return Streaming(
        _point(ways),
        checks(ways, summaries, results.probed_as(BareLoop)),
        [_verdicts(name, own) for name, own in of.items() if own],
        break_evens(ways),
        [_crowd(name, own) for name, own in of.items() if any(way.crowds for way in own)],
        str(BATCHED),
        DOCUMENTED,
        collected(summaries),
        HEADINGS,
        NOTE,
    )


def _point(ways: Sequence[FetchModeResult]) -> PointTable | None:
    found = point.point(ways)
    if found is None:
        return None
    rows, three = found
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
    said = [columns.verdict(way) for way in ways]
    return FetchModeTable(function, f"ways-{function}", ways, said, _columns(columns.COLUMNS, ways))


def _crowd(function: str, ways: list[FetchModeResult]) -> FetchModeTable:
    crowded = [way for way in ways if way.crowds]
    size = max(max(way.crowds) for way in crowded)
    title = f"{function}: {CROWD_ROWS:,} rows each, {size} tasks or threads at once"
    made = _columns(columns.crowd_columns(size), crowded)
    return FetchModeTable(title, f"crowd-{function}", crowded, [], made)


def _columns(plans: Sequence[MetricColumn], ways: Sequence[FetchModeResult]) -> list[Column]:
    """Those that anything is known of."""
    made = []
    for plan in plans:
        unit, texts = plan.cells(ways)
        values = [plan.value(way) for way in ways]
        if any(value is not None for value in values):
            cells = [Cell(text, value) for text, value in zip(texts, values, strict=True)]
            name = f"{plan.name} ({unit.symbol})" if unit.symbol else plan.name
            made.append(Column(name, plan.note, cells))
    return made


def _bars(plan: MetricColumn, ways: Sequence[FetchModeResult]) -> list[Bar]:
    values = [plan.value(way) or 0 for way in ways]
    longest = max(values) or 1
    return [Bar(with_unit(value, plan.units), value / longest) for value in values]
