"""The chart of latency against the arrival rate: what was held, what was not, and by whom."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from bench.analysis.selection import select
from bench.analysis.summary import summarise
from bench.output.charts import style
from bench.output.charts.page import caption
from bench.results.file import Results
from bench.studies.saturation.charts.latency import figures
from bench.studies.saturation.report import section
from tests.bench import synthetic
from tests.bench.analysis.test_open_loop import CASE, GROWING, STEADY, run_of
from tests.bench.output.charts.test_layout import defects

HELD = {
    "asyncpg": {100: True, 200: True, 400: False, 800: True},
    "orm+asyncpg": {100: True, 200: False, 400: False, 800: False},
    "psycopg-async": {100: True, 200: True, 400: True, 800: True},
}
"""Backend -> rate -> whether it was held."""


def results(folder: Path, **changes: float) -> Results:
    cases = {
        replace(CASE, backend=name, rate=rate): held
        for name, rates in HELD.items()
        for rate, held in rates.items()
    }
    runs = [
        run_of(STEADY if held else GROWING, unserved=0 if held else 9, case=case, number=number)
        for case, held in cases.items()
        for number in range(3)
    ]
    return Results(folder, synthetic.header(list(cases), 3, **changes), runs)


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Figure:
    made = results(tmp_path_factory.mktemp("run"))
    with style.styled():
        [(_, figure)] = figures(made, summarise(made), select(made))
    return figure


def test_a_rate_that_was_not_held_is_told_by_backend(chart: Figure) -> None:
    """Forbid crosses of several backends one over the other, and two of one hue."""
    for panel in chart.axes:
        crosses = [line for line in panel.lines if line.get_marker() == "x"]
        heights = [set(line.get_ydata()) for line in crosses]
        assert [len(line.get_xdata()) for line in crosses] == [1, 3]
        assert all(len(of_backend) == 1 for of_backend in heights)
        assert len(set.union(*heights)) == 2
    names = {text.get_text() for text in chart.findobj(Text)}
    assert {"\N{MULTIPLICATION SIGN} asyncpg", "\N{MULTIPLICATION SIGN} orm+asyncpg"} <= names


def test_no_line_goes_over_a_rate_that_was_not_held(chart: Figure) -> None:
    """Forbid the line from 200/s to 800/s that hid that 400/s was not held."""
    lines = [list(line.get_xdata()) for line in chart.axes[0].lines if line.get_marker() == "o"]
    assert [100, 200] in lines
    assert [800] in lines
    assert [100, 200, 400, 800] in lines


def test_each_of_a_few_rates_has_its_tick_and_no_text_overlaps(chart: Figure) -> None:
    """Forbid the axis that ended at 2 k, where 4 k was measured."""
    ticks = [label.get_text() for label in chart.axes[0].get_xticklabels()]
    assert ticks == ["100", "200", "400", "800"]
    assert not list(defects(chart))


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "at least 1 s"), (2.0, "at least 2 s")])
def test_a_window_at_a_rate_is_not_as_short_as_asked_for(
    seconds: float, words: str, tmp_path: Path
) -> None:
    """Forbid `8 rounds of 0.3 s` under windows of a second."""
    text = caption(select(results(tmp_path, seconds=seconds))).replace("\N{NO-BREAK SPACE}", " ")
    assert f"open loop, 3 rounds of {words}" in text


def test_the_report_tells_kinds_of_work_apart_and_draws_no_line_over_a_missed_rate(
    tmp_path: Path,
) -> None:
    """Forbid four charts of one title, and the line from 200/s to 800/s over 400/s."""
    made = results(tmp_path)
    found = section(made, summarise(made), select(made))
    assert found
    kind = f"a session a task, autocommit; up to {CASE.concurrency} client"
    assert kind in found.html
    first, *_ = found.html.split("</svg>")
    lines = [len(points.split()) for points in re.findall(r'points="([^"]+)"', first)]
    assert sorted(lines) == [1, 1, 2, 4]
