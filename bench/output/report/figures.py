"""The charts of a report: those that the results have data for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.analysis.beside import SETTINGS, beside
from bench.analysis.look import LAYERS
from bench.analysis.pairs import habitual, same_library
from bench.analysis.selection import Selection, busiest, by_backend
from bench.analysis.stats import Interval, once
from bench.analysis.summary import Summary
from bench.analysis.uncertain import MARK, NOTE
from bench.analysis.verdict import compare
from bench.analysis.wording import LAYER_NAMES, asked, conditions
from bench.model.fetch import Fetch
from bench.model.profiles import POINT_READ
from bench.model.units import BYTES, RATES, TIMES, Unit
from bench.output.report.lines_panel import LinesPanel, lines_panel
from bench.output.report.rows_panel import Entry, RowsPanel, entries_of, rows_panel

SESSIONS = ("session_scope", "transactions")
PLAIN_SESSION = ("task", "autocommit")

_MOST_NAME = 18
"""The most characters of a name of a row."""

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
    """Return the charts that have data, in the order of the page.

    With several sizes of the pool there are none: each chart would show one size alone.
    """
    if len({summary.case.pool for summary in selection.every}) > 1:
        return []
    families = (_overview, _by_concurrency, _layers, _sync_async, _streams, _sessions, _settings)
    candidates = [chart for family in families for chart in family(selection)]
    return [_explained(chart) for chart in candidates if chart.panels]


def _explained(chart: Chart) -> Chart:
    """Return the chart with the meaning of `~`, if one of its rates has that mark."""
    uncertain = any(
        any(row.figure.startswith(MARK) for row in panel.rows)
        if isinstance(panel, RowsPanel)
        else any(point.uncertain for line in panel.linear.lines for point in line.points)
        for panel in chart.panels
    )
    return replace(chart, subtitle=f"{chart.subtitle} {NOTE}") if uncertain else chart


def _throughput(summary: Summary) -> Interval | None:
    return summary.throughput_per_s


def _cpu(summary: Summary) -> Interval | None:
    return summary.client_cpu_ns


def _p99(summary: Summary) -> Interval | None:
    return summary.latency_ns.get("p99")


def _memory(summary: Summary) -> Interval | None:
    peak = summary.peak_memory_bytes
    return once(peak) if peak else None


PLAIN: tuple[tuple[str, tuple[Unit, ...], Value], ...] = (
    ("client CPU per operation", TIMES, _cpu),
    ("operations/s", RATES, _throughput),
    ("p99", TIMES, _p99),
)


def _overview(selection: Selection) -> Iterator[Chart]:
    workloads = sorted(selection.workloads, key=lambda name: name != POINT_READ)
    chosen = [summary for name in workloads[:1] for summary in _at_busiest(selection.alike(name))]
    if chosen:
        case = chosen[0].case
        panels = _panels(
            PLAIN, chosen, selection, _backend, lambda summary: _layer(summary, selection)
        )
        null = any(selection.looks[summary.case.backend].null for summary in chosen)
        yield Chart(
            "overview",
            f"The cost of {'a point read' if case.workload == POINT_READ else case.workload} "
            f"at concurrency {case.concurrency}",
            f"{asked(case.workload)}; {conditions(case)}."
            + (" null shows the harness's overhead." if null else ""),
            panels,
        )


def _by_concurrency(selection: Selection) -> Iterator[Chart]:
    for workload in selection.workloads:
        measured = [
            summary
            for summary in selection.alike(workload)
            if not selection.looks[summary.case.backend].null
        ]
        concurrencies = {
            summary.case.concurrency for summary in measured if summary.throughput_per_s
        }
        if len(concurrencies) < 2:
            continue
        panels = [
            lines_panel(f"{_words(layer)}: {name}", units, of_layer, value, selection, measured)
            for name, units, value in PLAIN[1:]
            for layer in selection.layers(measured)
            if (
                of_layer := [
                    summary
                    for summary in measured
                    if selection.looks[summary.case.backend].layer == layer
                ]
            )
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
        chosen = [summary for summary in chosen if looks[summary.case.backend].layer in LAYERS]
        if len({looks[summary.case.backend].layer for summary in chosen}) < 2:
            continue

        def family(summary: Summary) -> str:
            look = selection.looks[summary.case.backend]
            return f"{look.driver}, {'tasks' if look.mode == 'async' else 'threads'}"

        # Families come in the order of their first backends: by driver, then by mode.
        case = chosen[0].case
        panels = _panels(PLAIN[:2], chosen, selection, _backend, family)
        words = f"{asked(workload)}; {conditions(case)}. Within a group the driver is the same."
        title = f"The price of layers: {workload}, at concurrency {case.concurrency}"
        yield Chart(f"layers-{workload}", title, words, panels)


def _sync_async(selection: Selection) -> Iterator[Chart]:
    for workload in selection.workloads:
        measured = by_backend(selection.alike(workload))
        looks = [look for name in measured if not (look := selection.looks[name]).null]
        panels = []
        for title, moves in (
            ("the same library: tasks against threads", same_library(looks)),
            ("psycopg2 in threads to asyncpg in tasks", habitual(looks)),
        ):
            groups = {
                f"{sync.name} → {async_.name}": _ratios(measured[sync.name], measured[async_.name])
                for sync, async_ in moves
            }
            panel = rows_panel(title, (Unit("", 1),), groups, selection, ratio=True)
            panels += [panel] if panel else []
        words = (
            "The throughput of asyncio tasks divided by that of as many threads, from paired "
            "rounds. Right of the line asyncio is faster; left of it threads are faster."
        )
        yield Chart(f"modes-{workload}", f"Threads or asyncio: {workload}", words, panels, True)


def _ratios(threads: list[Summary], tasks: list[Summary]) -> list[Entry]:
    by_concurrency = {summary.case.concurrency: summary for summary in threads}
    return [
        Entry(summary, f"at {summary.case.concurrency}", ratio)
        for summary in tasks
        if (sync := by_concurrency.get(summary.case.concurrency))
        if (ratio := compare(sync, summary).ratio)
    ]


def _streams(selection: Selection) -> Iterator[Chart]:
    for workload in selection.workloads:
        sizes = {
            summary.case.size or 0
            for summary in selection.summaries
            if summary.case.workload == workload and summary.case.fetch != Fetch()
        }
        # If the cases have several sizes, the largest shows best what the fetch changes.
        size = max(sizes, default=0) or None
        alike = selection.alike(workload, "fetch", size=size)
        not_buffered = [summary for summary in alike if summary.case.fetch != Fetch()]
        if not not_buffered:
            continue
        concurrency = busiest(not_buffered)
        names = {summary.case.backend for summary in not_buffered}
        chosen = [
            summary
            for summary in alike
            if summary.case.concurrency == concurrency
            and summary.case.backend in names
            and not selection.looks[summary.case.backend].null
        ]
        if not chosen:
            continue
        plans: tuple[tuple[str, tuple[Unit, ...], Value], ...] = (
            ("rows/s", RATES, lambda summary: summary.rows_per_s),
            ("time to the first row", TIMES, lambda summary: summary.usable_after_ns),
            ("peak memory", BYTES, _memory),
        )
        panels = _panels(
            plans, chosen, selection, lambda summary: str(summary.case.fetch), _backend
        )
        words = (
            f"{asked(workload)}; {conditions(chosen[0].case, 'fetch', 'size')}. A buffered fetch "
            "has its first row when it has its last. Peak memory is that of one operation in a "
            "fresh process."
        )
        rows = "" if size is None else f"{size:,} rows, "
        title = f"Buffered and streamed fetches: {workload}, {rows}at concurrency {concurrency}"
        yield Chart(f"streaming-{workload}", title, words, panels, True)


def _sessions(selection: Selection) -> Iterator[Chart]:
    for workload in selection.workloads:
        alike = [
            summary
            for summary in selection.alike(workload, *SESSIONS)
            if not selection.looks[summary.case.backend].null
        ]
        varied = [
            summary
            for summary in alike
            if (summary.case.session_scope, summary.case.transactions) != PLAIN_SESSION
        ]
        if not varied:
            continue
        concurrency = busiest(varied)
        chosen = [summary for summary in alike if summary.case.concurrency == concurrency]
        if len({_session(summary) for summary in chosen}) < 2:
            continue
        panels = _panels(PLAIN[1:], chosen, selection, _session, _backend)
        words = (
            f"{asked(workload)}; {conditions(chosen[0].case, *SESSIONS)}. Kept: each task or "
            "thread keeps one session. New: every operation opens a new one. Implicit: the library "
            "begins a transaction and rolls it back. Otherwise: autocommit."
        )
        title = f"Sessions and transactions: {workload}, at concurrency {concurrency}"
        yield Chart(f"sessions-{workload}", title, words, panels)


def _settings(selection: Selection) -> Iterator[Chart]:
    for factor, (title, explanation) in SETTINGS.items():
        for workload in selection.workloads:
            found = beside(selection, workload, factor)
            panels = []
            for concurrency in sorted({of.base.case.concurrency for of in found}):
                groups: dict[str, list[Entry]] = {}
                for of in found:
                    if of.base.case.concurrency == concurrency:
                        groups[of.base.case.backend] = [
                            Entry(summary, _short(of.value(summary)), rate)
                            for summary in of.summaries
                            if (rate := summary.throughput_per_s)
                        ]
                name = f"operations/s, {concurrency} client{'s' * (concurrency > 1)}"
                panel = rows_panel(name, RATES, groups, selection)
                panels += [panel] if panel else []
            if panels:
                case = found[0].base.case
                words = f"{asked(workload)}; {conditions(case, factor)}. {explanation}"
                yield Chart(f"{factor}-{workload}", f"{title}: {workload}", words, panels)


def _short(value: str) -> str:
    """Return a value that fits beside the marks, without its beginning if it is long."""
    if value.count("=") == 1:
        value = value.partition(".")[2]  # poolclass=NullPool of engine.poolclass=NullPool
    return value if len(value) <= _MOST_NAME else f"…{value[1 - _MOST_NAME :]}"


def _panels(
    plans: Sequence[tuple[str, tuple[Unit, ...], Value]],
    chosen: Sequence[Summary],
    selection: Selection,
    name: Callable[[Summary], str],
    heading: Callable[[Summary], str],
) -> list[RowsPanel]:
    panels = [
        rows_panel(title, units, entries_of(chosen, value, name, heading), selection)
        for title, units, value in plans
    ]
    return [panel for panel in panels if panel]


def _at_busiest(measured: list[Summary]) -> list[Summary]:
    if not measured:
        return []
    concurrency = busiest(measured)
    return [summary for summary in measured if summary.case.concurrency == concurrency]


def _backend(summary: Summary) -> str:
    return summary.case.backend


def _layer(summary: Summary, selection: Selection) -> str:
    look = selection.looks[summary.case.backend]
    return "null backend" if look.null else _words(look.layer)


def _words(layer: str) -> str:
    return LAYER_NAMES.get(layer, layer)


def _session(summary: Summary) -> str:
    kept = "kept" if summary.case.session_scope == "task" else "new"
    return f"{kept}, implicit" if summary.case.transactions == "implicit" else kept
