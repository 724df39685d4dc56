"""The output of `bench pool`: a table for each backend, and the sentences."""

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.text import Text

from bench.analysis.selection import select
from bench.analysis.summary import Summary
from bench.model.units import RATES, TIMES, unit_of
from bench.output.terminal.whole_table import WholeTable
from bench.results.file import Results
from bench.studies.pool.findings import findings
from bench.studies.pool.surface import Cell, Surface, percent, surfaces

Shown = Callable[[float | None], str]


def render(results: Results, summaries: list[Summary]) -> RenderableType:
    """Return the tables, for a terminal of 100 columns, and what they tell."""
    parts: list[RenderableType] = []
    made = surfaces(results, summaries)
    for surface in made:
        parts += [Text(title(surface), style="bold"), _table(surface), Text()]
    sentences = [found.sentence for found in findings(results, select(results, summaries))]
    parts += [Text(sentence.replace("`", "")) for sentence in sentences]
    return Group(*parts, _legend(pgbouncer=any(map(_has_pgbouncer, made))))


def title(surface: Surface) -> str:
    """Return the heading of a backend's table."""
    link = "" if surface.link.is_direct else f", {surface.link} to the server"
    return f"{surface.backend}: {surface.workload}{link}"


def _table(surface: Surface) -> WholeTable:
    cells = surface.cells
    rates = unit_of((cell.rate for cell in cells), RATES)
    longest = [cell.waits.wait_p99_ns for cell in cells if cell.waits]
    usual = [cell.usual_wait_ns for cell in cells]
    waits = unit_of([*usual, *longest, *map(_pooler_wait, cells)], TIMES)
    missing = any(cell.waits and cell.waits.timeouts for cell in cells)
    table = WholeTable(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column("\nclients", justify="right", no_wrap=True)
    table.add_column("\npool", no_wrap=True)
    headings = [
        f"{rates.symbol}\noperations/s".strip() if rates.symbol else "\noperations/s",
        "",
        "of the\nbest",
        f"{surface.usual}\nwait {waits.symbol}",
        f"p99\nwait {waits.symbol}",
        "\nwaiting",
        "fewest\n/ most",
        "\nopened",
    ]
    headings += [f"pooler\nwait {waits.symbol}"] * any(_pooler_wait(cell) for cell in cells)
    for heading in headings + ["got\nnone"] * missing:
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
        percent(share),
        wait(cell.usual_wait_ns) if watched else "-",
        wait(watched.wait_p99_ns) if watched else "-",
        percent(watched.waiting_share if watched else None),
        percent(watched.evenness if watched else None),
        "-" if watched is None or watched.opened is None else f"{watched.opened:,}",
    ]
    if any(_pooler_wait(cell) for cell in surface.cells):
        row.append(wait(_pooler_wait(cell)) if _pooler_wait(cell) is not None else "")
    if missing:
        row.append("-" if watched is None else f"{watched.timeouts:,}")
    return row


def _has_pgbouncer(surface: Surface) -> bool:
    return any(surface.behind_pgbouncer(clients) for clients in surface.clients)


def _pooler_wait(cell: Cell) -> int | None:
    return cell.waits.pooler_wait_ns if cell.waits else None


def _legend(*, pgbouncer: bool) -> Text:
    """Return the legend; with `pgbouncer`, also that of its rows."""
    text = (
        "pool: the connections that it keeps; 5 + 10: up to 10 more while they are needed;"
        " pre-ping: asked whether it is alive before each use; NullPool: a new connection for"
        " each operation. of the best: of the operations/s of the best pool of a fixed size, for as"
        " many clients; another kind of pool may have more than 100 %. wait: for a connection of"
        " the pool, in a window of its own, as are the connections opened in it; the mean has the"
        " waits that did not end in the window, p99 has not. waiting: that part of the clients'"
        " time. fewest / most: the operations of the client with the fewest, of those of the client"
        " with the most; near 0 % clients starve. got none: requests whose wait timed out, or whose"
        " pool does not let clients wait."
    )
    if pgbouncer:
        text += (
            " PgBouncer 4: each client has a connection to a PgBouncer in transaction mode, which"
            " has 4 to the server; pooler wait: the mean of a transaction for one of these."
        )
    return Text(f"\n{text}", "dim")
