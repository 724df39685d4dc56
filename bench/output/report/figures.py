"""The charts of a report: those that the results have data for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.analysis.look import LAYERS
from bench.analysis.pairs import habitual, same_library
from bench.analysis.selection import Selection, busiest, by_backend
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.verdict import compare
from bench.analysis.wording import LAYER_NAMES, asked, conditions
from bench.model.case import Fetch
from bench.model.profiles import POINT_READ
from bench.model.units import BYTES, RATES, TIMES, Unit
from bench.output.report.lines_panel import LinesPanel, lines_panel
from bench.output.report.rows_panel import Entry, RowsPanel, entries_of, rows_panel

PLAIN_SESSION = ("task", "autocommit")

Value = Callable[[Summary], Interval | None]


@dataclass(frozen=True)
class Chart:
    """The panels about one question, with title and subtitle."""

    name: str
    """The anchor of the chart in the page."""
    title: str
    subtitle: str
    panels: Sequence[RowsPanel | LinesPanel]
    log: bool = False
    """Whether the page first shows the chart with a logarithmic scale."""


def charts(selection: Selection) -> list[Chart]:
    """Return the charts that have data, in the order of the page."""
    families = (_overview, _crowds, _layers, _colours, _streams, _sessions)
    found = [chart for family in families for chart in family(selection)]
    return [chart for chart in found if chart.panels]


def _throughput(each: Summary) -> Interval | None:
    return each.throughput_per_s


def _cpu(each: Summary) -> Interval | None:
    return each.client_cpu_ns


def _p99(each: Summary) -> Interval | None:
    return each.latency_ns.get("p99")


def _memory(each: Summary) -> Interval | None:
    peak = each.peak_memory_bytes
    return Interval(peak, None, None, 1) if peak else None


PLAIN: tuple[tuple[str, tuple[Unit, ...], Value], ...] = (
    ("client CPU per operation", TIMES, _cpu),
    ("operations/s", RATES, _throughput),
    ("p99", TIMES, _p99),
)


def _overview(selection: Selection) -> Iterator[Chart]:
    workloads = sorted(selection.workloads, key=lambda name: name != POINT_READ)
    chosen = [each for name in workloads[:1] for each in _at_busiest(selection.alike(name))]
    if chosen:
        case = chosen[0].case
        panels = _panels(PLAIN, chosen, selection, _backend, lambda each: _layer(each, selection))
        yield Chart(
            "overview",
            f"The cost of {'a point read' if case.workload == POINT_READ else case.workload} "
            f"at concurrency {case.concurrency}",
            f"{asked(case.workload)}; {conditions(case)}. null shows the harness's overhead.",
            panels,
        )


def _crowds(selection: Selection) -> Iterator[Chart]:
    for workload in selection.workloads:
        measured = [
            e for e in selection.alike(workload) if not selection.looks[e.case.backend].null
        ]
        crowds = {each.case.concurrency for each in measured if each.throughput_per_s}
        if len(crowds) < 2:
            continue
        panels = [
            lines_panel(f"{_words(layer)}: {name}", units, own, value, selection, measured)
            for name, units, value in PLAIN[1:]
            for layer in selection.layers(measured)
            if (own := [e for e in measured if selection.looks[e.case.backend].layer == layer])
        ]
        words = (
            f"{asked(workload)}; {conditions(measured[0].case)}. p99: 99 of 100 operations were "
            "faster."
        )
        yield Chart(f"crowds-{workload}", f"By concurrency: {workload}", words, panels)


def _layers(selection: Selection) -> Iterator[Chart]:
    for workload in selection.workloads:
        chosen = _at_busiest(selection.alike(workload))
        looks = selection.looks
        chosen = [each for each in chosen if looks[each.case.backend].layer in LAYERS]
        if len({looks[each.case.backend].layer for each in chosen}) < 2:
            continue

        def family(each: Summary) -> str:
            look = selection.looks[each.case.backend]
            return f"{look.driver}, {'tasks' if look.colour == 'async' else 'threads'}"

        # Families come in the order of their first backends: by driver, then by mode.
        case = chosen[0].case
        panels = _panels(PLAIN[:2], chosen, selection, _backend, family)
        words = f"{asked(workload)}; {conditions(case)}. Within a group the driver is the same."
        title = f"The price of layers: {workload}, at concurrency {case.concurrency}"
        yield Chart(f"layers-{workload}", title, words, panels)


def _colours(selection: Selection) -> Iterator[Chart]:
    for workload in selection.workloads:
        measured = by_backend(selection.alike(workload))
        looks = [look for name in measured if not (look := selection.looks[name]).null]
        panels = []
        for title, moves in (
            ("the same library: tasks against threads", same_library(looks)),
            ("psycopg2 in threads to asyncpg in tasks", habitual(looks)),
        ):
            groups = {
                f"{one.name} → {other.name}": _ratios(measured[one.name], measured[other.name])
                for one, other in moves
            }
            panel = rows_panel(title, (Unit("", 1),), groups, selection, ratio=True)
            panels += [panel] if panel else []
        words = (
            "The throughput of asyncio tasks divided by that of as many threads, from paired "
            "rounds. Right of the line asyncio is faster; left of it threads are faster."
        )
        yield Chart(f"colours-{workload}", f"Threads or asyncio: {workload}", words, panels, True)


def _ratios(threads: list[Summary], tasks: list[Summary]) -> list[Entry]:
    of_threads = {each.case.concurrency: each for each in threads}
    return [
        Entry(each, f"at {each.case.concurrency}", found)
        for each in tasks
        if (other := of_threads.get(each.case.concurrency))
        if (found := compare(other, each).ratio)
    ]


def _streams(selection: Selection) -> Iterator[Chart]:
    for workload in selection.workloads:
        cases = [each for each in selection.summaries if each.case.workload == workload]
        taken = [each for each in cases if each.case.fetch != Fetch() and each.rounds]
        if not taken:
            continue
        # If the cases have several sizes, the largest shows best what the fetch changes.
        size = max((each.case.size or 0 for each in taken), default=0) or None
        taken = [each for each in taken if each.case.size == size]
        crowd = busiest(taken)
        names = {each.case.backend for each in taken}
        chosen = [
            each
            for each in cases
            if each.case.concurrency == crowd and each.case.backend in names and each.rounds
            if each.case.size == size
            if each.case.rows == "native" and each.case.session_scope == "task"
            if not selection.looks[each.case.backend].null
        ]
        ordered = selection.ordered(chosen)
        plans: tuple[tuple[str, tuple[Unit, ...], Value], ...] = (
            ("rows/s", RATES, lambda each: each.rows_per_s),
            ("time to the first row", TIMES, lambda each: each.usable_after_ns),
            ("peak memory", BYTES, _memory),
        )
        panels = _panels(plans, ordered, selection, lambda each: str(each.case.fetch), _backend)
        words = (
            f"{asked(workload)}. A buffered fetch has its first row when it has its last. Peak "
            "memory is that of one operation in a fresh process."
        )
        rows = "" if size is None else f"{size:,} rows, "
        title = f"Buffered and streamed fetches: {workload}, {rows}at concurrency {crowd}"
        yield Chart(f"streaming-{workload}", title, words, panels, True)


def _sessions(selection: Selection) -> Iterator[Chart]:
    for workload in selection.workloads:
        cases = [
            each
            for each in selection.summaries
            if each.case.workload == workload and each.case.fetch == Fetch() and each.rounds
            if each.case.rows == "native" and not selection.looks[each.case.backend].null
        ]
        varied = [
            each
            for each in cases
            if (each.case.session_scope, each.case.transactions) != PLAIN_SESSION
        ]
        if not varied:
            continue
        crowd = busiest(varied)
        chosen = [each for each in selection.ordered(cases) if each.case.concurrency == crowd]
        panels = _panels(PLAIN[1:], chosen, selection, _session, _backend)
        words = (
            "Kept: each task or thread keeps one session. New: every operation opens a new one. "
            "Implicit: the library begins a transaction and rolls it back. Otherwise: autocommit."
        )
        title = f"Sessions and transactions: {workload}, at concurrency {crowd}"
        yield Chart(f"sessions-{workload}", title, words, panels)


def _panels(
    plans: Sequence[tuple[str, tuple[Unit, ...], Value]],
    chosen: Sequence[Summary],
    selection: Selection,
    name: Callable[[Summary], str],
    heading: Callable[[Summary], str],
) -> list[RowsPanel]:
    made = [
        rows_panel(title, units, entries_of(chosen, value, name, heading), selection)
        for title, units, value in plans
    ]
    return [panel for panel in made if panel]


def _at_busiest(measured: list[Summary]) -> list[Summary]:
    if not measured:
        return []
    crowd = busiest(measured)
    return [each for each in measured if each.case.concurrency == crowd]


def _backend(each: Summary) -> str:
    return each.case.backend


def _layer(each: Summary, selection: Selection) -> str:
    look = selection.looks[each.case.backend]
    return "null backend" if look.null else _words(look.layer)


def _words(layer: str) -> str:
    return LAYER_NAMES.get(layer, layer)


def _session(each: Summary) -> str:
    kept = "kept" if each.case.session_scope == "task" else "new"
    return f"{kept}, implicit" if each.case.transactions == "implicit" else kept
