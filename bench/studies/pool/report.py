"""The section of the report about pools: the surface of each backend, and the deadlocks."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.units import RATES, TIMES, with_unit
from bench.output.report.template import Section, render_part
from bench.results.file import Results
from bench.studies.pool.findings import findings
from bench.studies.pool.surface import Cell, Surface, kind_of, surfaces
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
    rows: list[Row]
    deadlocks: list[tuple[str, str]]
    """The pool, and the outcome for clients that need a second connection."""


HEADINGS = (
    "operations/s",
    "of the best size",
    "wait p50",
    "wait p99",
    "connections opened",
    "without a connection",
)


def section(results: Results, summaries: Sequence[Summary], selection: Selection) -> Section | None:
    """Return the section; None if the run is no run of `bench pool`."""
    made = surfaces(results, summaries)
    if not any(cell.waits for surface in made for cell in surface.cells):
        return None
    html = render_part(
        "bench.studies.pool",
        "section.html.j2",
        parts=[_part(surface) for surface in made],
        headings=HEADINGS,
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
    return Part(title(surface), surface.backend, rows, deadlocks)


def _texts(surface: Surface, cell: Cell) -> tuple[str, ...]:
    share, waits = surface.share(cell), cell.waits
    times = [waits.wait_p50_ns, waits.wait_p99_ns] if waits else [None, None]
    return (
        "-" if cell.rate is None else with_unit(cell.rate, RATES),
        "-" if share is None else f"{share * 100:.0f} %",
        *("-" if value is None else with_unit(value, TIMES) for value in times),
        "-" if waits is None or waits.opened is None else f"{waits.opened:,}",
        "-" if waits is None else f"{waits.timeouts:,}",
    )
