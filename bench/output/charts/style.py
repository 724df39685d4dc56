"""The style of every chart.

Each driver has a hue (`bench.output.palette`), and each layer a marker. Sync is dashed and hollow,
async is solid and filled, the null backend is grey. Only errors are red.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import matplotlib
from matplotlib.lines import Line2D

from bench.analysis.look import Look
from bench.analysis.selection import Selection
from bench.analysis.wording import FLOOR
from bench.model.case import Case
from bench.output.palette import hue

INK, MUTED, GRID, RED = "#1a1a1a", "#5f5f5f", "#e4e4e4", "#c1121f"

_MARKERS = {"driver": "o", "core": "s", "orm": "^", "null": "x"}

_GLYPHS = {"driver": "○●", "core": "□■", "orm": "△▲", "null": "××"}  # noqa: RUF001
"""The markers of a layer as characters, for labels: hollow for sync, filled for async."""

RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # a name or an error with two dollar signs is not a formula
    "axes.edgecolor": "#b5b5b5",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
    "figure.facecolor": "white",
    # A chart that is drawn again has the same bytes.
    "svg.hashsalt": "gatherbench",
    # Texts stay texts: they can be searched and read aloud, and drawing takes half the time.
    "svg.fonttype": "none",
}


def line_style(look: Look, selection: Selection) -> dict[str, Any]:
    """Return the options of a backend's line, for `Axes.plot` and for legends."""
    colour = hue(look, selection.looks)
    return {
        "color": colour,
        "linestyle": (0, (4, 1.8)) if look.mode == "sync" else "-",
        "linewidth": 1.2 if look.null else 1.9,
        "marker": _MARKERS.get(look.layer, "D"),
        "markersize": 4 if look.null else 6,
        "markerfacecolor": "white" if look.mode == "sync" else colour,
        "markeredgewidth": 1.4,
    }


def glyph(look: Look) -> str:
    """Return the marker of a backend's line as a character."""
    return _GLYPHS.get(look.layer, "◇◆")[look.mode == "async"]


def mark_style(look: Look, selection: Selection, marker: str) -> dict[str, Any]:
    """Return the options of a mark without a line, in a chart whose shapes are not layers."""
    return line_style(look, selection) | {"linestyle": "none", "marker": marker, "markersize": 6.5}


def bar_style(look: Look, selection: Selection) -> dict[str, Any]:
    """Return the options of a backend's bar, for `Axes.barh`: async is filled, sync is hatched."""
    colour = hue(look, selection.looks)
    if look.mode == "async":
        return {"facecolor": colour, "edgecolor": colour, "linewidth": 1}
    return {"facecolor": pale(colour), "edgecolor": colour, "linewidth": 1, "hatch": "////"}


def pale(colour: str, by: float = 0.75) -> str:
    """Return the colour `#rrggbb` mixed with white; `by` is the share of white, from 0 to 1."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * by):02x}" for part in (red, green, blue))


def key(selection: Selection, looks: Iterable[Look], *, layered: bool = False) -> list[Line2D]:
    """Return the legend entries: one per driver and mode, and the null backends.

    `layered`: one per backend, with the marker of its layer, for a chart whose panels are not
    layers.
    """
    entries: dict[str, Line2D] = {}
    for look in looks:
        clients = "tasks" if look.mode == "async" else "threads"
        label = f"{look.driver}, {clients}" if not layered else f"{look.name}, {clients}"
        if look.null:
            label = f"{FLOOR}, {clients}" if not layered else FLOOR
        style = line_style(look, selection)
        if not layered and not look.null:
            style["marker"] = "o"
        entries.setdefault(label, Line2D([], [], label=label, **style))
    return list(entries.values())


@contextmanager
def styled() -> Iterator[None]:
    """Make and save figures in this style, inside the `with` block.

    A character that the font lacks is drawn as a box. matplotlib's warning about it is suppressed,
    since it would print the character, even if that is an escape code.
    """
    with matplotlib.rc_context(RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ ", category=UserWarning)
        yield


def sync_async_key() -> list[Line2D]:
    """Return the legend entries of hatched bars (sync) and filled bars (async)."""
    patches = {"sync, in threads": False, "async, in tasks": True}
    return [
        Line2D(
            [],
            [],
            linestyle="none",
            marker="s",
            markersize=9,
            color=MUTED,
            label=label,
            markerfacecolor=MUTED if full else pale("#5f5f5f"),
        )
        for label, full in patches.items()
    ]


def fill_key() -> list[Line2D]:
    """Return the legend entries of hollow marks (sync) and filled marks (async)."""
    return [
        Line2D([], [], linestyle="none", marker="o", markersize=7, color=MUTED, label=label,
               markerfacecolor=MUTED if full else "white", markeredgewidth=1.4)
        for label, full in (("hollow: sync, in threads", False), ("filled: async, in tasks", True))
    ]  # fmt: skip


def shape_key(shapes: Mapping[str, str]) -> list[Line2D]:
    """Return one legend entry per shape. `shapes`: label -> marker."""
    return [
        Line2D([], [], linestyle="none", marker=marker, markersize=7, color=MUTED, label=label)
        for label, marker in shapes.items()
    ]


RING: Mapping[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 13,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 1.2,
    "color": INK,
}


def ring_key(label: str) -> list[Line2D]:
    """Return the legend entry of a ring around a mark."""
    return [Line2D([], [], label=label, **RING)]


def label_without_workload(case: Case) -> str:
    """Return the case's title for a chart whose heading names the workload."""
    return replace(case, workload="").title.replace(", , ", ", ")
