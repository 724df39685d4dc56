"""The section of the report about pools: the surface of each backend, and the deadlocks."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.units import RATES, TIMES, with_unit
from bench.output.report.template import Section, render_part
from bench.results.file import Results
from bench.studies.pool.findings import findings
from bench.studies.pool.surface import Cell, Surface, kind_of, percent, surfaces
from bench.studies.pool.table import title


@dataclass(frozen=True)
class Row:
    """One kind of pool with one number of clients, as text."""

    clients: int
    pool: str
    cells: tuple[str, ...]
    share: float
    """The throughput as a percentage of the best, for the colour of the cell."""


@dataclass(frozen=True)
class Part:
    """The table of one backend."""

    title: str
    backend: str
    headings: tuple[str, ...]
    """The names of the columns that `Row.cells` fills."""
    rows: list[Row]
    deadlocks: list[tuple[str, str]]
    """The pool, and the outcome for clients that need a second connection."""


def section(results: Results, summaries: Sequence[Summary], selection: Selection) -> Section | None:
    """Return the section; None if the run is no run of `bench pool`."""
    made = surfaces(results, summaries)
    if not any(cell.waits for surface in made for cell in surface.cells):
        return None
    html = render_part(
        "bench.studies.pool",
        "section.html.j2",
        parts=[_part(surface) for surface in made],
        sentences=[found.sentence for found in findings(results, selection)],
        place={name: place for place, name in enumerate(selection.looks)},
    )
    return Section("pool", "Connection pools", html)


def _part(surface: Surface) -> Part:
    rows = [
        Row(
            cell.case.concurrency,
            cell.kind,
            _texts(surface, cell),
            100 * (surface.share(cell) or 0),
        )
        for cell in surface.cells
    ]
    deadlocks = [
        (
            kind_of(entry.case),
            f"deadlock: {entry.timeout_error}"
            if entry.deadlocked
            else f"all {entry.clients} clients finished",
        )
        for entry in surface.deadlocks
    ]
    headings = (
        "operations/s",
        "of the best size",
        f"{surface.usual} wait",
        "wait p99",
        "waiting",
        "fewest–most",  # noqa: RUF001
        "opened",
        "got none",
    )
    return Part(title(surface), surface.backend, headings, rows, deadlocks)


def _texts(surface: Surface, cell: Cell) -> tuple[str, ...]:
    waits = cell.waits
    times = [cell.usual_wait_ns, waits.wait_p99_ns if waits else None]
    even = waits is not None and waits.evenness is not None
    return (
        "-" if cell.rate is None else with_unit(cell.rate, RATES),
        percent(surface.share(cell)),
        *("-" if value is None else with_unit(value, TIMES) for value in times),
        percent(waits.waiting_share if waits else None),
        f"{waits.fewest_operations:,}–{waits.most_operations:,}" if waits and even else "-",  # noqa: RUF001
        "-" if waits is None or waits.opened is None else f"{waits.opened:,}",
        "-" if waits is None else f"{waits.timeouts:,}",
    )
