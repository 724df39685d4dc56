"""The forest plot of `bench compare`: each case's ratio and interval, and the noise floor."""

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.analysis.compare.comparison import ComparedCase, Comparison
from bench.analysis.selection import Selection
from bench.analysis.stats import Interval
from bench.analysis.verdict import Verdict
from bench.analysis.wording import asked
from bench.model.units import number
from bench.output.charts import style
from bench.output.charts.page import WIDTH_IN, caption_of_runs, sheet
from bench.output.charts.style import label_without_workload
from bench.output.palette import hue

ROW_IN = 0.27
_GAP = 0.55
_RIGHT = 0.35
_CHARACTER_IN = 0.105
"""The mean width in inches of a character of a panel's title."""
_TICKS: Mapping[float, Sequence[float]] = {
    1.3: (0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.25),
    2.2: (0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2),
    6: (0.2, 0.33, 0.5, 0.75, 1, 1.33, 2, 3, 5),
    30: (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20),
}
"""The largest ratio on the axis -> its ticks. Beyond the largest key, ticks are powers of ten."""
_CAP = 0.13
"""Half the length of the line across an interval's end, in rows."""
_FAINT = 0.45
"""The strength, from 0 to 1, of the colour of a case without a difference."""


def figures(
    comparison: Comparison, selections: Sequence[Selection]
) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the figure of each workload; `selections` has one for each run."""
    for workload, rows in comparison.workloads.items():
        yield f"forest-{workload}", _figure(comparison, selections, workload, rows)


def _figure(
    comparison: Comparison,
    selections: Sequence[Selection],
    workload: str,
    rows: list[ComparedCase],
) -> Figure:
    first, *others = comparison.names
    selection = selections[0]
    left = 0.3 + 0.072 * max(len(label_without_workload(row.case)) for row in rows)
    room = int((WIDTH_IN - left - _RIGHT - _GAP * (len(others) - 1)) / len(others) / _CHARACTER_IN)
    figure, grid = sheet(
        f"{comparison.figure.title} against {first}: {workload}",
        f"{asked(workload)}. {_explanation(comparison, rows)}",
        caption_of_runs(dict(zip(comparison.names, selections, strict=True))),
        height=ROW_IN * (len(rows) + 1),
        columns=len(others),
        left=left,
        gap=_GAP,
        right=_RIGHT,
        titled=True,
        sharey=True,
    )
    ends = [
        bound
        for row in rows
        for verdict in row.verdicts
        if verdict and verdict.ratio
        for bound in (verdict.ratio.median, verdict.ratio.low, verdict.ratio.high)
        if bound
    ]
    reach = max([1.12] + [max(end, 1 / end) for end in ends]) * 1.05
    for place, (panel, name) in enumerate(zip(grid[0], others, strict=True)):
        panel.set_title(name if len(name) <= room else f"…{name[1 - room :]}")
        _scale(panel, reach, 9 if len(others) == 1 else 5)
        panel.set_ylim(len(rows) - 0.4, -0.6)
        # One artist in the place of a tick and a grid line for each row.
        panel.hlines(range(len(rows)), 1 / reach, reach, style.GRID, lw=0.8, zorder=0.5)
        panel.grid(axis="y", visible=False)
        panel.yaxis.set_visible(place == 0)
        panel.set_xlabel("ratio to the first run")
        panel.axvline(1, color=style.INK, lw=1.2, zorder=1.5)
        verdicts = [row.verdicts[place] for row in rows]
        _shade(panel, verdicts, reach)
        _marks(panel, rows, verdicts, selection)
    grid[0][0].set_yticks(range(len(rows)), [label_without_workload(row.case) for row in rows])
    return figure


def _explanation(comparison: Comparison, rows: Sequence[ComparedCase]) -> str:
    """Return what the marks and the bands are, with everything that is not in a plain ratio."""
    side = "right" if comparison.figure.more_is_better else "left"
    words = {verdict.word for row in rows for verdict in row.verdicts if verdict}
    pale = "no difference was found" * ("indistinguishable" in words)
    if "undecided" in words:
        pale += f"{', or ' if pale else ''}there are too few rounds for a verdict, and for 95 %"
    sentences = [
        f"The ratio to {comparison.names[0]}, with its 95 % interval over rounds.",
        f"Values to the {side} are better.",
        f"Pale marks: {pale}." if pale else "",
        *(
            f"All cases together in {name}: {pair.common_in_words}. It is divided out."
            for name, pair in comparison.compared
            if pair.common
        ),
        f"Grey band: the noise floor of both runs{_of_others(comparison)}.",
        *(f"COMPARED BY FORCE: {obstacle}." for obstacle in comparison.obstacles),
    ]
    return " ".join(filter(None, sentences))


def _of_others(comparison: Comparison) -> str:
    """Return what other programs add to the noise floor; empty if it is less than the floor.

    They do not, where the common ratio is divided out: they slow all cases.
    """
    crowding = max((p.crowding for _, p in comparison.compared if not p.common), default=1.0)
    floors = [floor.factor for floor in comparison.floors if floor]
    if crowding <= max(floors, default=1.0):
        return ""
    return f", or {number(crowding)}x, by which other programs can have slowed a run"


def _shade(panel: Axes, verdicts: Sequence[Verdict | None], reach: float) -> None:
    """Shade the noise floor of each row: cases of different kinds have different ones."""
    heights = [at for at, verdict in enumerate(verdicts) if verdict and verdict.floor]
    floors = [verdict.floor for verdict in verdicts if verdict and verdict.floor]
    lefts = [max(1 / floor, 1 / reach) for floor in floors]
    rights = [min(floor, reach) for floor in floors]
    corners = [
        [(left, at - 0.5), (right, at - 0.5), (right, at + 0.5), (left, at + 0.5)]
        for at, left, right in zip(heights, lefts, rights, strict=True)
    ]
    # One artist for all rows: a patch for each would take as long as the rest of the chart.
    panel.add_collection(PolyCollection(corners, facecolors=style.GRID, lw=0, zorder=0.2))


def _marks(
    panel: Axes, rows: Sequence[ComparedCase], verdicts: Sequence[Verdict | None], shown: Selection
) -> None:
    """Draw every ratio with its interval. What looks alike is one artist: faster."""
    segments: list[list[tuple[float, float]]] = []
    colours: list[str] = []
    alike: dict[tuple[str, bool], list[tuple[int, Interval]]] = {}
    for height, (row, verdict) in enumerate(zip(rows, verdicts, strict=True)):
        if verdict and verdict.ratio:
            kind = (row.case.backend, verdict.word in ("faster", "slower"))
            alike.setdefault(kind, []).append((height, verdict.ratio))
    for (backend, differs), ratios in alike.items():
        look = shown.looks[backend]
        # The grey of null backends would be lost on the grey band of the noise floor.
        colour = style.MUTED if look.null else hue(look, shown.looks)
        if not differs:
            colour = style.pale(colour, 1 - _FAINT)
        for height, ratio in ratios:
            if ratio.low is not None and ratio.high is not None:
                own = _interval(ratio.low, ratio.high, height)
                segments += own
                colours += [colour] * len(own)
        mark = style.line_style(look, shown) | {"linestyle": "none", "color": colour}
        if look.mode != "sync":
            mark["markerfacecolor"] = colour
        panel.plot([r.median for _, r in ratios], [height for height, _ in ratios], **mark)
    panel.add_collection(LineCollection(segments, colors=colours, linewidths=1.6, zorder=1.9))


def _interval(low: float, high: float, y: float) -> list[list[tuple[float, float]]]:
    """Return the line of an interval, and a short one across each of its ends."""
    ends = [[(x, y - _CAP), (x, y + _CAP)] for x in (low, high)]
    return [[(low, y), (high, y)], *ends]


def _scale(panel: Axes, reach: float, room: int) -> None:
    """Set a logarithmic scale, symmetric around 1: a ratio of 2 is as far from 1 as 0.5."""
    panel.set_xscale("log")
    panel.set_xlim(1 / reach, reach)
    decades = tuple(10.0**power for power in range(-9, 10))
    chosen: Sequence[float] = next((t for most, t in _TICKS.items() if reach <= most), decades)
    ticks = [tick for tick in chosen if 1 / reach <= tick <= reach]
    if len(ticks) > room:
        ticks = ticks[ticks.index(1) % 2 :: 2]
    panel.xaxis.set_major_locator(FixedLocator(ticks))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))  # noqa: RUF001
