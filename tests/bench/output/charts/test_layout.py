"""The texts of a chart lie inside it and not one over the other, and say what was measured."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure as Picture
from matplotlib.text import Text

from bench.analysis.compare.history import history
from bench.analysis.figure import THROUGHPUT
from bench.analysis.selection import Selection, select
from bench.analysis.stats import Interval
from bench.analysis.summary import summarise
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.model.link import Link
from bench.model.study import study_of
from bench.output.charts import FAMILIES, forest, style
from bench.output.charts import axes as draw
from bench.output.charts.history import picture
from bench.output.charts.page import caption, lines_of, sheet
from bench.output.palette import GREY
from bench.output.report.figures import charts
from bench.output.ticks import apart
from bench.results.file import load
from bench.studies.network.by_latency import by_latency
from bench.studies.network.charts.latency import _of_above
from tests.bench import synthetic
from tests.bench.analysis.compare.made_runs import compared
from tests.root import ROOT

LONG = "2026-11-27T09-01-55Z-quick"
FAR = Link(latency_ns=1_000_000)


@pytest.fixture(scope="module")
def selection(tmp_path_factory: pytest.TempPathFactory) -> Selection:
    """A quick run, of which some backends also have 1 ms to the server."""
    plan = synthetic.quick_plan()
    names = ("psycopg2", "asyncpg", "orm+asyncpg")
    plan += [Case(name, synthetic.POINT, concurrency=4, link=FAR) for name in names]
    plan += [Case(name, synthetic.MANY, Fetch("streamed"), link=FAR) for name in names]
    return select(synthetic.results(tmp_path_factory.mktemp("run"), plan, rounds=2))


def texts(figure: Picture) -> list[Text]:
    """Every text that is drawn, with the labels of the ticks within the limits of their axis."""
    hidden: set[Text] = set()
    for axes in figure.axes:
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = sorted((low, high))
            for tick in axis.get_major_ticks():
                if not (axis.get_visible() and low <= tick.get_loc() <= high):
                    hidden |= {tick.label1, tick.label2}
    found = figure.findobj(Text)
    return [t for t in found if t.get_text().strip() and t.get_visible() and t not in hidden]


def defects(figure: Picture) -> Iterator[str]:
    """Yield the texts that lie outside the figure, and the pairs that overlap."""
    with style.styled():
        figure.draw_without_rendering()
        width, height = figure.get_size_inches() * figure.dpi
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    for text, box in boxes:
        if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height:
            yield f"outside: {text!r}"
    for (one, box), (other, second) in combinations(boxes, 2):
        if box.shrunk(0.98, 0.8).overlaps(second.shrunk(0.98, 0.8)):
            yield f"overlap: {one!r} and {other!r}"


@pytest.fixture(scope="module")
def pictures(selection: Selection) -> dict[str, Picture]:
    return drawn(selection)


def drawn(selection: Selection) -> dict[str, Picture]:
    with style.styled():
        return {name: figure for family in FAMILIES for name, figure in family.figures(selection)}


def test_no_text_of_a_run_is_cut_off_or_overlaps(pictures: dict[str, Picture]) -> None:
    """Forbid texts beyond an edge, and texts one over the other, also those of the axes."""
    found = {name: list(defects(figure)) for name, figure in pictures.items()}
    assert not {name: of_figure for name, of_figure in found.items() if of_figure}


def figures_of_study(name: str) -> dict[str, Picture]:
    """Draw the charts of a study from a run that is kept."""
    results = load(ROOT / "results" / name)
    study = study_of(results.header.profile)
    assert study
    assert study.charts
    summaries = summarise(results)
    with style.styled():
        return dict(study.call(study.charts, results, summaries, select(results, summaries)))


@pytest.mark.parametrize("name", ["reference-pool", "reference-streaming"])
def test_no_text_of_a_study_is_cut_off_or_overlaps(name: str) -> None:
    """Forbid the heat map's `pool` beyond the left edge."""
    figures = figures_of_study(name)
    assert figures
    found = {name: list(defects(figure)) for name, figure in figures.items()}
    assert not {name: of_figure for name, of_figure in found.items() if of_figure}


def test_a_long_text_of_any_letters_stays_in_the_chart() -> None:
    """Forbid the statement in capitals that went beyond the right edge."""
    for text in (
        "SELECT CUSTOMER_ID, ORDER_TIME FROM WAREHOUSE_MOVEMENTS WHERE AMOUNT > 1000 " * 4,
        "illillillill " * 40,
        "W" * 400,
        "",
    ):
        with style.styled():
            figure, _ = sheet(text, text, text, text, height=1.0)
        assert not list(defects(figure)), text
        shown = "".join(t.get_text() for t in figure.texts).replace("\n", "").replace(" ", "")
        assert text.replace(" ", "") in shown


def test_no_line_of_the_small_print_begins_with_a_separator(tmp_path: Path) -> None:
    """Forbid `· 2026-11-27` at the start of a line."""
    text = caption(select(synthetic.results(tmp_path, [Case("asyncpg", synthetic.POINT)])))
    for inches in range(3, 12):
        lines = lines_of(text, 9, inches)
        assert not any(line.startswith("·") for line in lines)


@pytest.mark.parametrize("number", [2, 4])
def test_a_forest_of_runs_with_long_names_fits(number: int, tmp_path: Path) -> None:
    """Forbid the panel's title that went beyond the right edge."""
    plan = [Case(name, synthetic.POINT, Fetch(), 4, "operation", "implicit")
            for name in ("psycopg2", "core+psycopg-async")]  # fmt: skip
    runs = [synthetic.results(tmp_path, plan) for _ in range(number)]
    comparison = replace(compared(*runs), names=[f"{LONG}{at}" for at in range(number)])
    with style.styled():
        [(_, figure)] = forest.figures(comparison, [select(run) for run in runs])
    assert not list(defects(figure))


@pytest.mark.parametrize("concurrencies", [(1,), (1, 16)])
def test_a_history_with_long_names_fits(concurrencies: tuple[int, ...], tmp_path: Path) -> None:
    """Forbid the oldest run's name without its beginning, and null lines that press the others.

    Also forbid `95 % intervals` of three rounds, and intervals one over the other.
    """
    plan = [Case(name, synthetic.POINT, concurrency=n)
            for name in synthetic.BACKENDS for n in concurrencies]  # fmt: skip
    runs = [(f"{LONG}{at}", synthetic.results(tmp_path, plan)) for at in range(3)]
    moments = history(runs, THROUGHPUT, lambda _: True)
    with style.styled():
        figure = picture(moments, THROUGHPUT, select(runs[0][1]))
    assert not list(defects(figure))
    lines = (line for line in figure.axes[0].lines if line.get_linestyle() not in ("None", ":"))
    marks = [float(line.get_xdata()[0]) for line in lines]
    assert len(set(marks)) == len(marks)  # intervals of two cases lay one over the other
    words = [text.get_text() for text in texts(figure)]
    above = " ".join(words).replace("\n", " ").replace("\N{NO-BREAK SPACE}", " ")
    assert "Intervals of 6 or more rounds are at least 95 % sure, others less." in above
    assert "● asyncpg, at 1" in words
    assert not any("null" in text for text in words if text.endswith("at 1"))
    assert "Not drawn: null" in above


def test_a_network_is_no_kind_of_session(
    selection: Selection, pictures: dict[str, Picture]
) -> None:
    """Forbid marks of cases with 1 ms to the server as `one session per task, autocommit`.

    The same holds for their buffered and streamed fetches, and in the report.
    """
    of_run = {s.case for s in selection.summaries if s.case.link == FAR}
    assert of_run
    for panels in (chart.panels for chart in charts(selection)):
        rows = [row for panel in panels if panel.kind == "rows" for row in panel.rows]
        assert not of_run & {row.entry.summary.case for row in rows}
    panel = pictures[f"transactions-{synthetic.POINT}"].axes[0]
    # A line for each row, and a mark with an interval for each case without a network.
    cases = {s.case for s in selection.alike(synthetic.POINT, "session_scope", "transactions")}
    shown = [case for case in cases if case.concurrency == 4 and "null" not in case.backend]
    assert len(panel.containers) == len(shown)


def test_a_caption_names_the_network_and_the_processes(tmp_path: Path) -> None:
    """Forbid a chart of cases with 1 ms to the server that does not say so."""
    plan = [Case(name, synthetic.POINT, link=FAR, processes=2, concurrency=4)
            for name in ("psycopg2", "asyncpg")]  # fmt: skip
    selection = select(synthetic.results(tmp_path, plan))
    for name, figure in drawn(selection).items():
        words = "\n".join(text.get_text() for text in texts(figure)).replace("\n", " ")
        assert "1ms to the server, in 2 processes, closed loop" in words, name
    assert "1ms to the server, in 2 processes" in charts(selection)[0].subtitle


def test_one_long_interval_does_not_press_the_bars(selection: Selection) -> None:
    """Forbid an axis of 2,000 µs for bars of 200 µs, because one interval reached so far."""
    values = {
        "asyncpg": Interval(100.0, 90.0, 110.0, 6),
        "orm+asyncpg": Interval(97.0, 80.0, 1_660.0, 6),
        "null": Interval(9_000.0, 8_000.0, 9_900.0, 6),
    }
    end = draw.highest(selection, values)
    assert 110 < end < 250
    with style.styled():
        axes = Picture().subplots()
        axes.set_xlim(0, end)
        draw.bars(
            axes,
            dict.fromkeys(values, 0.0),
            {name: (value, name, False) for name, value in values.items()},
            {key: {} for key in values},
        )
    labels = [text.get_text() for text in axes.texts]
    assert labels == ["asyncpg", "orm+asyncpg ▸", "null ▸"]
    assert all(text.xy[0] <= end for text in axes.texts)


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=9).map(sorted))
def test_labels_are_moved_apart_as_little_as_possible(places: list[float]) -> None:
    """Forbid a far label that moves because others crowd elsewhere."""
    gap = 0.1
    moved = apart(places, gap)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(moved))
    assert sum(moved) == pytest.approx(sum(places), abs=1e-6)
    assert apart([*places, 9.0], gap) == pytest.approx([*moved, 9.0])
    inside = apart(places, gap, 0, 1)
    assert min(inside) >= 0
    assert max(inside) <= 1 + 1e-9


def test_the_harness_is_marked_with_the_overhead_of_each_mode(tmp_path: Path) -> None:
    """Forbid the overhead of tasks as that of threads: a tenth of it, in a line over all rows."""
    plan = [Case(name, synthetic.POINT) for name in synthetic.BACKENDS]
    selection = select(synthetic.results(tmp_path, plan))
    figure = drawn(selection)[f"layers-{synthetic.POINT}"]
    words = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
    costs = figure.axes[0]
    marked = [segment[0][0] for lines in costs.collections if isinstance(lines, LineCollection)
              and lines.get_color()[0][:3] == pytest.approx(to_rgb(GREY))
              for segment in lines.get_segments()]  # fmt: skip
    nulls = [s.client_cpu_ns for s in selection.summaries if "null" in s.case.backend]
    assert "Grey lines: the harness's overhead (null)" in words
    assert set(marked) == {cpu.median for cpu in nulls if cpu}


def test_a_legend_of_fetches_shows_the_lines_that_are_drawn() -> None:
    """Forbid filled marks in the legend of a chart in which they are hollow, of dashed lines."""
    figure = figures_of_study("reference-streaming")["first-row-get_customers"]
    entries = {line.get_marker(): line for line in figure.legends[0].get_lines()}
    for line in figure.axes[0].lines:
        if line.get_linestyle() == "None":  # the end of an interval
            continue
        entry = entries[line.get_marker()]
        assert entry.get_linestyle() == line.get_linestyle()
        hollow = [each.get_markerfacecolor() == "white" for each in (entry, line)]
        assert hollow[0] == hollow[1]


def test_no_line_ends_between_a_number_and_its_unit() -> None:
    """Forbid `37.0` at the end of a line, and `µs` at the start of the next."""
    text = "with the same 37.0 µs of the plan, 70 % of 1.34 MB in 12 s each"
    for inches in (1.5, 2, 2.5, 3):
        lines = lines_of(text, 10, inches)
        assert not [line for line in lines if line.split()[0] in ("µs", "%", "MB", "s")]


def test_a_caption_names_the_way_to_connect(tmp_path: Path) -> None:
    """Forbid the chart of a run without a pool that looks like one with a pool."""
    one = Case("core+asyncpg", synthetic.POINT, connect="engine.poolclass=NullPool")
    words = caption(select(synthetic.results(tmp_path, [one]))).replace("\N{NO-BREAK SPACE}", " ")
    assert "--connect engine.poolclass=NullPool" in words
    two = select(synthetic.results(tmp_path, [one, replace(one, connect="")]))
    words = caption(two).replace("\N{NO-BREAK SPACE}", " ")
    assert "the first of several ways to connect: engine.poolclass=NullPool" in words
    assert "ways to connect" not in caption(two, beside="connect").replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_a_caption_names_the_event_loop_and_the_allocator(tmp_path: Path) -> None:
    """Forbid charts of asyncio, of a run with uvloop too, that do not say which they show."""
    one = Case("asyncpg", synthetic.POINT, loop="uvloop", allocator="fresh")

    def words(*cases: Case, beside: str = "") -> str:
        made = caption(select(synthetic.results(tmp_path, list(cases))), beside=beside)
        return made.replace("\N{NO-BREAK SPACE}", " ")

    assert "· uvloop · allocator fresh ·" in words(one)
    assert "uvloop" not in words(replace(one, loop="asyncio"))
    loops = [one, replace(one, loop="asyncio")]
    assert "asyncio, the first of two event loops" in words(*loops)
    assert "event loop" not in words(*loops, beside="loop")
    states = [one, replace(one, allocator="warmed")]
    assert "allocator warmed, the first of two states" in words(*states)
    assert "allocator" not in words(*states, beside="allocator")


def test_a_caption_names_intervals_only_where_they_are_drawn() -> None:
    """Forbid `intervals: lowest to highest of 4 rounds` below lines without intervals."""
    figures = figures_of_study("reference-streaming") | figures_of_study("reference-pool")
    of_rounds = {"first-row-get_customers", "batch-rate-get_customers", "streaming-point"}
    assert of_rounds | {"memory-get_customers", f"pool-{synthetic.POINT}"} <= figures.keys()
    for name, figure in figures.items():
        lines = [line for axes in figure.axes for line in axes.containers
                 if isinstance(line, ErrorbarContainer)]  # fmt: skip
        small = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
        small = small.replace("\N{NO-BREAK SPACE}", " ")
        assert bool(lines) == ("intervals: lowest to highest" in small), name
        assert bool(lines) or name not in of_rounds
    memory = figures["memory-get_customers"]
    assert not any("intervals" in text.get_text() for text in memory.texts)


def test_a_heat_map_has_the_scale_of_its_colours() -> None:
    """Forbid cells from white to blue without the share that a blue stands for."""
    figure = figures_of_study("reference-pool")[f"pool-{synthetic.POINT}"]
    scale = figure.axes[-1]
    assert [label.get_text() for label in scale.get_xticklabels()] == [
        "0 %", "25 %", "50 %", "75 %", "100 %",
    ]  # fmt: skip
    assert any("share of the best pool" in text.get_text() for text in scale.texts)


@pytest.mark.parametrize("cpu_ns", [12_345_000_000.0, 12_345_000_000_000.0])
def test_labels_of_five_digits_stay_in_their_panel(cpu_ns: float, tmp_path: Path) -> None:
    """Forbid `12,345  (+12,000)` of the longest bar over the axis of the next panel."""
    plan = [Case(name, synthetic.POINT) for name in ("asyncpg", "core+asyncpg", "orm+asyncpg")]
    selection = select(synthetic.results(tmp_path, plan))
    slow = tuple(
        replace(summary, client_cpu_ns=Interval(cpu_ns * (1 + at), None, None, 1))
        for at, summary in enumerate(selection.summaries)
    )
    figure = drawn(replace(selection, summaries=slow))[f"layers-{synthetic.POINT}"]
    assert not list(defects(figure))
    for panel in figure.axes:
        edge = panel.get_window_extent().x1 + 1
        labels = [text for text in panel.texts if "(" in text.get_text()]
        assert labels
        assert all(text.get_window_extent().x1 <= edge for text in labels)


def test_a_share_above_the_best_is_explained(tmp_path: Path) -> None:
    """Forbid a mark at 104 % of the best without a word."""
    plan = [Case(name, synthetic.POINT, link=link) for name in ("psycopg2", "asyncpg", "psycopg")
            for link in (Link(), FAR)]  # fmt: skip
    summaries = summarise(synthetic.results(tmp_path, plan, rounds=3))
    # The medians are 100 and 99, and the ratios are above 1 in two of three rounds.
    rounds = {"psycopg2": (100.0, 100.0, 60.0), "asyncpg": (99.0, 120.0, 99.0)}
    made = select(synthetic.results(tmp_path, plan), summaries)
    assert "Above 100 %" not in _of_above(by_latency(made)[:0])
    fast = [
        replace(
            summary,
            throughput_per_s=Interval(sorted(rates)[1], *sorted(rates)[::2], 3),
            rounds=tuple(
                replace(one, throughput_per_s=rate)
                for one, rate in zip(summary.rounds, rates, strict=True)
            ),
        )
        for summary in summaries
        if (rates := rounds.get(summary.case.backend))
    ]
    found = _of_above(by_latency(select(synthetic.results(tmp_path, plan), fast)))
    assert "Above 100 %: the best is the backend with the highest median" in found
