"""The chart of the lesson `thinking-time`: outcomes by the thinking time of handlers."""

from typing import Any

from matplotlib.figure import Figure

from bench.output.charts.page import sheet
from bench.output.charts.style import INK
from bench.studies.lessons.charts.outcome_style import key, look
from bench.studies.lessons.outcome import Outcome
from bench.studies.lessons.record import Record
from bench.studies.lessons.thinking_time import share

_STACK = (Outcome.SILENT, Outcome.RAISED, Outcome.RIGHT)


def figure(record: Record, small_print: str) -> Figure:
    """Return the figure: a panel for each group of handlers, and a bar for each thinking time.

    A line shows the confirmed orders that were lost.
    """
    groups, thoughts = record.found["crowds"], record.found["thought_ms"]
    columns = 3
    rows = -(-len(groups) // columns)
    chart, grid = sheet(
        "Slow handlers make the mistake silent",
        "Each handler adds an order and commits it. Every fifth handler refuses its order and "
        "rolls back. The handlers share one session, except in the last panel. Each handler waits "
        "before and after it adds the order, each time for up to half of the time below. Black: "
        "the share of confirmed orders that are not in the table (shown if there is at least one "
        "confirmed order per trial).",
        small_print,
        height=2.3 * rows,
        rows=rows,
        columns=columns,
        row_gap=0.75,
        titled=True,
        legend=[*key(_STACK), _lost_key()],
        sharey=True,
    )
    panels = [panel for row in grid for panel in row]
    for panel, (name, points) in zip(panels, groups.items(), strict=False):
        panel.set_title(name)
        places = range(len(points))
        bottom = [0.0] * len(points)
        for outcome in _STACK:
            shares = [share(point, outcome) for point in points]
            panel.bar(places, shares, bottom=bottom, width=0.8, **look(outcome))
            bottom = [low + height for low, height in zip(bottom, shares, strict=True)]
        lost = [_lost(point) for point in points]
        panel.plot(places, lost, color=INK, marker="o", markersize=4, linewidth=1.6, clip_on=False)
        panel.set_xticks(places, [str(thought) for thought in thoughts])
        panel.set_yticks([0, 0.5, 1], ["0", "50", "100 %"])
        panel.set_ylim(0, 1.03)
        panel.grid(False)
    for panel in grid[-1]:
        panel.set_xlabel("thinking time, up to (ms)")
    return chart


def _lost(point: dict[str, Any]) -> float:
    few = point["confirmed"] < sum(point["outcomes"].values())
    return float("nan") if few else point["lost"] / point["confirmed"]


def _lost_key() -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=INK, marker="o", markersize=4, label="confirmed orders lost")
