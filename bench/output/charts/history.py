"""Cases over all runs: a line for each, and a dotted line where the environment changed."""

from matplotlib.figure import Figure as Picture

from bench.analysis.compare.history import Moment, cases_of
from bench.analysis.figure import Figure
from bench.analysis.selection import Selection
from bench.analysis.stats import ENOUGH_ROUNDS
from bench.analysis.wording import FLOOR
from bench.output.charts import axes as draw
from bench.output.charts import style
from bench.output.charts.page import page
from bench.output.charts.style import label_without_workload
from bench.output.palette import hue
from bench.output.ticks import extents

_DASHES = ("-", (0, (4, 1.8)), (0, (1, 1.5)), (0, (4, 1.5, 1, 1.5)))
_LABEL = 26
"""The most characters of a run's name below the axis."""
_LABEL_IN = 0.235
"""The height in inches of the name of a line."""
_ASIDE = 0.04
"""The distance of the marks of two cases of a run, as a share of that of two runs."""
_MOST_LABELS = 25
"""The most names below the axis: more would lie one over the other."""


def picture(moments: list[Moment], figure: Figure, selection: Selection) -> Picture:
    """Return the chart of a history. `selection`: the newest run, for colours and caption."""
    measured = cases_of(moments)
    # Null backends are far from the others and would press their lines together.
    cases = [case for case in measured if not selection.looks[case.backend].null] or measured
    left_out = f" Not drawn: {FLOOR}." * (len(cases) < len(measured))
    height = max(3.8, _LABEL_IN * len(cases))
    names = [moment.name[-_LABEL:] for moment in moments]
    changed = [moment for moment in moments[1:] if moment.changes]
    changes = "; ".join(f"{moment.name}: {_changes(moment)}" for moment in changed)
    result, grid = page(
        selection,
        f"{figure.title} from run to run: {cases[0].workload}",
        f"Medians over rounds with their intervals, the oldest run on the left.{_sure(moments)}"
        + left_out
        + " At the bottom: the conditions of the newest run."
        + (f" A dotted line: the environment or an option changed. {changes}." if changes else ""),
        height=height,
        intervals=False,
        # The first name below the axis ends at its left.
        left=max(0.85, 0.1 + 0.063 * len(names[0])),
        right=0.5 + 0.075 * max(len(label_without_workload(case)) for case in cases),
        bottom=0.5 + 0.035 * max(map(len, names)),
    )
    panel = grid[0][0]
    intervals = [
        moment.figures[case] for moment in moments for case in cases if case in moment.figures
    ]
    draw.log_axis(panel.yaxis, extents(intervals), figure.units, pad=1.15)
    panel.set_ylabel(figure.title)
    every = -(-len(moments) // _MOST_LABELS)
    panel.set_xticks(
        range(0, len(moments), every), names[::every], rotation=28, ha="right", size=8.5
    )
    panel.set_xlim(-0.4, len(moments) - 0.6)
    for place, moment in enumerate(moments):
        if moment in changed:
            panel.axvline(place - 0.5, color=style.MUTED, lw=1, ls=":")
    ends = []
    for number, case in enumerate(cases):
        look = selection.looks[case.backend]
        marks = style.line_style(look, selection) | {"linestyle": _DASHES[number % len(_DASHES)]}
        # Intervals of several cases would lie one over the other.
        aside = (number - (len(cases) - 1) / 2) * min(_ASIDE, 0.4 / len(cases))
        points = [
            (at + aside, moment.figures[case])
            for at, moment in enumerate(moments)
            if case in moment.figures
        ]
        bounded = [(at, interval, draw.error_bars(interval)) for at, interval in points]
        bars = [(at, interval.median, *bar) for at, interval, bar in bounded if bar]
        if bars:
            places, medians, downs, ups = zip(*bars, strict=True)
            distances = [[length for (length,) in side] for side in (downs, ups)]
            panel.errorbar(
                places, medians, distances, fmt="none", ecolor=marks["color"], elinewidth=1.2,
                capsize=2.5,
            )  # fmt: skip
        panel.plot([at for at, _ in points], [interval.median for _, interval in points], **marks)
        ends.append(
            (
                points[-1][1].median,
                f"{style.glyph(look)} {label_without_workload(case)}",
                hue(look, selection.looks),
            )
        )
    draw.end_labels(panel, ends, gap=_LABEL_IN / height)
    return result


def _sure(moments: list[Moment]) -> str:
    """Return the confidence of the intervals in words."""
    rounds = {interval.rounds for moment in moments for interval in moment.figures.values()}
    if min(rounds) >= ENOUGH_ROUNDS:
        return " Intervals are at least 95 % sure."
    return f" Intervals of {ENOUGH_ROUNDS} or more rounds are at least 95 % sure, others less."


def _changes(moment: Moment) -> str:
    words = ", ".join(change.what for change in moment.changes[:3])
    more = len(moment.changes) - 3
    return words + (f" and {more} more" if more > 0 else "")
