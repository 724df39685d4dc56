"""Scales, ticks and marks that several charts share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bench.analysis.look import Look
from bench.analysis.selection import Selection
from bench.analysis.stats import Interval
from bench.analysis.wording import LAYER_NAMES
from bench.model.units import Unit, short
from bench.output.charts.style import MUTED, RED
from bench.output.ticks import apart, log_ticks

ROW_IN = 0.29
"""Height of a row of a chart that has a row a backend."""


def concurrency_axis(axes: Axes, concurrencies: Iterable[int]) -> None:
    """Powers of two apart, with the measured ones as ticks."""
    ticks = sorted(set(concurrencies))
    axes.set_xscale("log", base=2)
    axes.set_xlim(ticks[0] / 1.25, ticks[-1] * 1.25)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def log_axis(
    axis: Axis, values: Iterable[float], units: tuple[Unit, ...], *, room: int = 6, pad: float = 1.3
) -> None:
    """Decades, with ticks at 1, 2 and 5 of each as far as there is room for so many."""
    known = [value for value in values if value > 0] or [1.0]
    low, high = min(known) / pad, max(known) * pad
    _scale(axis, "log")
    _limit(axis, low, high)
    axis.set_major_locator(FixedLocator(log_ticks(low, high, room, finest=1)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value, units)))


def linear_axis(axis: Axis, highest: float, units: tuple[Unit, ...], *, room: int = 5) -> None:
    """From zero, with room for a value's label after the highest."""
    _limit(axis, 0, highest or 1)
    axis.set_major_locator(MaxNLocator(room, steps=[1, 2, 5, 10]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value, units)))


def error_bars(interval: Interval) -> list[list[float]] | None:
    """For matplotlib's `yerr` or `xerr`: how far below and above the median."""
    if interval.low is None or interval.high is None:
        return None
    return [[interval.median - interval.low], [interval.high - interval.median]]


def curve(axes: Axes, points: Sequence[tuple[int, Interval, bool]], style: dict[str, Any]) -> None:
    """A line over concurrency with its band; a red cross where `failed`."""
    if not points:
        return
    x = [concurrency for concurrency, _, _ in points]
    y = [interval.median for _, interval, _ in points]
    low = [i.median if i.low is None else i.low for _, i, _ in points]
    high = [i.median if i.high is None else i.high for _, i, _ in points]
    axes.fill_between(x, low, high, color=style["color"], alpha=0.16, linewidth=0)
    axes.plot(x, y, **style)
    crosses = [(c, i.median) for c, i, failed in points if failed]
    if crosses:
        axes.plot(*zip(*crosses, strict=True), "x", color=RED, ms=9, mew=2.2, zorder=9)


def rows_by_layer(
    axes: Sequence[Axes], looks: Iterable[Look], size: float = 10
) -> dict[str, float]:
    """A row a backend, layer under layer: see `rows_by_group`."""
    groups: dict[str, list[Look]] = {}
    for look in looks:
        heading = "" if look.null else LAYER_NAMES.get(look.layer, look.layer)
        groups.setdefault(heading, []).append(look)
    return rows_by_group(axes, groups, size)


def rows_by_group(
    axes: Sequence[Axes], groups: Mapping[str, Sequence[Look]], size: float = 10
) -> dict[str, float]:
    """A row a backend, under the heading of its group; backend -> its height on the axis.

    The first of the axes carries the names, all get the rows.
    """
    places: dict[str, float] = {}
    headings: dict[str, float] = {}
    place = 0.0
    for heading, looks in groups.items():
        place += 0.35 if places else 0
        headings[heading] = place
        place += 0.95 if heading else 0
        for look in looks:
            places[look.name] = place
            place += 1
    for each in axes:
        each.set_ylim(place - 0.3, -0.6)
        each.set_yticks(list(places.values()), list(places))
        each.tick_params(labelleft=each is axes[0])
        each.grid(axis="y", visible=False)
        each.spines["left"].set_visible(False)
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
    """Inches that `rows_by_layer` needs for so many."""
    listed = list(looks)
    return row * (len(listed) + 1.3 * len({look.layer for look in listed}) + 0.3)


def bars(
    axes: Axes,
    places: Mapping[str, float],
    values: Mapping[str, tuple[Interval, str, bool]],
    styles: Mapping[str, dict[str, Any]],
    *,
    size: float = 9.5,
    thickness: float = 0.74,
) -> None:
    """A bar a row with its interval and its label behind; a red cross where `failed`.

    A bar that the axis cuts off says so with an arrow. Set the axis's limits before.
    """
    edge = axes.get_xlim()[1]
    for name, (interval, label, failed) in values.items():
        y, cut = places[name], interval.median > edge
        end = min(interval.median, edge)
        axes.barh(y, end, thickness, **styles[name])
        spread = error_bars(interval)
        if spread and not cut:
            axes.errorbar(
                interval.median, y, xerr=spread, color="#1a1a1a", lw=1.1, capsize=2, zorder=5
            )
        reach = end if cut or interval.high is None else max(end, interval.high)
        axes.annotate(
            f"{label} ▸" if cut else label,
            (reach, y),
            (-5 if cut else 5, 0),
            textcoords="offset points",
            ha="right" if cut else "left",
            va="center",
            size=size,
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
    """Where an axis ends on which the floor may run out: beyond the highest that is not null."""
    known = {name: value.high or value.median for name, value in values.items() if value}
    others = [value for name, value in known.items() if not selection.looks[name].null]
    return room * max(others or list(known.values()) or [1])


def end_labels(axes: Axes, labels: Sequence[tuple[float, str, str]], gap: float = 0.062) -> None:
    """Names of lines at the right of the axes: (y, text, colour), pushed apart where they meet."""
    if not labels:
        return
    to_axes = axes.transData + axes.transAxes.inverted()
    left = axes.get_xlim()[0]
    heights = sorted((to_axes.transform((left, y))[1], text, colour) for y, text, colour in labels)
    placed = apart([height for height, _, _ in heights], gap)
    # What was pushed up as a whole comes down half the way.
    slack = (sum(placed) - sum(height for height, _, _ in heights)) / len(placed)
    for y, (_, text, colour) in zip(placed, heights, strict=True):
        axes.annotate(
            text, (1.015, y - slack), xycoords="axes fraction", color=colour, va="center", size=9.5
        )
