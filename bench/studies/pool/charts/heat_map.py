"""Throughput and waits by number of clients and kind of pool: a heat map for each backend."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench.analysis.selection import Selection
from bench.analysis.wording import asked
from bench.model.link import Link
from bench.model.units import RATES, TIMES, with_unit
from bench.output.charts.page import page
from bench.output.charts.style import INK, RED
from bench.studies.pool.plan import PRE_PING
from bench.studies.pool.surface import Cell, Surface, option_of, smallest

_SHARES = LinearSegmentedColormap.from_list("share", ["#ffffff", "#d6e6f2", "#7fb2d8", "#0072b2"])
_COLOURS = Normalize(0.0, 1.0)
_DARK = 0.93
"""The share from which a cell is so dark that its text is white."""
_LIGHT = 0.4
"""The share up to which red text is legible in a cell."""

_ROW_IN = 0.4
_LEFT_IN = 1.45
_BOTTOM_IN = 1.2
"""The room below the panels: for the name of the axis and the scale of the colours."""
_SCALE_IN = 3.0
"""The length of the scale of the colours."""

_COLUMNS = 2


def figures(selection: Selection, made: Sequence[Surface]) -> Iterator[tuple[str, Figure]]:
    """Yield a chart for each workload and link."""
    groups: dict[tuple[str, Link], list[Surface]] = {}
    for surface in made:
        groups.setdefault((surface.workload, surface.link), []).append(surface)
    for (workload, link), group in groups.items():
        name = f"pool-{workload}" + ("" if link.is_direct else f"-{link}".replace(" ", "-"))
        yield name, _figure(selection, workload, link, group)


def _figure(selection: Selection, workload: str, link: Link, group: Sequence[Surface]) -> Figure:
    columns = min(_COLUMNS, len(group))
    rows = -(-len(group) // columns)
    kinds = max(len(_kinds(surface)) for surface in group)
    network = "" if link.is_direct else f" {link} to the server."
    figure, grid = page(
        selection,
        f"Pool size and clients: {workload}",
        f"{asked(workload)}; each operation takes a connection from the pool and gives it back."
        f"{network} A cell: operations/s; below it the {group[0].usual} wait for a connection / its"
        f" 99th percentile, or the share of requests that got none; -: too few waits."
        f"{_of_starving(group)} Frame: the smallest pool within 5 % of the best of several fixed"
        f" sizes.{_of_pgbouncer(group)}",
        height=rows * (kinds * _ROW_IN) + (rows - 1) * 0.75,
        columns=columns,
        rows=rows,
        left=_LEFT_IN,
        right=0.2,
        gap=1.4,
        row_gap=0.75,
        titled=True,
        beside="connect",
        intervals=False,
        bottom=_BOTTOM_IN,
        failed=selection.marked(workload),
    )
    panels = [panel for row in grid for panel in row]
    for surface, panel in zip(group, panels, strict=False):
        _panel(panel, surface, selection)
    for empty in panels[len(group) :]:
        empty.set_visible(False)
    _scale(figure, panels[-1].get_position().y0)
    return figure


def _scale(figure: Figure, above: float) -> None:
    """Draw the scale of the colours below the panels. `above`: the lower edge of the panels."""
    width, height = figure.get_size_inches()
    y = above - (_BOTTOM_IN - 0.36) / height
    axes = figure.add_axes((_LEFT_IN / width, y, _SCALE_IN / width, 0.13 / height))
    bar = figure.colorbar(ScalarMappable(_COLOURS, _SHARES), cax=axes, orientation="horizontal")
    bar.outline.set_visible(False)
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.tick_params(length=2, labelsize=9)
    axes.grid(visible=False)
    axes.annotate(
        "operations/s, as a share of the best pool of a fixed size for as many clients;"
        "\nother pools may have more, and have the colour of 100 %",
        (1, 0.5), (28, 0), xycoords="axes fraction", textcoords="offset points", va="center",
        size=9,
    )  # fmt: skip


def _of_starving(group: Sequence[Surface]) -> str:
    if not any(_starve(cell) for surface in group for cell in surface.cells):
        return ""
    return " !: a client finished less than a tenth of another one's operations."


def _starve(cell: Cell) -> bool:
    return cell.waits is not None and cell.waits.is_uneven


def _of_pgbouncer(group: Sequence[Surface]) -> str:
    if not any(cell.case.pool.pooler_size for surface in group for cell in surface.cells):
        return ""
    return (
        " PgBouncer 4: each client has a connection to a PgBouncer in transaction mode, which has 4"
        " to the server; below, the mean wait of a transaction for one of these."
    )


def _kinds(surface: Surface) -> list[str]:
    """Return the rows: fixed sizes from the smallest, SQLAlchemy's other pools, PgBouncer."""
    fixed: dict[str, int] = {}
    behind: dict[str, int] = {}
    others: dict[str, None] = {}
    for cell in surface.cells:
        if cell.is_plain:
            fixed[_row(cell)] = cell.case.pool.size or 0
        elif cell.case.pool.pooler_size is not None:
            behind[_row(cell)] = cell.case.pool.pooler_size
        else:
            others[_row(cell)] = None
    return [*sorted(fixed, key=fixed.__getitem__), *others, *sorted(behind, key=behind.__getitem__)]


def _row(cell: Cell) -> str:
    """Return the row of a cell. A pre-ping is on a pool as large as the number of clients."""
    return "pre-ping" if option_of(cell.case) == PRE_PING else cell.kind


def _panel(panel: Axes, surface: Surface, selection: Selection) -> None:
    kinds, clients = _kinds(surface), surface.clients
    panel.set_title(surface.backend)
    panel.set_xlim(-0.5, len(clients) - 0.5)
    panel.set_ylim(len(kinds) - 0.5, -0.5)
    noun = "threads" if surface.cells[0].case.loop == "none" else "tasks"
    panel.set_xticks(range(len(clients)), [f"{count}" for count in clients])
    panel.set_xlabel(f"clients ({noun})")
    panel.set_yticks(range(len(kinds)), kinds)
    panel.set_ylabel("pool")
    panel.grid(visible=False)
    for spine in panel.spines.values():
        spine.set_visible(False)
    for cell in surface.cells:
        x, y = clients.index(cell.case.concurrency), kinds.index(_row(cell))
        _draw(panel, x, y, cell, surface.share(cell))
    for place, count in enumerate(clients):
        enough = smallest(surface, count, selection.floor)
        if enough is not None:
            y = kinds.index(_row(enough.certain))
            frame = Rectangle((place - 0.48, y - 0.46), 0.96, 0.92, fill=False, lw=1.8, ec=INK)
            panel.add_patch(frame)


def _draw(panel: Axes, x: int, y: int, cell: Cell, share: float | None) -> None:
    colour = "#f3f3f3" if share is None else _SHARES(_COLOURS(min(share, 1.0)))
    panel.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=colour, edgecolor="none"))
    dark = share is not None and share >= _DARK
    rate = "-" if cell.rate is None else f"{with_unit(cell.rate, RATES)}/s"
    panel.text(x, y - 0.17, rate, ha="center", va="center", size=9, color="white" if dark else INK)
    failing = _starve(cell) or (cell.waits is not None and cell.waits.timeouts > 0)
    panel.text(
        x,
        y + 0.22,
        _below(cell),
        ha="center",
        va="center",
        size=7,
        color=RED if failing and (share or 0.0) <= _LIGHT else "white" if dark else INK,
    )


def _below(cell: Cell) -> str:
    waits = cell.waits
    if waits is None:
        return ""
    if waits.timeouts:
        part = waits.timeouts / (waits.timeouts + waits.checkouts)
        return f"{part * 100:.0f} % got none"
    if waits.pooler_wait_ns is not None:
        return with_unit(waits.pooler_wait_ns, TIMES)
    times = [
        "-" if value is None else with_unit(value, TIMES)
        for value in (cell.usual_wait_ns, waits.wait_p99_ns)
    ]
    return f"{times[0]} / {times[1]}{' !' if _starve(cell) else ''}"
