"""A drawing of a figure against concurrency: a line a backend, its name at the end."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.analysis.look import Look
from bench.analysis.selection import Selection, by_backend
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.model.units import Unit, with_unit
from bench.output.report.scale import Scale, Tick, scale_of
from bench.output.ticks import apart, extents

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 236, 46, 236, 12, 204
LABEL_GAP = 12.5


@dataclass(frozen=True)
class CurvePoint:
    x: float
    y: float
    low: float | None
    high: float | None
    summary: Summary
    tip: str


@dataclass(frozen=True)
class Curve:
    """One backend's, on one scale."""

    look: Look
    points: list[CurvePoint]
    label_y: float

    @property
    def path(self) -> str:
        """As `<polyline points>` has it."""
        return " ".join(f"{point.x},{point.y}" for point in self.points)


@dataclass(frozen=True)
class Drawn:
    """All lines on one scale."""

    lines: list[Curve]
    ticks: list[Tick]


@dataclass(frozen=True)
class LinesPanel:
    """All that a template needs to write it down. Lengths in px."""

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
) -> LinesPanel:
    """`measured`: at several concurrencies. `shared`: what the scales have to hold."""
    crowds = sorted({each.case.concurrency for each in shared})

    def x(concurrency: int) -> float:
        part = math.log2(concurrency / crowds[0]) / math.log2(crowds[-1] / crowds[0])
        return round(LEFT + 10 + (RIGHT - LEFT - 20) * part, 1)

    values = extents(figure(each) for each in shared)
    scales = [scale_of(values, BOTTOM, TOP, units, log=log) for log in (False, True)]
    linear, log = (_drawn(measured, figure, selection, scale, x, units) for scale in scales)
    return LinesPanel(title, [Tick(x(crowd), str(crowd)) for crowd in crowds], linear, log)


def _drawn(
    measured: Sequence[Summary],
    figure: Callable[[Summary], Interval | None],
    selection: Selection,
    scale: Scale,
    x: Callable[[int], float],
    units: tuple[Unit, ...],
) -> Drawn:
    lines: dict[Look, list[CurvePoint]] = {}
    for name, own in by_backend(measured).items():
        points = [
            CurvePoint(
                x(each.case.concurrency),
                scale.at(value.median),
                None if value.low is None else scale.at(value.low),
                None if value.high is None else scale.at(value.high),
                each,
                _tip(each, value, units),
            )
            for each in own
            if (value := figure(each))
        ]
        if points:
            lines[selection.looks[name]] = points
    places = _apart({look: points[-1].y for look, points in lines.items()})
    made = [Curve(look, points, places[look]) for look, points in lines.items()]
    return Drawn(made, scale.ticks(5))


def _apart(wanted: dict[Look, float]) -> dict[Look, float]:
    """Names of lines, from top to bottom, pushed apart where they meet."""
    looks = sorted(wanted, key=wanted.__getitem__)
    placed = dict(zip(looks, apart([wanted[look] for look in looks], LABEL_GAP), strict=True))
    over = max([y - BOTTOM for y in placed.values()] + [0.0])
    return {look: round(y - over, 1) for look, y in placed.items()}


def _tip(each: Summary, value: Interval, units: tuple[Unit, ...]) -> str:
    text = f"{each.case.backend} at {each.case.concurrency}: {with_unit(value.median, units)}"
    if value.low is not None and value.high is not None:
        text += f" ({with_unit(value.low, units)} to {with_unit(value.high, units)})"
    return text + (", with errors" if each.marked else "")
