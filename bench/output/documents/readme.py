"""The charts and the table of README, from a results folder."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.analysis import stats
from bench.analysis.stats import Interval, once
from bench.analysis.summary import Summary, summarise
from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.model.units import BYTES, RATES, TIMES, Unit, unit_of
from bench.results import file as results

CHARTS = {
    "overview": "The client CPU time of a point read, and point reads per second",
    "streaming-get_customers": "Many rows, buffered, streamed and batched: rows per second,"
    " time to the first row, peak memory",
}

Figure = Callable[[Summary], Interval | None]


def blocks(folder: Path, root: Path) -> dict[str, str]:
    """Return the charts and the table as Markdown, with paths relative to `root`.

    Raises `BenchError` if the folder holds no results.
    """
    run_results = results.load(folder)
    summaries = summarise(run_results)
    shown = Path(os.path.relpath(folder, root)).as_posix()
    charts = [
        f"![{what}]({shown}/charts/{name}.png)"
        for name, what in CHARTS.items()
        if (folder / "charts" / f"{name}.png").is_file()
    ]
    lead, *others = charts or [""]
    rounds = [len(summary.rounds) for summary in summaries if summary.rounds]
    where = _where(
        run_results, shown, stats.describe_interval(max(rounds, default=0), min(rounds, default=0))
    )
    parts = (lead, _table(summaries), where, *others)
    return {"overview": "\n\n".join(part for part in parts if part)}


def _table(summaries: list[Summary]) -> str:
    """Return a table with one row per backend.

    Its columns are the point read at the largest concurrency, then many rows, buffered and batched.
    """
    measured = {summary.case: summary for summary in summaries if summary.rounds}
    clients = max((c.concurrency for c in measured if _is_plain(c, POINT_READ)), default=0)
    reads = {
        case.backend: summary
        for case, summary in measured.items()
        if _is_plain(case, POINT_READ) and case.concurrency == clients
    }
    many = {
        fetch: {
            case.backend: summary
            for case, summary in measured.items()
            if case.workload == "get_customers" and str(case.fetch) == fetch
            if case.concurrency == 1 and case.rows == "native"
        }
        for fetch in ("buffered", "batched:1000")
    }
    names = list(reads)
    columns: list[tuple[str, list[str]]] = [
        _column("point reads/s", lambda s: s.throughput_per_s, RATES, names, [reads], spread=True),
        _column("p99", lambda s: s.latency_ns.get("p99"), TIMES, names, [reads]),
        _column("client CPU/read", lambda s: s.client_cpu_ns, TIMES, names, [reads]),
        _column("rows/s", lambda s: s.rows_per_s, RATES, names, many.values()),
        _column("first row", lambda s: s.usable_after_ns, TIMES, names, many.values()),
        _column("peak memory", _memory, BYTES, names, many.values()),
    ]
    heading = ["backend", *(name for name, _ in columns)]
    lines = [heading, ["---", *("---:" for _ in columns)]]
    lines += [
        [f"`{name}`", *(cells[row] for _, cells in columns)] for row, name in enumerate(names)
    ]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return (
        f"{table}\n\nPoint reads: `{POINT_READ}` with {clients} tasks or threads. Rows: all"
        " customers with\ntheir addresses, one task, buffered → batched by 1,000. `null` answers"
        " from memory and has three\ncustomers: its columns show the harness's overhead."
    )


def _is_plain(case: Case, workload: str) -> bool:
    return case == Case(case.backend, workload, concurrency=case.concurrency, loop=case.loop)


def _memory(summary: Summary) -> Interval | None:
    peak = summary.peak_memory_bytes
    return None if peak is None else once(peak)


def _column(
    name: str,
    figure: Figure,
    units: tuple[Unit, ...],
    backends: list[str],
    summaries: Iterable[dict[str, Summary]],
    *,
    spread: bool = False,
) -> tuple[str, list[str]]:
    """Return the heading with its unit, and one cell per backend: one figure, or `one → other`.

    `summaries`: backend -> summary, for each figure of a cell.
    """
    rows = [
        [figure(by_name[backend]) if backend in by_name else None for by_name in summaries]
        for backend in backends
    ]
    unit = unit_of((interval.median for row in rows for interval in row if interval), units)
    cells = []
    for row in rows:
        text = " → ".join(unit.text(interval.median) for interval in row if interval)
        if spread and row[0] and row[0].relative is not None:
            text += f" ±{row[0].relative:.0%}"
        cells.append(text)
    return f"{name} ({unit.symbol})" if unit.symbol else name, cells


def _where(run_results: results.Results, shown: str, intervals: str) -> str:
    header = run_results.header
    environment = header.environment
    host, server = environment.host, environment.server
    return (
        f"`{header.command}`, {header.created_at[:10]}: "
        f"{host.cpu}, {host.cores} cores, Python {environment.python},\n"
        f"PostgreSQL {server.version} by {server.transport}; rounds of "
        f"{header.seconds} s, closed loop; {intervals}.\n"
        f"Everything else is in [{shown}]({shown}/)."
    )
