"""The chart of where the time goes: a stacked bar for each backend."""

from collections.abc import Iterator

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.units import TIMES, with_unit
from bench.output.charts import axes as draw
from bench.output.charts.page import page
from bench.output.charts.style import INK
from bench.results.file import Results
from bench.studies.query.time_split import PARTS, sentences, shown_parts, splits

# Okabe and Ito's colours, away from the hues of the drivers; waiting is no work, so it is grey.
COLOURS = dict(
    zip(PARTS, ("#6a4c93", "#b39ac9", "#56b4e9", "#cc79a7", "#8c4a6e", "#e0e0e0"), strict=True)
)
_ROOM = 1.16
_EXPLAINED = "the plan by EXPLAIN"


def figures(
    results: Results, summaries: list[Summary], selection: Selection
) -> Iterator[tuple[str, Figure]]:
    """Yield the chart if the run has a statement with the server's times."""
    made = {split.backend: split for split in splits(results, summaries)}
    looks = [look for name, look in selection.looks.items() if name in made]
    if not looks:
        return
    parts = shown_parts(list(made.values()))
    case = next(iter(made.values())).summary.case
    figure, grid = page(
        selection,
        f"Where the time goes: {case.workload}, at concurrency {case.concurrency}",
        " ".join(sentences(list(made.values()))).replace("`", ""),
        height=draw.rows_height(looks, 0.36),
        left=1.75,
        legend=[
            *(Patch(facecolor=COLOURS[part], label=part) for part in parts),
            Line2D([], [], color=INK, marker="|", linestyle="none", ms=11, label="whole operation"),
            *(
                [Line2D([], [], color=INK, marker="d", mfc="white", ls="none", label=_EXPLAINED)]
                if any(split.counted for split in made.values())
                else []
            ),
        ],
        legend_columns=4 if any(split.counted for split in made.values()) else len(parts) + 1,
    )
    (axes,) = grid[0]
    places = draw.rows_by_layer([axes], looks)
    ends = {name: max(split.total_ns, sum(split.parts.values())) for name, split in made.items()}
    draw.linear_axis(axes.xaxis, _ROOM * max(ends.values()), TIMES)
    for name, split in made.items():
        start = 0.0
        for part, length in split.parts.items():
            axes.barh(
                places[name], length, 0.7, left=start, facecolor=COLOURS[part], edgecolor="white"
            )
            start += length
        if split.counted:
            axes.plot(split.explained_ns, places[name], "d", color=INK, mfc="white", ms=6)
        axes.plot(split.total_ns, places[name], "|", color=INK, ms=15, mew=1.6)
        axes.annotate(
            with_unit(split.total_ns, TIMES),
            (ends[name], places[name]),
            (6, 0),
            textcoords="offset points",
            va="center",
            size=9.5,
        )
    axes.set_xlabel("time of one operation")
    yield f"time-{case.workload}", figure
