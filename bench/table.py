"""The closing tables in the terminal: 100 columns, one unit a column."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench import stats
from bench.case import Case
from bench.results import Results
from bench.stats import Interval
from bench.summary import Summary, summarise
from bench.units import BYTES, RATES, TIMES, Unit, unit_of
from bench.verdict import noise_floor

BEST = "*"
Figure = Callable[[Summary], Interval | None]


def render(results: Results, summaries: list[Summary] | None = None) -> RenderableType:
    """A table for each workload, concurrency, session scope and transactions, in plan order.

    The best of a column is marked, and with it each value whose interval overlaps with the best's:
    those are not told apart. The floor is never the best. `summaries` saves making them again.
    """
    found = summarise(results) if summaries is None else summaries
    null = {
        name
        for name, about in (results.header.get("backends") or {}).items()
        if about.get("layer") == "null"
    }
    groups: dict[tuple[Case, bool], list[Summary]] = {}
    for summary in found:
        if not summary.case.twin:
            groups.setdefault(_group(summary, found), []).append(summary)
    parts: list[RenderableType] = []
    for (case, taken), group in groups.items():
        title = Text(case.title.removeprefix(", "), style="bold")
        parts += [title, _table(taken, group, null), *_errors(group), Text()]
    return Group(*parts, _legend(results, found))


def _group(summary: Summary, found: list[Summary]) -> tuple[Case, bool]:
    """What its table is about, and whether that compares ways to take the rows."""
    case = replace(summary.case, backend="", loop="asyncio")
    fetches = {s.case.fetch for s in found if s.case.workload == case.workload}
    taken = len(fetches) > 1 or any(fetch.mode != "buffered" for fetch in fetches)
    return (replace(case, fetch=Case("", "").fetch) if taken else case), taken


def _table(taken: bool, group: list[Summary], null: set[str]) -> Table:
    marked = any(summary.marked for summary in group)
    # With errors, a table of many-row reads is as wide as a terminal: columns move together.
    table = Table(box=None, pad_edge=False, padding=(0, 0 if marked else 1, 0, 1 if marked else 0))
    table.add_column("backend", no_wrap=True)
    loops = len({summary.case.loop for summary in group} - {"none"}) > 1
    columns: list[tuple[str, list[Text]]] = []
    if taken:
        fetches = [Text(str(s.case.fetch)) for s in group]
        columns.append(("fetch", fetches))
        columns += _rates("rows/s", lambda s: s.rows_per_s, group, null)
        columns.append(_figures("first row", lambda s: s.usable_after_ns, TIMES, group, null))
        columns.append(_plain("memory", lambda s: s.peak_memory_bytes, BYTES, group))
        columns.append(_plain("stall", lambda s: s.loop_stall_max_ns, TIMES, group))
    else:
        columns += _rates("operations/s", lambda s: s.throughput_per_s, group, null)
        unit = unit_of(
            (i.median for s in group for q in ("p50", "p95", "p99") if (i := s.latency_ns.get(q))),
            TIMES,
        )
        columns += [
            _figures(name, _latency(name), (unit,), group, null) for name in ("p50", "p95", "p99")
        ]
    columns.append(_figures("CPU/op", lambda s: s.client_cpu_ns, TIMES, group, null))
    if marked:
        failures = [Text(f"{s.failed:,}" if s.failed else "0") for s in group]
        columns.append(("errors", failures))
    for name, _ in columns:
        table.add_column(name, justify="left" if name == "fetch" else "right", no_wrap=True)
    for row, summary in enumerate(group):
        name = summary.case.backend + (" uvloop" if loops and summary.case.loop == "uvloop" else "")
        style = "red" if summary.marked else "dim" if summary.case.backend in null else ""
        table.add_row(name, *(cells[row] for _, cells in columns), style=style)
    return table


def _rates(
    name: str, figure: Figure, group: list[Summary], null: set[str]
) -> list[tuple[str, list[Text]]]:
    heading, cells = _figures(name, figure, RATES, group, null)
    spreads = [
        Text("" if (i := figure(s)) is None or i.relative is None else f"±{i.relative:.0%}")
        for s in group
    ]
    return [(heading, cells), ("", spreads)]


def _figures(
    name: str, figure: Figure, units: tuple[Unit, ...], group: list[Summary], null: set[str]
) -> tuple[str, list[Text]]:
    """A column: its heading with the unit, and a cell a summary, the best of them marked."""
    intervals = [figure(summary) for summary in group]
    unit = unit_of((interval.median for interval in intervals if interval), units)
    more = name.endswith("/s")
    ranked = [
        interval
        for interval, summary in zip(intervals, group, strict=True)
        if interval and interval.low is not None and summary.case.backend not in null
    ]
    ranked.sort(key=lambda interval: interval.median, reverse=more)
    cells = []
    for interval, summary in zip(intervals, group, strict=True):
        text = unit.text(interval.median if interval else None)
        best = (
            len(ranked) > 1
            and interval is not None
            and summary.case.backend not in null
            and interval.overlaps(ranked[0])
        )
        cells.append(Text(text + (BEST if best else " "), style="bold green" if best else ""))
    return _heading(name, unit), cells


def _plain(
    name: str, value: Callable[[Summary], int | None], units: tuple[Unit, ...], group: list[Summary]
) -> tuple[str, list[Text]]:
    unit = unit_of((value(summary) for summary in group), units)
    return _heading(name, unit), [Text(unit.text(value(summary))) for summary in group]


def _heading(name: str, unit: Unit) -> str:
    if name.endswith("/s"):
        return f"{unit.symbol} {name}".strip()
    return f"{name} {unit.symbol}"


def _latency(quantile: str) -> Figure:
    return lambda summary: summary.latency_ns.get(quantile)


def _errors(group: Iterable[Summary]) -> list[Text]:
    return [
        Text(f"  {summary.case.backend}, {summary.case.fetch}: {words}", style="red")
        for summary in group
        for words in _failures(summary)
    ]


def _failures(summary: Summary) -> list[str]:
    counted = ", ".join(f"{count:,} {name}" for name, count in sorted(summary.errors.items()))
    tried = summary.failed + summary.operations
    operations = [f"{summary.failed:,} failed of {tried:,}: {counted}"] if counted else []
    runs = [f"{n} x no figures: {why}" for why, n in Counter(summary.failures).items()]
    return operations + runs


def _legend(results: Results, found: list[Summary]) -> Text:
    rounds = max((len(summary.rounds) for summary in found), default=0)
    seconds = results.header.get("seconds", "?")
    lines = [
        f"Closed loop, {rounds} round{'s' if rounds != 1 else ''} of {seconds} s; "
        f"{stats.describe_interval(rounds)}, shown as ±half their width.",
        f"{BEST} the best of its column, or not to be told from it: their intervals overlap."
        if rounds > 1
        else "One round says nothing about the next: nothing is ranked.",
        "Medians over rounds. CPU/op: CPU time of the client, an operation. null: the harness's "
        "floor.",
    ]
    if any(summary.case.fetch.mode != "buffered" for summary in found):
        lines.append(
            "first row: buffered, it comes with the last. stall: the longest of the event loop."
        )
    planned = len(results.header.get("plan") or ())
    if floor := noise_floor(found):
        lines.append(f"Noise floor: {floor}. What differs by less is not known to differ.")
    if missing := planned - sum(1 for summary in found if summary.rounds):
        lines.append(f"{missing} of {planned} planned cases were not measured.")
    return Text("\n".join(lines), style="dim")
