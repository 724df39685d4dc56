"""The tables at the end of a run: at most 100 characters wide, one unit per column."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from rich.console import Group, RenderableType
from rich.text import Text

from bench.analysis import stats
from bench.analysis.figure import FIGURES, Figure
from bench.analysis.noise_floor import NoiseFloor, noise_floor
from bench.analysis.ranking import floors, leaders
from bench.analysis.ratios import ENOUGH_ROUNDS
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary, summarise
from bench.model.case import Case
from bench.model.units import BYTES, TIMES, Unit, unit_of, unit_of_column
from bench.output.terminal import rate_columns
from bench.output.terminal.whole_table import WholeTable
from bench.results.file import Results

BEST = "*"
UNCERTAIN = "~"

_WIDEST_CONNECT = 26
"""Characters of the column with the options of connecting; longer ones are broken."""


@dataclass(frozen=True)
class _TableData:
    """The summaries of a table, and the data that its columns need."""

    group: list[Summary]
    null: set[str]
    """The names of the null backends, which are never ranked."""
    floors: dict[Figure, NoiseFloor]
    """Figure -> the noise floor, as a factor."""


def render(results: Results, summaries: list[Summary] | None = None) -> RenderableType:
    """Return a table for each workload, concurrency, session scope and transactions, in plan order.

    The best value of a column is marked, and every value that can't be told from it. No value is
    marked if that would mark all. Null backends are never marked. `summaries`: those of the
    results, to avoid making them again.
    """
    summaries = summarise(results) if summaries is None else summaries
    null = results.header.null_backends
    groups: dict[tuple[Case, bool], list[Summary]] = {}
    for summary in summaries:
        if not summary.case.twin:
            groups.setdefault(_group(summary, summaries), []).append(summary)
    noise_floors = floors(summaries)
    parts: list[RenderableType] = []
    for (case, taken), group in groups.items():
        title = Text(case.title.removeprefix(", "), style="bold")
        table = _table(taken, _TableData(group, null, noise_floors))
        parts += [title, table, *_errors(group), Text()]
    return Group(*parts, _legend(results, summaries))


def _group(summary: Summary, summaries: list[Summary]) -> tuple[Case, bool]:
    """Return the case of the summary's table, and whether the table compares fetches."""
    case = replace(summary.case, backend="", loop="asyncio", connect="")
    fetches = {s.case.fetch for s in summaries if s.case.workload == case.workload}
    taken = len(fetches) > 1 or any(fetch.mode != "buffered" for fetch in fetches)
    return (replace(case, fetch=Case("", "").fetch) if taken else case), taken


def _table(taken: bool, data: _TableData) -> WholeTable:
    group = data.group
    marked = any(summary.marked for summary in group)
    table = WholeTable(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column("\nbackend", no_wrap=True)
    loops = len({summary.case.loop for summary in group} - {"none"}) > 1
    columns: list[tuple[str, list[Text]]] = []
    if ways := _ways_to_connect(group):
        table.add_column("\nconnect", overflow="fold", max_width=_WIDEST_CONNECT)
    if taken:
        fetches = [Text(str(s.case.fetch)) for s in group]
        columns.append(("\nfetch", fetches))
        columns += _rates("rows/s", FIGURES["rows"], data)
        columns.append(_first_row(data))
        if any(s.peak_memory_bytes is not None for s in group):
            columns.append(_plain("memory", lambda s: s.peak_memory_bytes, BYTES, group))
        columns.append(_plain("stall", lambda s: s.loop_stall_max_ns, TIMES, group))
    elif group[0].case.rate is not None:
        quantiles = ("p50", "p95", "p99")
        unit = rate_columns.unit(group, quantiles)
        columns += [rate_columns.held(group), rate_columns.completed(group)]
        columns += [_latency(name, unit, data) for name in quantiles]
        columns += rate_columns.parts(group, unit)
    else:
        columns += _rates("operations/s", FIGURES["throughput"], data)
        quantiles = ("p50", "p95", "p99")
        unit = unit_of(
            (i.median for s in group for q in quantiles if (i := s.latency_ns.get(q))), TIMES
        )
        columns += [_latency(name, unit, data) for name in quantiles]
    cpu = [summary.client_cpu_ns for summary in group]
    columns.append(_figures("CPU/op", FIGURES["cpu"], cpu, data))
    if marked:
        columns.append(("\nerrors", [Text(f"{s.failed:,}") for s in group]))
    for name, _ in columns:
        table.add_column(name, justify="left" if "fetch" in name else "right", no_wrap=True)
    for row, summary in enumerate(group):
        name = summary.case.backend + (" uvloop" if loops and summary.case.loop == "uvloop" else "")
        style = "red" if summary.marked else "dim" if summary.case.backend in data.null else ""
        connect = [ways[row]] if ways else []
        table.add_row(name, *connect, *(cells[row] for _, cells in columns), style=style)
    return table


def _ways_to_connect(group: list[Summary]) -> list[str]:
    """Return a cell for each summary if a backend connects in several ways, else an empty list."""
    known = {(summary.case.backend, summary.case.connect) for summary in group}
    if len(known) == len({backend for backend, _ in known}):
        return []
    return [_short(summary.case.connect) for summary in group]


def _short(connect: str) -> str:
    """Return the settings without their groups, which the name of the backend tells."""
    settings = (text.partition(".")[2] for text in connect.split(",") if text)
    return " ".join(settings) or "default"


def _rates(name: str, figure: Figure, data: _TableData) -> list[tuple[str, list[Text]]]:
    """Return two columns: the rates, and the half width of their intervals."""
    rates: list[Interval | None] = [getattr(summary, figure.field) for summary in data.group]
    spreads = [
        Text("" if rate is None or rate.relative is None else f"±{rate.relative:.0%}")
        for rate in rates
    ]
    heading, cells = _figures(name, figure, rates, data)
    for summary, cell in zip(data.group, cells, strict=True):
        if not summary.throughput_certain:
            cell.plain = UNCERTAIN + cell.plain
    return [(heading, cells), ("", spreads)]


def _latency(quantile: str, unit: Unit, data: _TableData) -> tuple[str, list[Text]]:
    latencies = [summary.latency_ns.get(quantile) for summary in data.group]
    return _figures(quantile, FIGURES[quantile], latencies, data, (unit,))


def _first_row(data: _TableData) -> tuple[str, list[Text]]:
    waits = [summary.usable_after_ns for summary in data.group]
    return _figures("first row", FIGURES["first-row"], waits, data)


def _figures(
    name: str,
    figure: Figure,
    medians: list[Interval | None],
    data: _TableData,
    units: tuple[Unit, ...] = (),
) -> tuple[str, list[Text]]:
    """Return a column: its heading with the unit, and one cell per summary, the best marked."""
    unit = unit_of_column((m.median for m in medians if m), units or figure.units)
    ranked = [
        None if summary.case.backend in data.null else median
        for summary, median in zip(data.group, medians, strict=True)
    ]
    best = leaders(figure, data.group, ranked, data.floors)
    cells = [
        Text(
            unit.text(median.median if median else None) + (BEST if at in best else " "),
            style="bold green" if at in best else "",
        )
        for at, median in enumerate(medians)
    ]
    return f"{name} \n{unit.symbol} ", cells


def _plain(
    name: str, value: Callable[[Summary], int | None], units: tuple[Unit, ...], group: list[Summary]
) -> tuple[str, list[Text]]:
    unit = unit_of_column((value(summary) for summary in group), units)
    return f"{name}\n{unit.symbol}", [Text(unit.text(value(summary))) for summary in group]


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
    rounds = [
        f"{count} round{'' if count == 1 else 's'} without figures: {reason}"
        for reason, count in Counter(summary.failures).items()
    ]
    return operations + rounds


def _marks(rounds: int) -> str:
    if rounds < 2:
        return "One round has no spread, so nothing is ranked."
    marks = f"{BEST} marks the best value of a column, and every value that paired rounds cannot "
    marks += "tell from it.\nA column without marks has no ranking."
    if rounds < ENOUGH_ROUNDS:
        marks += f" For a surer ranking: --rounds {ENOUGH_ROUNDS}."
    return marks


def _uncertain(summaries: list[Summary]) -> list[str]:
    if all(summary.throughput_certain for summary in summaries):
        return []
    return [f"{UNCERTAIN} marks a rate from too short a window: a warning below names its bounds."]


def _legend(results: Results, summaries: list[Summary]) -> Text:
    amounts = [len(summary.rounds) for summary in summaries if summary.rounds]
    fewest, rounds = min(amounts, default=0), max(amounts, default=0)
    seconds = results.header.seconds_in_words
    closed = not summaries or any(summary.case.rate is None for summary in summaries)
    lines = [
        ("Closed loop, " if closed else "")
        + f"{fewest} to " * (fewest < rounds)
        + f"{rounds} round{'s' if rounds != 1 else ''} of "
        + (f"{seconds} s; " if closed else f"at least {results.header.rate_seconds_in_words} s; ")
        + f"{stats.describe_interval(rounds, fewest)}, shown as ±half their width.",
        _marks(rounds),
        *_uncertain(summaries),
        *rate_columns.legend(summaries),
        "Medians over rounds. CPU/op: client CPU time per operation."
        + (" null: the harness's overhead." if results.header.null_backends else ""),
    ]
    if any(summary.case.fetch.mode != "buffered" for summary in summaries):
        lines += [
            "first row: the time until a row can be used; in a buffered fetch, until the last row.",
            "stall: the longest time for which the event loop ran no other task.",
        ]
    planned = len(results.header.plan)
    if pinned := results.header.pinned:
        lines.append(f"Pinned: {pinned}.")
    if floor := noise_floor(summaries):
        lines.append(f"Noise floor: {floor}. A smaller difference is no difference.")
    if missing := planned - sum(1 for summary in summaries if summary.rounds):
        lines.append(f"{missing} of {planned} planned cases were not measured.")
    return Text("\n".join(lines), style="dim")
