"""The tables of a report. Each case is in one table, with the cases that compare with it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.analysis.figure import FIGURES, THROUGHPUT, Figure
from bench.analysis.noise_floor import NoiseFloor
from bench.analysis.ranking import leaders
from bench.analysis.selection import Selection
from bench.analysis.stats import Interval, once
from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.model.units import BYTES, RATES, TIMES, Unit, unit_of

Value = Callable[[Summary], Interval | None]


@dataclass(frozen=True)
class Cell:
    """A cell. `tip`: the interval in words. `best`: whether the cell is marked."""

    text: str
    sort: float | None
    """The value that the column is sorted by; None is last."""
    tip: str = ""
    best: bool = False


@dataclass(frozen=True)
class Column:
    """A column: its heading, and one cell per row."""

    name: str
    note: str
    """The meaning of the heading, in words."""
    cells: list[Cell]


@dataclass(frozen=True)
class Table:
    """A table: its title, its anchor in the page, and one row per summary."""

    title: str
    anchor: str
    rows: list[Summary]
    columns: list[Column]


@dataclass(frozen=True)
class _Plan:
    name: str
    note: str
    units: tuple[Unit, ...]
    value: Value
    figure: Figure | None = None
    """The figure that ranks the column; None if the column is not ranked."""


def _quantile(name: str) -> Value:
    return lambda summary: summary.latency_ns.get(name)


def _of_part(part: str, quantile: str) -> Value:
    def interval(summary: Summary) -> Interval | None:
        quantiles = getattr(summary.open, f"{part}_ns", {})
        known: Interval | None = quantiles.get(quantile)
        return known

    return interval


def _exact(value: Callable[[Summary], int | None]) -> Value:
    def interval(summary: Summary) -> Interval | None:
        known = value(summary)
        return None if known is None else once(known)

    return interval


_RATE = _Plan(
    "operations/s",
    "throughput: operations per second",
    RATES,
    lambda summary: summary.throughput_per_s,
    THROUGHPUT,
)
_ROWS = _Plan(
    "rows/s",
    "rows of the joined result per second",
    RATES,
    lambda summary: summary.rows_per_s,
    FIGURES["rows"],
)
_FIRST = _Plan(
    "first row",
    "time from the start of an operation until its first row can be used",
    TIMES,
    lambda summary: summary.usable_after_ns,
    FIGURES["first-row"],
)
_MEMORY = _Plan(
    "memory",
    "peak memory of one operation in a fresh process",
    BYTES,
    _exact(lambda summary: summary.peak_memory_bytes),
)
_CPU = _Plan(
    "client CPU",
    "client CPU time per operation",
    TIMES,
    lambda summary: summary.client_cpu_ns,
    FIGURES["cpu"],
)
_SERVER = _Plan(
    "server CPU", "server CPU time per operation", TIMES, lambda summary: summary.server_cpu_ns
)
_STALL = _Plan(
    "stall",
    "longest time for which the event loop ran no other task",
    TIMES,
    _exact(lambda summary: summary.loop_stall_max_ns),
)
_LATENCY = tuple(
    _Plan(name, f"{name} of the latency", TIMES, _quantile(name), FIGURES[name])
    for name in ("p50", "p95", "p99")
)
_PARTS = tuple(
    _Plan(f"{part} {name}", f"{name} of {words}", TIMES, _of_part(part, name))
    for part, name, words in (
        ("service", "p50", "the time from the real start of an operation"),
        ("service", "p99", "the time from the real start of an operation"),
        ("wait", "p99", "the wait from the intended start for a free client"),
    )
)
_ENDED = _Plan(
    "ended/s", "operations that ended, a second", RATES, lambda summary: summary.throughput_per_s
)
_RESPONSE = tuple(
    _Plan(name, f"{name} of the response, from the intended start", TIMES, _quantile(name),
          FIGURES[name])
    for name in ("p50", "p95", "p99")
)  # fmt: skip
AT_RATE = (_ENDED, *_RESPONSE, *_PARTS, _CPU, _SERVER)
PLAIN = (_RATE, *_LATENCY, _CPU, _SERVER)
MOST_RATES = 6
"""The most arrival rates that have a table each. More, as of a search, are rows of one table."""
TAKEN = (_ROWS, _FIRST, _MEMORY, _STALL, _CPU, _SERVER)


def tables(selection: Selection, floors: Mapping[Figure, NoiseFloor]) -> list[Table]:
    """Return a table for each workload, concurrency, session scope and transactions, in plan order.

    `floors`: figure -> its noise floor.
    """
    groups: dict[tuple[Case, bool], list[Summary]] = {}
    for summary in selection.summaries:
        groups.setdefault(_group(summary, selection), []).append(summary)
    return [
        _table(case, taken, group, selection, floors) for (case, taken), group in groups.items()
    ]


def _group(summary: Summary, selection: Selection) -> tuple[Case, bool]:
    """Return the case of the summary's table, and whether the table compares fetches."""
    case = replace(summary.case, backend="", loop="asyncio")
    rates = {other.case.rate for other in selection.summaries if other.case.rate is not None}
    if case.rate is not None and len(rates) > MOST_RATES:
        case = replace(case, rate=min(rates))
    taken = any(
        other.case.fetch.mode != "buffered"
        for other in selection.summaries
        if other.case.workload == case.workload
    )
    return (replace(case, fetch=Case("", "").fetch) if taken else case), taken


def _table(
    case: Case,
    taken: bool,
    group: list[Summary],
    selection: Selection,
    floors: Mapping[Figure, NoiseFloor],
) -> Table:
    at_rate = case.rate is not None
    rates = sorted({summary.case.rate or 0 for summary in group})
    plans = AT_RATE if at_rate else TAKEN if taken else PLAIN
    if len(rates) > 1:  # a search: rows of other rates are not ranked
        plans = tuple(replace(plan, figure=None) for plan in plans)
        group = sorted(
            group, key=lambda s: (list(selection.looks).index(s.case.backend), s.case.rate)
        )
    columns = [_column(plan, group, selection, floors) for plan in plans]
    columns = [column for column in columns if any(cell.sort is not None for cell in column.cells)]
    if taken:
        fetches = [Cell(str(summary.case.fetch), None) for summary in group]
        columns.insert(0, Column("fetch", "the way in which rows are taken", fetches))
    if at_rate:
        columns.insert(0, Column("held", "rounds in which clients kept up", _held(group)))
    if len(rates) > 1:
        arrivals = [Cell(f"{s.case.rate:,}", s.case.rate) for s in group]
        columns.insert(0, Column("arrivals/s", "operations that arrived, a second", arrivals))
    if any(summary.marked for summary in group):
        failed = [Cell(f"{s.failed:,}", s.failed, ", ".join(s.errors)) for s in group]
        columns.append(Column("errors", "operations that failed", failed))
    title = case.title.removeprefix(", ")
    if len(rates) > 1:
        title = title.replace(f"{case.rate:,} arrivals/s", f"{len(rates)} arrival rates")
    anchor = re.sub("[/ ]", "-", f"table-{case.key.strip('/')}")  # an id can't contain a space
    return Table(title, anchor, group, columns)


def _held(group: Sequence[Summary]) -> list[Cell]:
    found = [(s.open.held, s.open.rounds) if s.open else (0, 0) for s in group]
    return [
        Cell("yes", 1.0) if held == rounds else Cell(f"{held} of {rounds}", held / rounds)
        for held, rounds in found
    ]


def _column(
    plan: _Plan, group: Sequence[Summary], selection: Selection, floors: Mapping[Figure, NoiseFloor]
) -> Column:
    values = [plan.value(summary) for summary in group]
    unit = unit_of((value.median for value in values if value), plan.units)
    best: set[int] = set()
    if figure := plan.figure:
        ranked = [
            None if selection.looks[summary.case.backend].null else value
            for value, summary in zip(values, group, strict=True)
        ]
        best = leaders(figure, group, ranked, floors)
    rate = plan.figure in (THROUGHPUT, FIGURES["rows"])
    cells = [
        _cell(value, unit, best=at in best, uncertain=rate and not summary.throughput_certain)
        for at, (value, summary) in enumerate(zip(values, group, strict=True))
    ]
    name = f"{plan.name} ({unit.symbol})" if unit.symbol else plan.name
    return Column(name, plan.note, cells)


def _cell(value: Interval | None, unit: Unit, *, best: bool, uncertain: bool) -> Cell:
    if value is None:
        return Cell("-", None)
    tip, mark = "", ""
    if value.low is not None and value.high is not None:
        tip = f"{unit.text(value.low)} to {unit.text(value.high)} over {value.rounds} rounds"
    if uncertain:
        tip, mark = f"uncertain: the windows are too short; {tip}".removesuffix("; "), "~"
    return Cell(mark + unit.text(value.median), value.median, tip, best)
