"""Scales, ticks and marks that several charts use."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bench.analysis.look import Look
from bench.analysis.selection import Selection
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.uncertain import MARK, drawn, is_uncertain
from bench.analysis.wording import LAYER_NAMES
from bench.model.units import Unit, short
from bench.output.charts.page import width_in
from bench.output.charts.style import INK, MUTED, RED, mark_style
from bench.output.ticks import apart, farthest, log_ticks

ROW_IN = 0.29
"""The height in inches of a row, in a chart with one row per backend."""


LABEL_SIZE = 9.5
"""The font size of the label of a bar."""

_LABEL_GAP_IN = 0.15
"""The distance in inches of a label from its bar and from the end of the axes, together."""


def concurrency_axis(axes: Axes, concurrencies: Iterable[int]) -> None:
    """Give the x axis a logarithmic scale of base 2, with ticks at the measured concurrencies."""
    ticks = sorted(set(concurrencies))
    axes.set_xscale("log", base=2)
    axes.set_xlim(ticks[0] / 1.25, ticks[-1] * 1.25)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def log_axis(
    axis: Axis, values: Iterable[float], units: tuple[Unit, ...], *, room: int = 6, pad: float = 1.3
) -> None:
    """Give the axis a logarithmic scale, with ticks at 1, 2 and 5 times each power of ten.

    If these are more than `room`, there are fewer per decade. `pad`: the factor by which the axis
    extends beyond the lowest and the highest value.
    """
    known = [value for value in values if value > 0] or [1.0]
    low, high = min(known) / pad, max(known) * pad
    _scale(axis, "log")
    _limit(axis, low, high)
    axis.set_major_locator(FixedLocator(log_ticks(low, high, room, finest=1)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value, units)))


def linear_axis(axis: Axis, highest: float, units: tuple[Unit, ...], *, room: int = 5) -> None:
    """Give the axis a linear scale from zero to `highest`, with about `room` ticks."""
    _limit(axis, 0, highest or 1)
    axis.set_major_locator(MaxNLocator(room, steps=[1, 2, 5, 10]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value, units)))


def error_bars(interval: Interval) -> list[list[float]] | None:
    """Return the distances from the median down and up, for matplotlib's `yerr` or `xerr`.

    None if the interval has no bounds.
    """
    if interval.low is None or interval.high is None:
        return None
    return [[interval.median - interval.low], [interval.high - interval.median]]


def curve(
    axes: Axes,
    points: Sequence[tuple[int, Interval, bool]],
    style: dict[str, Any],
    uncertain: Collection[int] = (),
    *,
    band: bool = True,
) -> None:
    """Draw a line over concurrency, with the band of its intervals.

    `points`: concurrency, interval, and whether operations failed there (a red cross).
    `uncertain`: the concurrencies at which the interval is that of two bounds (a mark and a line).
    `band`: False draws each interval as a vertical line, where bands of several backends overlap.
    """
    if not points:
        return
    x = [concurrency for concurrency, _, _ in points]
    y = [interval.median for _, interval, _ in points]
    low = [i.median if i.low is None else i.low for _, i, _ in points]
    high = [i.median if i.high is None else i.high for _, i, _ in points]
    if band:
        axes.fill_between(x, low, high, color=style["color"], alpha=0.16, linewidth=0)
    else:
        axes.vlines(x, low, high, color=style["color"], alpha=0.5, linewidth=1.4)
    axes.plot(x, y, **style)
    crosses = [(c, i.median) for c, i, failed in points if failed]
    if crosses:
        axes.plot(*zip(*crosses, strict=True), "x", color=RED, ms=9, mew=2.2, zorder=9)
    for concurrency, interval, _ in points:
        if concurrency in uncertain:
            colour = style["color"]
            spread = error_bars(interval)
            axes.errorbar(
                concurrency, interval.median, yerr=spread, color=colour, lw=1.3, capsize=3
            )
            axes.annotate(
                MARK, (concurrency, interval.median), (7, 8), textcoords="offset points",
                va="center", weight="bold", size=11, color=colour,
            )  # fmt: skip


def mark_uncertain(axes: Axes, summary: Summary, value: Interval, y: float) -> None:
    """Write the mark above a horizontal value, if it is a rate from too short a window."""
    if is_uncertain(summary, value):
        axes.annotate(
            MARK, (value.median, y), (0, 5), textcoords="offset points", ha="center", size=11,
            weight="bold", color=INK,
        )  # fmt: skip


def horizontal_mark(
    axes: Axes, selection: Selection, summary: Summary, value: Interval, y: float, marker: str
) -> None:
    """Draw a value of a case with its interval, and a red cross if operations failed."""
    mark = mark_style(selection.looks[summary.case.backend], selection, marker)
    spread = error_bars(drawn(summary, value))
    if spread:
        axes.errorbar(value.median, y, xerr=spread, color=mark["color"], lw=1.3)
    axes.plot(value.median, y, **mark)
    mark_uncertain(axes, summary, value, y)
    if summary.marked:
        axes.plot(value.median, y, "x", color=RED, ms=9, mew=2.2, zorder=9)


def rows_by_layer(
    axes: Sequence[Axes], looks: Iterable[Look], size: float = 10
) -> dict[str, float]:
    """Set up one row per backend, grouped by layer: see `rows_by_group`."""
    groups: dict[str, list[str]] = {}
    for look in looks:
        heading = "" if look.null else LAYER_NAMES.get(look.layer, look.layer)
        groups.setdefault(heading, []).append(look.name)
    return rows_by_group(axes, groups, size=size)


def rows_by_group(
    axes: Sequence[Axes],
    groups: Mapping[str, Sequence[str]],
    labels: Mapping[str, str] | None = None,
    *,
    size: float = 10,
) -> dict[str, float]:
    """Set up the rows, such as one per backend, under the heading of their group.

    All axes get the rows; only the first shows their names, or the `labels` of these. Returns
    row -> its y on the axes.
    """
    places: dict[str, float] = {}
    headings: dict[str, float] = {}
    place = 0.0
    for heading, rows in groups.items():
        place += 0.35 if places else 0
        headings[heading] = place
        place += 0.95 if heading else 0
        for row in rows:
            places[row] = place
            place += 1
    for panel in axes:
        panel.set_ylim(place - 0.3, -0.6)
        names = [labels[row] for row in places] if labels else list(places)
        panel.set_yticks(list(places.values()), names)
        panel.tick_params(labelleft=panel is axes[0])
        panel.grid(axis="y", visible=False)
        panel.spines["left"].set_visible(False)
    for heading, height in headings.items():
        axes[0].annotate(
            heading,
            (0, height),
            (-4, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            weight="bold",
            size=size,
            color=MUTED,
        )
    return places


def rows_height(looks: Iterable[Look], row: float = ROW_IN) -> float:
    """Return the height in inches that `rows_by_layer` needs for these backends."""
    listed = list(looks)
    return row * (len(listed) + 1.3 * len({look.layer for look in listed}) + 0.3)


def bars(
    axes: Axes,
    places: Mapping[str, float],
    values: Mapping[str, tuple[Interval, str, bool]],
    styles: Mapping[str, dict[str, Any]],
    *,
    size: float = LABEL_SIZE,
    thickness: float = 0.74,
) -> None:
    """Draw one bar per row, with its interval and a label at its end.

    `values`: backend -> interval, label, and whether operations failed (a red cross). The label of
    a bar or an interval that the axis cuts off has an arrow. Set the limits of the x axis before
    this call.
    """
    edge = axes.get_xlim()[1]
    for name, (interval, label, failed) in values.items():
        y, end = places[name], min(interval.median, edge)
        farthest_end = max(interval.median, interval.high or 0)
        cut = farthest_end > edge
        axes.barh(y, end, thickness, **styles[name])
        spread = error_bars(interval)
        if spread and interval.median <= edge:
            axes.errorbar(interval.median, y, xerr=spread, color=INK, lw=1.1, capsize=2, zorder=5)
        axes.annotate(
            f"{label} ▸" if cut else label,
            (min(farthest_end, edge), y),
            (-2 if cut else 5, 0),
            textcoords="offset points",
            ha="right" if cut else "left",
            va="center",
            size=size,
            zorder=6,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2} if cut else None,
        )
        if failed:
            axes.plot(end, y, "x", color=RED, ms=9, mew=2.2, zorder=9)


def _scale(axis: Axis, scale: str) -> None:
    axes = axis.axes
    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)(scale)


def _limit(axis: Axis, low: float, high: float) -> None:
    axes = axis.axes
    (axes.set_xlim if axis is axes.xaxis else axes.set_ylim)(low, high)


def highest(
    selection: Selection, values: Mapping[str, Interval | None], room: float = 1.18
) -> float:
    """Return the end of an axis: `room` times the highest value, null backends not counted.

    A bar of a null backend may be cut off. If only null backends have values, these count. A
    far interval may be cut off too: see `farthest`.
    """
    known = {name: value for name, value in values.items() if value}
    others = [value for name, value in known.items() if not selection.looks[name].null]
    return room * farthest(others or list(known.values()))


def end_for_labels(axes: Axes, bars: Iterable[tuple[Interval, str, bool]]) -> float:
    """Return the end of an x axis from zero, so that the label of every bar lies within the axes.

    `bars`: the values of `bars`. A far interval may be cut off: see `farthest`.
    """
    listed = list(bars)
    most = farthest([interval for interval, _, _ in listed])
    inches = axes.get_window_extent().width / axes.figure.dpi
    ends = [most * 1.05]
    for interval, label, _ in listed:
        # A label takes at most half of the axes, since a very long one would leave no bar.
        label_in = min(width_in(label, LABEL_SIZE) + _LABEL_GAP_IN, inches / 2)
        ends.append(min(max(interval.median, interval.high or 0), most) / (1 - label_in / inches))
    return max(ends)


def end_labels(axes: Axes, labels: Sequence[tuple[float, str, str]], gap: float = 0.062) -> None:
    """Write the names of lines at the right of the axes, moved apart where they would overlap.

    `labels`: (y, text, colour).
    """
    if not labels:
        return
    to_axes = axes.transData + axes.transAxes.inverted()
    left = axes.get_xlim()[0]
    heights = sorted((to_axes.transform((left, y))[1], text, colour) for y, text, colour in labels)
    placed = apart([height for height, _, _ in heights], gap, 0, 1)
    for y, (_, text, colour) in zip(placed, heights, strict=True):
        axes.annotate(
            text, (1.015, y), xycoords="axes fraction", color=colour, va="center", size=9.5
        )
