"""How outcomes look: a colour each, told apart by the colour-blind; the silent one is hatched."""

from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.patches import Patch

from bench.output.charts.style import RED
from bench.studies.lessons.outcome import Outcome

# Okabe and Ito's, as everywhere; red is the harm itself.
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
"""From the worst, as bars are stacked."""


def look(outcome: Outcome) -> dict[str, Any]:
    """For bars, areas and patches."""
    hatch = {"hatch": "////"} if outcome is Outcome.SILENT else {}
    return {"facecolor": _COLOURS[outcome], "edgecolor": "white", "linewidth": 0.6} | hatch


def key(outcomes: Iterable[Outcome], words: Mapping[Outcome, str] | None = None) -> list[Patch]:
    """A legend in the order of stacking."""
    present = set(outcomes)
    named = words or {}
    return [
        Patch(label=named.get(each, each.value), **look(each)) for each in ORDER if each in present
    ]
