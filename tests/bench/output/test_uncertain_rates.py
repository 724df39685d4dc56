"""Charts and the page mark a rate between two bounds that are apart, as the table does."""

from array import array
from pathlib import Path

import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from bench.analysis.selection import select
from bench.analysis.summary import summarise
from bench.analysis.uncertain import MARK, NOTE, drawn, is_uncertain
from bench.model.case import Case
from bench.output.charts import FAMILIES
from bench.output.report import single
from bench.output.report.figures import charts
from bench.output.report.lines_panel import LinesPanel
from bench.results.entries import Run
from bench.results.file import Results
from bench.results.samples import Samples
from tests.bench import synthetic

MANY = "get_customers"
BACKENDS = ("asyncpg", "core+asyncpg")
LEAST, MOST = 1 / 0.09, 16 / 9 / 0.09
"""The bounds of eight clients served one after the other, 90 ms each, in a window of 50 ms."""

ODD_NS = (720_000_002, 720_000_007)
"""Durations of the last operation with which rows/s times the rate over the rate are above rows/s.
"""


def queue(case: Case) -> Run:
    """A round in which each client waits for those before it, longer than the window."""
    samples = Samples(
        start_ns=array("q", [0] * 8),
        duration_ns=array("q", [90_000_000 * (place + 1) for place in range(8)]),
        rows=array("q", [10] * 8),
        worker=array("q", range(8)),
    )
    return synthetic.constant_run(case, 1, 90_000_000, window_ns=50_000_000, samples=samples)


def steady(case: Case) -> Run:
    return synthetic.constant_run(case, 1, 1_000_000)


@pytest.fixture(params=[(8,), (1, 8)], ids=["bars", "lines"])
def uncertain(request: pytest.FixtureRequest, tmp_path: Path) -> Results:
    cases = [Case(name, MANY, concurrency=n) for n in request.param for name in BACKENDS]
    runs = [queue(case) if case.concurrency == 8 else steady(case) for case in cases]
    return Results(tmp_path, synthetic.header(cases), runs)


@pytest.fixture
def certain(tmp_path: Path) -> Results:
    cases = [Case(name, MANY, concurrency=n) for n in (1, 2) for name in BACKENDS]
    return Results(tmp_path, synthetic.header(cases), [steady(case) for case in cases])


def figures(results: Results) -> dict[str, Figure]:
    selection = select(results)
    return {name: made for family in FAMILIES for name, made in family.figures(selection)}


def texts(figure: Figure) -> list[str]:
    in_axes = [text.get_text() for axes in figure.axes for text in axes.texts]
    return in_axes + [text.get_text() for text in figure.texts]


def test_a_chart_of_rates_marks_and_explains_an_uncertain_one(uncertain: Results) -> None:
    """Defect: charts had no `~` where the table had it, so a rate of a queue looked exact."""
    drawings = figures(uncertain)
    assert {"overview", f"throughput-{MANY}", f"layers-{MANY}"} <= set(drawings)
    for name in ("overview", f"throughput-{MANY}", f"layers-{MANY}"):
        shown = texts(drawings[name])
        marks = [text for text in shown if text.startswith(MARK)]
        assert len(marks) >= len(BACKENDS), name
        assert NOTE in " ".join(" ".join(shown).split("\n")), name


def test_the_line_of_an_uncertain_rate_ends_at_its_bounds(uncertain: Results) -> None:
    """Forbids a line of rounds alone, which repeat the same error and lie close together."""
    (axes, *_) = figures(uncertain)[f"throughput-{MANY}"].axes
    (bar, *_) = [each for each in axes.containers if isinstance(each, ErrorbarContainer)]
    (segment,) = bar.lines[2][0].get_segments()
    ends = segment[:, 1] if segment[0][0] == segment[1][0] else segment[:, 0]
    assert sorted(ends) == pytest.approx([LEAST, MOST])


@pytest.mark.parametrize("last_ns", ODD_NS)
def test_a_rate_that_is_its_own_bound_is_drawn(tmp_path: Path, last_ns: int) -> None:
    """Defect: `bench run --rounds 1` of long operations ended with "charts: ValueError: 'xerr' must
    not contain negative values": a rounding moved the bound past the rate.
    """
    case = Case(BACKENDS[0], MANY, concurrency=8)
    run = queue(case)
    run.samples.duration_ns[-1] = last_ns
    results = Results(tmp_path, synthetic.header([case]), [run])
    (summary,) = summarise(results)
    for value in (summary.throughput_per_s, summary.rows_per_s):
        assert value is not None
        ends = drawn(summary, value)
        assert ends.low is not None
        assert ends.high is not None
        assert ends.low <= value.median <= ends.high
    assert figures(results)


def test_certain_rates_have_no_mark(certain: Results) -> None:
    """Forbids a mark and an explanation of something that is not in the chart."""
    for figure in figures(certain).values():
        assert not any(MARK in text for text in texts(figure))
    page = single.render(certain)
    assert NOTE not in page
    assert 'class="uncertain"' not in page


def test_the_page_marks_and_explains_an_uncertain_rate(uncertain: Results) -> None:
    """Defect: the report's charts had no `~` where its tables had it."""
    made = {chart.name: chart for chart in charts(select(uncertain))}
    rates = next(p for p in made["overview"].panels if p.title.startswith("operations/s"))
    assert not isinstance(rates, LinesPanel)
    assert [row.figure for row in rates.rows] == ["~11.1", "~11.1"]
    assert all("uncertain: the windows are too short" in row.tip for row in rates.rows)
    assert all("11.1 to 19.8" in row.tip for row in rates.rows)
    assert all(chart.subtitle.endswith(NOTE) for chart in made.values() if chart.name != "modes")
    if lines := made.get(f"crowds-{MANY}"):
        panel = lines.panels[0]
        assert isinstance(panel, LinesPanel)
        marked = {p.summary.case.concurrency: p.uncertain for p in panel.linear.lines[0].points}
        assert marked == {1: False, 8: True}
    assert single.render(uncertain).count('class="uncertain"') == (4 if lines else 0)


def test_only_rates_are_uncertain(uncertain: Results) -> None:
    """Forbids a mark at a latency or a CPU time, which no window cuts."""
    summary = next(s for s in summarise(uncertain) if s.case.concurrency == 8)
    rows = summary.rows_per_s
    assert rows is not None
    assert is_uncertain(summary, rows)
    ends = drawn(summary, rows)
    assert (ends.low, ends.high) == pytest.approx((10 * LEAST, 10 * MOST))
    assert summary.client_cpu_ns is not None
    assert not is_uncertain(summary, summary.client_cpu_ns)
    assert drawn(summary, summary.client_cpu_ns) is summary.client_cpu_ns
