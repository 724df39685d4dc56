"""Event loops, states of the allocator and ways to connect are drawn beside each other."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure as Picture

from bench.analysis.beside import beside
from bench.analysis.selection import select
from bench.model.case import Case
from bench.output.charts import settings, style
from bench.output.report.figures import charts
from bench.output.report.single import render
from bench.results.file import load
from tests.bench import synthetic
from tests.bench.output.charts.test_layout import defects, texts
from tests.root import ROOT

TWO = [Case(name, synthetic.POINT, concurrency=n) for name in ("asyncpg", "orm+asyncpg")
       for n in (1, 16)]  # fmt: skip


def drawn(plan: list[Case], folder: Path) -> dict[str, Picture]:
    with style.styled():
        return dict(settings.figures(select(synthetic.results(folder, plan))))


@pytest.mark.parametrize(
    ("factor", "first", "other"),
    [
        ("loop", "asyncio", "uvloop"),
        ("allocator", "warmed", "fresh"),
        ("connect", "", "engine.poolclass=NullPool"),
    ],
)
def test_both_values_of_a_setting_have_bars_beside_each_other(
    factor: str, first: str, other: str, tmp_path: Path
) -> None:
    """Forbid a run with uvloop and asyncio whose charts show asyncio alone."""
    plan = [replace(case, **{factor: value}) for case in TWO for value in (first, other)]
    figures = drawn(plan, tmp_path)
    assert list(figures) == [f"{factor}-{synthetic.POINT}"]
    (figure,) = figures.values()
    assert not list(defects(figure))
    panels = figure.axes
    assert [len(panel.patches) for panel in panels] == [4, 4]
    assert [t.get_text() for t in panels[0].get_yticklabels()] == [first or "defaults", other] * 2
    words = [text.get_text() for text in texts(figure)]
    assert {"1 client", "16 clients", "asyncpg", "orm+asyncpg"} <= set(words)
    assert sum("x)" in word or "x?)" in word for word in words) == 4


def test_the_report_has_both_values_too(tmp_path: Path) -> None:
    """Forbid a page without the chart, and a name that goes over the left edge of a panel."""
    long = "asyncpg.max_inactive_connection_lifetime=10"
    plan = [replace(case, connect=value) for case in TWO for value in ("", long)]
    selection = select(synthetic.results(tmp_path, plan))
    (chart,) = (chart for chart in charts(selection) if chart.name.startswith("connect-"))
    names = [row.entry.name for panel in chart.panels if panel.kind == "rows" for row in panel.rows]
    assert names == ["defaults", "…ction_lifetime=10"] * 4


def test_one_value_has_no_chart(tmp_path: Path) -> None:
    """Forbid a chart of a comparison that was not measured."""
    assert not drawn([replace(case, loop="uvloop") for case in TWO], tmp_path)


def test_up_to_three_concurrencies_are_drawn(tmp_path: Path) -> None:
    """Forbid seven panels in the width of a page."""
    plan = [Case("asyncpg", synthetic.POINT, concurrency=2**n, loop=loop)
            for n in range(5) for loop in ("asyncio", "uvloop")]  # fmt: skip
    (figure,) = drawn(plan, tmp_path).values()
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "1 client", "4 clients", "16 clients",
    ]  # fmt: skip
    assert not list(defects(figure))


def test_threads_with_both_states_of_the_allocator_are_in_all_charts(tmp_path: Path) -> None:
    """Forbid the last measured state of backends in threads as that of all charts.

    Beside those in tasks, whose charts have the warmed state, they were then in no chart at all.
    """
    names = ("psycopg2", "asyncpg")
    plan = [Case(name, synthetic.POINT, loop="none" if name == "psycopg2" else "asyncio",
                 allocator=state) for name in names for state in ("warmed", "fresh")]  # fmt: skip
    selection = select(synthetic.results(tmp_path, plan))
    shown = [(s.case.backend, s.case.allocator) for s in selection.alike(synthetic.POINT)]
    assert shown == [("psycopg2", "warmed"), ("asyncpg", "warmed")]
    rows = [s.case for of in beside(selection, synthetic.POINT, "allocator") for s in of.summaries]
    assert set(rows) == set(plan)


def test_the_report_of_pools_has_no_chart_of_one_size() -> None:
    """Forbid `The cost of a point read at concurrency 16` that is that of a pool of 1."""
    results = load(ROOT / "results" / "reference-pool")
    assert charts(select(results)) == []
    page = render(results)
    assert "each would show one size of the pool" in page
    assert "another kind of pool may have more than 100 %" in page


def test_the_report_compares_no_kind_of_session_with_itself(tmp_path: Path) -> None:
    """Forbid a chart of sessions and transactions whose rows are all `new`."""
    plan = [replace(case, session_scope="operation") for case in TWO]
    names = [chart.name for chart in charts(select(synthetic.results(tmp_path, plan)))]
    assert names
    assert not [name for name in names if name.startswith("sessions-")]


def test_of_several_sizes_of_a_result_charts_show_the_largest(tmp_path: Path) -> None:
    """Forbid the cost of one row as that of `get_customers`, in a report of `bench streaming`."""
    plan = [Case("asyncpg", synthetic.MANY, size=size) for size in (1, 10_000, 100)]
    (shown,) = select(synthetic.results(tmp_path, plan)).alike(synthetic.MANY)
    assert shown.case.size == 10_000
