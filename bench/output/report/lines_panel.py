"""A panel with a figure against concurrency: one line per backend, its name at the end."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.analysis.look import Look
from bench.analysis.selection import Selection, by_backend
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.uncertain import UNCERTAIN, drawn, is_uncertain
from bench.model.units import RATES, Unit, short, with_unit
from bench.output.report.scale import Scale, Tick, scale_of
from bench.output.ticks import apart, extents, log_ticks

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 236, 46, 236, 12, 204
LABEL_GAP = 12.5
MOST_TICKS = 6
"""The most ticks of the horizontal scale."""


@dataclass(frozen=True)
class CurvePoint:
    """A point of a line. `low`, `high`: the y of its interval. In px."""

    x: float
    y: float
    low: float | None
    high: float | None
    summary: Summary
    tip: str
    uncertain: bool
    """Whether it is a rate from too short a window: its interval is then that of its bounds."""


@dataclass(frozen=True)
class Curve:
    """The line of one backend, on one scale."""

    look: Look
    points: list[CurvePoint]
    label_y: float
    missed: frozenset[int] = frozenset()
    """The places of the points before which a rate was not held: no line may go over it."""

    @property
    def paths(self) -> list[str]:
        """The points of each part of the line, as SVG's `<polyline points>` takes them."""
        parts: list[list[str]] = []
        for place, point in enumerate(self.points):
            if not place or place in self.missed:
                parts.append([])
            parts[-1].append(f"{point.x},{point.y}")
        return [" ".join(part) for part in parts]


@dataclass(frozen=True)
class Drawn:
    """All lines of a panel on one scale, and its ticks."""

    lines: list[Curve]
    ticks: list[Tick]


@dataclass(frozen=True)
class LinesPanel:
    """The data that the template needs to draw the panel. Lengths are in px."""

    title: str
    concurrencies: list[Tick]
    linear: Drawn
    log: Drawn
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    bottom: float = BOTTOM
    kind: str = field(default="lines", init=False)


def lines_panel(
    title: str,
    units: tuple[Unit, ...],
    measured: Sequence[Summary],
    figure: Callable[[Summary], Interval | None],
    selection: Selection,
    shared: Sequence[Summary],
    x_value: Callable[[Summary], int] = lambda summary: summary.case.concurrency,
) -> LinesPanel:
    """Return a panel. `x_value`: the value of a summary on the horizontal scale, logarithmic.

    `measured`: the summaries to draw, of several concurrencies. `figure`: the value of a summary.
    `shared`: the summaries that determine the scales.
    """
    concurrencies = sorted({x_value(summary) for summary in shared})

    def x(concurrency: int) -> float:
        fewest, most = concurrencies[0], concurrencies[-1]
        part = math.log2(concurrency / fewest) / math.log2(most / fewest)
        return round(LEFT + 10 + (RIGHT - LEFT - 20) * part, 1)

    known = ((summary, value) for summary in shared if (value := figure(summary)))
    values = extents(drawn(summary, value) for summary, value in known)
    scales = [scale_of(values, BOTTOM, TOP, units, log=log) for log in (False, True)]

    def place(summary: Summary) -> float:
        return x(x_value(summary))

    linear, log = (_drawn(measured, figure, selection, scale, place, units) for scale in scales)
    ticks = _ticks(concurrencies, x)
    return LinesPanel(title, ticks, linear, log)


def _ticks(values: Sequence[int], x: Callable[[int], float]) -> list[Tick]:
    """Return a tick for each value; for many of them, round ticks between their ends."""
    if len(values) > MOST_TICKS:
        low, high = values[0], values[-1]
        values = [
            round(value) for value in log_ticks(low, high, MOST_TICKS) if low <= value <= high
        ]
    return [
        Tick(x(value), short(value, RATES) if value >= 1000 else str(value)) for value in values
    ]


def _drawn(
    measured: Sequence[Summary],
    figure: Callable[[Summary], Interval | None],
    selection: Selection,
    scale: Scale,
    x: Callable[[Summary], float],
    units: tuple[Unit, ...],
) -> Drawn:
    lines: dict[Look, list[CurvePoint]] = {}
    missed: dict[Look, frozenset[int]] = {}
    for name, summaries in by_backend(measured).items():
        points = [
            CurvePoint(
                x(summary),
                scale.at(value.median),
                None if value.low is None else scale.at(value.low),
                None if value.high is None else scale.at(value.high),
                summary,
                _tip(summary, value, units) + UNCERTAIN * uncertain,
                uncertain,
            )
            for summary in summaries
            if (shown := figure(summary))
            for value, uncertain in [(drawn(summary, shown), is_uncertain(summary, shown))]
        ]
        if points:
            lines[selection.looks[name]] = points
            missed[selection.looks[name]] = _missed(summaries, figure)
    places = _apart({look: points[-1].y for look, points in lines.items()})
    curves = [Curve(look, points, places[look], missed[look]) for look, points in lines.items()]
    return Drawn(curves, scale.ticks(5))


def _missed(
    summaries: Sequence[Summary], figure: Callable[[Summary], Interval | None]
) -> frozenset[int]:
    """Return the places of the points that follow a rate that was not held."""
    places, place = set(), 0
    for summary in summaries:
        if figure(summary):
            place += 1
        elif not summary.held:
            places.add(place)
    return frozenset(places)


def _apart(wanted: dict[Look, float]) -> dict[Look, float]:
    """Return the y of each line's name, from top to bottom, moved apart where they would overlap.

    `wanted`: the y of the line's end.
    """
    looks = sorted(wanted, key=wanted.__getitem__)
    placed = apart([wanted[look] for look in looks], LABEL_GAP, TOP, BOTTOM)
    return {look: round(y, 1) for look, y in zip(looks, placed, strict=True)}


def _tip(summary: Summary, value: Interval, units: tuple[Unit, ...]) -> str:
    text = f"{summary.case.backend} at {summary.case.concurrency}"
    text += f", {summary.case.rate_in_words}: " if summary.case.rate else ": "
    text += with_unit(value.median, units)
    if value.low is not None and value.high is not None:
        text += f" ({with_unit(value.low, units)} to {with_unit(value.high, units)})"
    return text + (", with errors" if summary.marked else "")
