"""A panel with one row per value: name, mark with interval, figure.

The panel has linear and logarithmic marks. The page shows one of the two kinds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.analysis.selection import Selection
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.uncertain import UNCERTAIN, drawn, is_uncertain, marked
from bench.model.units import Unit, unit_of
from bench.output.report.scale import Scale, Tick, scale_of
from bench.output.ticks import extents, farthest

WIDTH, LABEL, LEFT, RIGHT = 360, 124, 132, 304
"""In px: the width of the panel, the end of the names, and the start and end of the marks. The
figures are right of the marks."""
ROW, HEADING, TOP = 17, 21, 26


@dataclass(frozen=True)
class Entry:
    """A value to draw, with the summary that it comes from and the name of its row."""

    summary: Summary
    name: str
    value: Interval


@dataclass(frozen=True)
class Mark:
    """The mark of a value on one scale. `x`: the median; `low`, `high`: its interval. In px."""

    x: float
    low: float | None
    high: float | None
    beyond: bool
    """Whether the median is beyond the end of the scale."""
    cut: bool = False
    """Whether the interval goes on beyond the end of the scale."""


@dataclass(frozen=True)
class PanelRow:
    """A row of a panel: its figure and tip as text, and its marks on both scales."""

    y: float
    entry: Entry
    figure: str
    tip: str
    linear: Mark
    log: Mark


@dataclass(frozen=True)
class Heading:
    """The heading of a group of rows."""

    y: float
    text: str


@dataclass(frozen=True)
class RowsPanel:
    """The data that the template needs to draw the panel. Lengths are in px."""

    title: str
    height: float
    rows: list[PanelRow]
    headings: list[Heading]
    linear: list[Tick]
    log: list[Tick]
    reference: tuple[float, float] | None = None
    """The place of 1 on the linear and on the logarithmic scale, in a panel of ratios."""
    width: float = WIDTH
    label: float = LABEL
    top: float = TOP
    kind: str = field(default="rows", init=False)


def rows_panel(
    title: str,
    units: tuple[Unit, ...],
    groups: Mapping[str, Sequence[Entry]],
    selection: Selection,
    *,
    ratio: bool = False,
) -> RowsPanel | None:
    """Return a panel; None if there are no values.

    `groups`: heading -> entries. `ratio`: whether to draw a line at 1. Null backends do not extend
    the linear scale.
    """
    entries = [entry for group in groups.values() for entry in group]
    if not entries:
        return None
    unit = unit_of((entry.value.median for entry in entries), units)
    inside = [e for e in entries if not selection.looks[e.summary.case.backend].null] or entries
    shown = [drawn(entry.summary, entry.value) for entry in inside]
    values = extents(shown) + [1.0] * ratio
    bare = (Unit("", unit.size),)
    linear = scale_of([farthest(shown), 1.0 * ratio], LEFT, RIGHT, bare, log=False)
    log = scale_of([*values, *extents(e.value for e in entries)], LEFT, RIGHT, bare, log=True)
    rows: list[PanelRow] = []
    headings: list[Heading] = []
    y = float(TOP)
    for name, group in groups.items():
        if name and group:
            headings.append(Heading(y + 14, name))
            y += HEADING
        for entry in group:
            figure = marked(entry.summary, entry.value, unit.text(entry.value.median))
            tip = _tip(entry, unit)
            value = drawn(entry.summary, entry.value)
            marks = _mark(value, linear), _mark(value, log)
            rows.append(PanelRow(y + ROW / 2, entry, figure, tip, *marks))
            y += ROW
    full = f"{title} ({unit.symbol})" if unit.symbol else title
    reference = (linear.at(1), log.at(1)) if ratio else None
    return RowsPanel(full, y + 4, rows, headings, linear.ticks(5), log.ticks(), reference)


def entries_of(
    chosen: Sequence[Summary],
    figure: Callable[[Summary], Interval | None],
    name: Callable[[Summary], str],
    heading: Callable[[Summary], str],
) -> dict[str, list[Entry]]:
    """Return heading -> entries, in the given order, of the summaries that have the figure."""
    groups: dict[str, list[Entry]] = {}
    for summary in chosen:
        value = figure(summary)
        if value is not None:
            groups.setdefault(heading(summary), []).append(Entry(summary, name(summary), value))
    return groups


def _tip(entry: Entry, unit: Unit) -> str:
    value = drawn(entry.summary, entry.value)
    symbol = f" {unit.symbol}" if unit.symbol else ""
    text = f"{entry.summary.case.backend}, {entry.name}" if entry.name else ""
    if entry.name == entry.summary.case.backend:
        text = entry.name
    text += f": {unit.text(value.median)}{symbol}"
    if value.low is not None and value.high is not None:
        text += f" ({unit.text(value.low)} to {unit.text(value.high)}, {value.rounds} rounds)"
    text += UNCERTAIN if is_uncertain(entry.summary, entry.value) else ""
    return text + (", with errors" if entry.summary.marked else "")


def _mark(value: Interval, scale: Scale) -> Mark:
    beyond = value.median > scale.high
    if value.low is None or value.high is None or beyond:
        return Mark(scale.at(value.median), None, None, beyond)
    low, high = scale.at(value.low), scale.at(value.high)
    return Mark(scale.at(value.median), low, high, beyond, cut=value.high > scale.high)
