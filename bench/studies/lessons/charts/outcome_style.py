"""The colours of outcomes, which colour-blind readers can tell apart. The silent one is hatched."""

from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.patches import Patch

from bench.output.charts.style import RED
from bench.studies.lessons.outcome import Outcome

# The palette of Okabe and Ito, as in all charts. Red is the silent outcome.
_COLOURS: Mapping[Outcome, str] = {
    Outcome.SILENT: RED,
    Outcome.RAISED: "#e69f00",
    Outcome.SERIAL: "#56b4e9",
    Outcome.CRASHED: "#1a1a1a",
    Outcome.HUNG: "#6a4c93",
    Outcome.CAUGHT: "#0072b2",
    Outcome.RIGHT: "#8fcfb0",
}
ORDER = tuple(_COLOURS)
"""The outcomes in the order of stacked bars, the worst first."""


def look(outcome: Outcome) -> dict[str, Any]:
    """Return the style of an outcome's bars, areas and patches."""
    hatch = {"hatch": "////"} if outcome is Outcome.SILENT else {}
    return {"facecolor": _COLOURS[outcome], "edgecolor": "white", "linewidth": 0.6} | hatch


def key(outcomes: Iterable[Outcome], words: Mapping[Outcome, str] | None = None) -> list[Patch]:
    """Return the entries of a legend, in the order of stacked bars."""
    present = set(outcomes)
    labels = words or {}
    return [
        Patch(label=labels.get(outcome, outcome.value), **look(outcome))
        for outcome in ORDER
        if outcome in present
    ]
