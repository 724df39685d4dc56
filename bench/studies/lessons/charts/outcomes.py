"""The chart of the lesson `session-per-task`: outcomes of mistakes and of their right ways."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.output.charts.page import sheet
from bench.studies.lessons.charts.outcome_style import ORDER, key, look
from bench.studies.lessons.mistake import Mistake
from bench.studies.lessons.outcome import Outcome
from bench.studies.lessons.record import Record
from bench.studies.lessons.session_per_task import tallies
from bench.studies.lessons.tally import TrialTally

_TITLES = {
    "wrong": "the mistake",
    "guarded": "the mistake, guarded",
    "right": "the right way",
    "guarded right": "the right way, guarded",
}


def figure(record: Record, small_print: str) -> Figure:
    """Return the figure, with one row for each mistake and one panel for each way."""
    by_mistake = tallies(record.found)
    ways = [way for way in _TITLES if any(way in by_way for by_way in by_mistake.values())]
    seen = {
        Outcome(name)
        for by_way in by_mistake.values()
        for tally in by_way.values()
        for name in tally.outcomes
    }
    silent = sum(by_way["wrong"].main is Outcome.SILENT for by_way in by_mistake.values())
    chart, grid = sheet(
        "What happens when tasks share",
        f"Each mistake ran {record.trials} times against PostgreSQL. The outcome follows from the "
        "exceptions of the tasks and from the rows that a separate connection reads afterwards. "
        f"{silent} of {len(by_mistake)} mistakes are silently wrong: no task gets an exception. "
        "\N{NOT EQUAL TO}: an exception or the guard shows the mistake, and an answer also "
        "contradicts the tables.",
        small_print,
        height=0.225 * len(by_mistake),
        columns=len(ways),
        left=2.1,
        gap=0.15,
        bottom=0.45,
        titled=True,
        legend=key(seen, {Outcome.RIGHT: "right (for a mistake: by luck)"}),
        sharey=True,
    )
    for panel, way in zip(grid[0], ways, strict=True):
        panel.set_title(_TITLES[way])
        _bars(panel, by_mistake, way)
    names = [mistake.name for mistake in by_mistake]
    grid[0][0].set_yticks(range(len(names)), names)
    grid[0][0].set_ylim(len(names) - 0.4, -0.6)
    return chart


def _bars(panel: Axes, by_mistake: dict[Mistake, dict[str, TrialTally]], way: str) -> None:
    for row, by_way in enumerate(by_mistake.values()):
        if way not in by_way:
            panel.text(0.02, row, "not SQLAlchemy", va="center", size=8, color="#5f5f5f")
            continue
        left = 0.0
        for outcome in ORDER:
            share = by_way[way].count(outcome) / by_way[way].trials
            if share:
                panel.barh(row, share, left=left, height=0.72, **look(outcome))
            left += share
        if by_way[way].untrue and not by_way[way].count(Outcome.SILENT):
            panel.text(0.97, row, "\N{NOT EQUAL TO}", va="center", ha="right", weight="bold")
    panel.set_xlim(0, 1)
    panel.set_xticks([0.25, 0.5, 0.75], ["25", "50", "75"])
    panel.set_xlabel("% of the trials")
    panel.grid(False)
