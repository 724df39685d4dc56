"""The charts of the lessons: one for each lesson."""

from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from bench.output.charts import style
from bench.output.charts.page import in_a_line, machine, save
from bench.studies.lessons.charts import cost, engines, outcomes, thinking
from bench.studies.lessons.record import Record
from bench.system.output_files import made_folder

CHARTS: Mapping[str, Callable[[Record, str], Figure]] = {
    "session-per-task": outcomes.figure,
    "thinking-time": thinking.figure,
    "one-engine": engines.figure,
    "cost-of-the-rule": cost.figure,
}
"""Lesson -> its chart. `workshop-questions` has none, because its results are texts."""


def draw(record: Record, folder: Path) -> list[Path]:
    """Write the lesson's chart as PNG and SVG, and return the files: none if it has no chart."""
    if record.lesson not in CHARTS:
        return []
    small_print = in_a_line(
        *machine(record.environment, {}),
        record.created_at[:10],
        f"driver {record.driver}",
        f"{record.trials} trials" if record.lesson in _WITH_TRIALS else f"{record.trials} rounds",
    )
    with made_folder(folder) as into, style.styled():
        figure = CHARTS[record.lesson](record, small_print)
        return save(figure, into, record.lesson)


_WITH_TRIALS = ("session-per-task", "thinking-time")
