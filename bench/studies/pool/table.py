"""The output of `bench pool`: a table for each backend, and the sentences."""

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.analysis.selection import select
from bench.analysis.summary import Summary
from bench.model.units import RATES, TIMES, unit_of
from bench.results.file import Results
from bench.studies.pool.findings import findings
from bench.studies.pool.surface import Cell, Surface, surfaces

Shown = Callable[[float | None], str]


def render(results: Results, summaries: list[Summary]) -> RenderableType:
    """Return the tables, for a terminal of 100 columns, and what they tell."""
    parts: list[RenderableType] = []
    for surface in surfaces(results, summaries):
        parts += [Text(title(surface), style="bold"), _table(surface), Text()]
    sentences = [found.sentence for found in findings(results, select(results, summaries))]
    parts += [Text(sentence.replace("`", "")) for sentence in sentences]
    return Group(*parts, _legend())


def title(surface: Surface) -> str:
    """Return the heading of a backend's table."""
    link = "" if surface.link.is_direct else f", {surface.link} to the server"
    return f"{surface.backend}: {surface.workload}{link}"


def _table(surface: Surface) -> Table:
    cells = surface.cells
    rates = unit_of((cell.rate for cell in cells), RATES)
    waits = unit_of((cell.waits.wait_p99_ns for cell in cells if cell.waits), TIMES)
    missing = any(cell.waits and cell.waits.timeouts for cell in cells)
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 2))
    table.add_column("\nclients", justify="right")
    table.add_column("\npool", no_wrap=True)
    headings = [
        f"{rates.symbol}\noperations/s".strip() if rates.symbol else "\noperations/s",
        "",
        "of the best\nsize",
        f"wait p50\n{waits.symbol}",
        f"wait p99\n{waits.symbol}",
        "connections\nopened",
    ]
    for heading in headings + ["without a\nconnection"] * missing:
        table.add_column(heading, justify="right", no_wrap=True)
    before = 0
    for cell in cells:
        clients = cell.case.concurrency
        row = _row(surface, cell, rates.text, waits.text, missing=missing)
        style = "red" if cell.summary and cell.summary.marked else ""
        table.add_row("" if clients == before else str(clients), cell.kind, *row, style=style)
        before = clients
    return table


def _row(surface: Surface, cell: Cell, rate: Shown, wait: Shown, *, missing: bool) -> list[str]:
    interval = cell.summary.throughput_per_s if cell.summary and cell.rate is not None else None
    share = surface.share(cell)
    watched = cell.waits
    row = [
        rate(interval.median) if interval else "-",
        f"±{interval.relative:.0%}" if interval and interval.relative is not None else "",
        "-" if share is None else f"{share * 100:.0f} %",
        wait(watched.wait_p50_ns) if watched else "-",
        wait(watched.wait_p99_ns) if watched else "-",
        "-" if watched is None or watched.opened is None else f"{watched.opened:,}",
    ]
    if missing:
        row.append("-" if watched is None else f"{watched.timeouts:,}")
    return row


def _legend() -> Text:
    return Text(
        "\npool: the connections that it keeps; 5 + 10: up to 10 more while they are needed;"
        " pre-ping: asked\nwhether it is alive before each use; NullPool: a new connection for each"
        " operation. of the best\nsize: among the pools of a fixed size, for as many clients. wait:"
        " for a connection of the pool, in a\nwindow of its own, as are the connections opened in"
        " it. without a connection: the wait timed out, or\nthe pool does not let clients wait.",
        "dim",
    )
