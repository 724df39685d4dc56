"""Outcomes of every mistake as stacked bars, the right way beside it."""

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
    """A row a mistake, a panel a way."""
    found = tallies(record.found)
    ways = [way for way in _TITLES if any(way in kept for kept in found.values())]
    seen = {
        Outcome(name) for kept in found.values() for way in kept.values() for name in way.outcomes
    }
    silent = sum(kept["wrong"].main is Outcome.SILENT for kept in found.values())
    made, grid = sheet(
        "What happens to those who share",
        f"Each mistake {record.trials} times against PostgreSQL, judged by the exceptions that "
        "every task got and by the rows that are there afterwards, read through a connection of "
        f"its own. {silent} of {len(found)} mistakes are silently wrong: no exception anywhere. "
        "\N{NOT EQUAL TO}: exceptions, and what was told is not what the data say either.",
        small_print,
        height=0.225 * len(found),
        columns=len(ways),
        left=2.1,
        gap=0.15,
        bottom=0.45,
        titled=True,
        legend=key(seen, {Outcome.RIGHT: "right (of a mistake: by luck)"}),
        sharey=True,
    )
    for panel, way in zip(grid[0], ways, strict=True):
        panel.set_title(_TITLES[way])
        _bars(panel, found, way)
    names = [mistake.name for mistake in found]
    grid[0][0].set_yticks(range(len(names)), names)
    grid[0][0].set_ylim(len(names) - 0.4, -0.6)
    return made


def _bars(panel: Axes, found: dict[Mistake, dict[str, TrialTally]], way: str) -> None:
    for row, kept in enumerate(found.values()):
        if way not in kept:
            panel.text(0.02, row, "not of SQLAlchemy", va="center", size=8, color="#5f5f5f")
            continue
        left = 0.0
        for outcome in ORDER:
            share = kept[way].count(outcome) / kept[way].trials
            if share:
                panel.barh(row, share, left=left, height=0.72, **look(outcome))
            left += share
        if kept[way].untrue and not kept[way].count(Outcome.SILENT):
            panel.text(0.97, row, "\N{NOT EQUAL TO}", va="center", ha="right", weight="bold")
    panel.set_xlim(0, 1)
    panel.set_xticks([0.25, 0.5, 0.75], ["25", "50", "75"])
    panel.set_xlabel("% of the trials")
    panel.grid(False)
