"""The tables of a report: every case once, beside those it can be compared with."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.analysis.figure import FIGURES, THROUGHPUT, Figure
from bench.analysis.ranking import leaders
from bench.analysis.selection import Selection
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.model.units import BYTES, RATES, TIMES, Unit, unit_of

Value = Callable[[Summary], Interval | None]


@dataclass(frozen=True)
class Cell:
    text: str
    sort: float | None
    """By which its column is sorted; None is last."""
    tip: str = ""
    best: bool = False


@dataclass(frozen=True)
class Column:
    name: str
    note: str
    """What the heading means, in words."""
    cells: list[Cell]


@dataclass(frozen=True)
class Table:
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
    """What is ranked by; None: nothing is."""


def _quantile(name: str) -> Value:
    return lambda each: each.latency_ns.get(name)


def _exact(value: Callable[[Summary], int | None]) -> Value:
    def interval(each: Summary) -> Interval | None:
        known = value(each)
        return None if known is None else Interval(known, None, None, 1)

    return interval


_RATE = _Plan(
    "operations/s",
    "throughput: operations per second",
    RATES,
    lambda each: each.throughput_per_s,
    THROUGHPUT,
)
_ROWS = _Plan(
    "rows/s",
    "rows of the joined result per second",
    RATES,
    lambda each: each.rows_per_s,
    FIGURES["rows"],
)
_FIRST = _Plan(
    "first row",
    "time from the start of an operation until its first row can be used",
    TIMES,
    lambda each: each.usable_after_ns,
    FIGURES["first-row"],
)
_MEMORY = _Plan(
    "memory",
    "peak memory of one operation in a fresh process",
    BYTES,
    _exact(lambda each: each.peak_memory_bytes),
)
_CPU = _Plan(
    "client CPU",
    "client CPU time per operation",
    TIMES,
    lambda each: each.client_cpu_ns,
    FIGURES["cpu"],
)
_SERVER = _Plan(
    "server CPU", "server CPU time per operation", TIMES, lambda each: each.server_cpu_ns
)
_STALL = _Plan(
    "stall",
    "longest time for which the event loop ran no other task",
    TIMES,
    _exact(lambda each: each.loop_stall_max_ns),
)
_LATENCY = tuple(
    _Plan(name, f"{name} of the latency", TIMES, _quantile(name), FIGURES[name])
    for name in ("p50", "p95", "p99")
)
PLAIN = (_RATE, *_LATENCY, _CPU, _SERVER)
TAKEN = (_ROWS, _FIRST, _MEMORY, _STALL, _CPU, _SERVER)


def tables(selection: Selection, floors: Mapping[Figure, float]) -> list[Table]:
    """One for each workload, concurrency, session scope and transactions, in plan order.

    `floors`: by figure, how far apart two that do not differ may look.
    """
    groups: dict[tuple[Case, bool], list[Summary]] = {}
    for each in selection.summaries:
        groups.setdefault(_group(each, selection), []).append(each)
    return [
        _table(case, taken, group, selection, floors) for (case, taken), group in groups.items()
    ]


def _group(summary: Summary, selection: Selection) -> tuple[Case, bool]:
    """What its table is about, and whether that compares ways to take the rows."""
    case = replace(summary.case, backend="", loop="asyncio")
    taken = any(
        each.case.fetch.mode != "buffered"
        for each in selection.summaries
        if each.case.workload == case.workload
    )
    return (replace(case, fetch=Case("", "").fetch) if taken else case), taken


def _table(
    case: Case,
    taken: bool,
    group: list[Summary],
    selection: Selection,
    floors: Mapping[Figure, float],
) -> Table:
    plans = TAKEN if taken else PLAIN
    columns = [_column(plan, group, selection, floors) for plan in plans]
    columns = [each for each in columns if any(cell.sort is not None for cell in each.cells)]
    if taken:
        fetches = [Cell(str(each.case.fetch), None) for each in group]
        columns.insert(0, Column("fetch", "the way in which rows are taken", fetches))
    if any(each.marked for each in group):
        failed = [Cell(f"{each.failed:,}", each.failed, ", ".join(each.errors)) for each in group]
        columns.append(Column("errors", "operations that failed", failed))
    title = case.title.removeprefix(", ")
    anchor = re.sub("[/ ]", "-", f"table-{case.key.strip('/')}")  # of an id, a space is the end
    return Table(title, anchor, group, columns)


def _column(
    plan: _Plan, group: Sequence[Summary], selection: Selection, floors: Mapping[Figure, float]
) -> Column:
    values = [plan.value(each) for each in group]
    unit = unit_of((value.median for value in values if value), plan.units)
    best: set[int] = set()
    if figure := plan.figure:
        ranked = [
            None if selection.looks[each.case.backend].null else value
            for value, each in zip(values, group, strict=True)
        ]
        best = leaders(figure, group, ranked, floors)
    cells = [_cell(value, unit, best=at in best) for at, value in enumerate(values)]
    name = f"{plan.name} ({unit.symbol})" if unit.symbol else plan.name
    return Column(name, plan.note, cells)


def _cell(value: Interval | None, unit: Unit, *, best: bool) -> Cell:
    if value is None:
        return Cell("-", None)
    tip = ""
    if value.low is not None and value.high is not None:
        tip = f"{unit.text(value.low)} to {unit.text(value.high)} over {value.rounds} rounds"
    return Cell(unit.text(value.median), value.median, tip, best)
