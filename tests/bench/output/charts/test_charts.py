"""Charts are drawn from the file alone, for any results, in one style."""

import subprocess
import sys
from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from bench.analysis.selection import select
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.output.charts import FAMILIES, draw, style
from bench.output.charts.page import caption, error_note
from bench.output.palette import _HUES, hue
from bench.results.entries import Failure, Memory
from bench.results.file import Results
from bench.results.header import BackendFacts, Header
from bench.results.samples import Samples
from bench.system.processors import Halves
from tests.bench import synthetic

QUICK = [
    "latency-get_customers",
    "latency-get_total_cost_of_an_order",
    "latency-mixed",
    "layers-get_customers",
    "layers-get_total_cost_of_an_order",
    "layers-mixed",
    "overview",
    "streaming-get_customers",
    "sync-async-get_customers",
    "sync-async-get_total_cost_of_an_order",
    "sync-async-mixed",
    "throughput-get_customers",
    "throughput-get_total_cost_of_an_order",
    "throughput-mixed",
    "transactions-get_total_cost_of_an_order",
]


def figures(results: Results) -> dict[str, Figure]:
    selection = select(results)
    with style.styled():
        return {name: figure for family in FAMILIES for name, figure in family.figures(selection)}


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))


def test_a_quick_run_gives_every_chart_as_png_and_svg(tmp_path: Path) -> None:
    paths = draw(synthetic.results(tmp_path, synthetic.quick_plan()), tmp_path)
    assert sorted(path.name for path in paths) == sorted(
        f"{name}.{kind}" for name in QUICK for kind in ("png", "svg")
    )
    assert all(path.parent == tmp_path / "charts" and path.stat().st_size for path in paths)


def test_drawn_again_a_chart_is_the_same(tmp_path: Path) -> None:
    plan = [Case("asyncpg", "mixed"), Case("psycopg2", "mixed")]
    results = synthetic.results(tmp_path, plan)
    first = [path.read_bytes() for path in draw(results, tmp_path)]
    assert first == [path.read_bytes() for path in draw(results, tmp_path)]


@pytest.mark.parametrize(
    "plan",
    [
        [],
        [Case("asyncpg", synthetic.POINT)],
        [Case("null", synthetic.POINT), Case("null-async", synthetic.POINT)],
        [Case("asyncpg", synthetic.MANY, Fetch("streamed", 50))],
        [Case("orm+asyncpg", "mixed", concurrency=4, transactions="implicit")],
        [Case("asyncpg", "mixed", concurrency=n, loop="uvloop") for n in (1, 64)],
        [Case("asyncpg", synthetic.MANY, rows="dict", concurrency=3)],
    ],
    ids=["nothing", "one", "null", "streamed", "implicit", "uvloop", "dict"],
)
@pytest.mark.parametrize("rounds", [1, 3])
def test_whatever_was_measured_can_be_drawn(plan: list[Case], rounds: int, tmp_path: Path) -> None:
    paths = draw(synthetic.results(tmp_path, plan, rounds), tmp_path)
    assert bool(paths) == bool(plan)


def test_what_was_not_seen_is_left_out(tmp_path: Path) -> None:
    case = Case("psycopg2", synthetic.MANY)
    streamed = Case("psycopg2", synthetic.MANY, Fetch("streamed"))
    failed = Samples(
        start_ns=array("q", [0]),
        duration_ns=array("q", [1]),
        rows=array("q", [0]),
        worker=array("q", [0]),
        errors={0: "OperationalError: gone"},
    )
    results = Results(
        tmp_path,
        Header(plan=(case, streamed)),
        [
            synthetic.constant_run(case, 1, 1_000_000),
            synthetic.constant_run(streamed, 1, 1_000, samples=failed),
        ],
        [Memory(case, 0, 3)],
    )
    drawn = figures(results)
    assert {"overview", "streaming-get_customers"} <= drawn.keys()
    assert "OperationalError" in words(drawn["streaming-get_customers"])


def test_a_case_with_errors_is_marked_and_named(tmp_path: Path) -> None:
    plan = [Case(name, synthetic.POINT) for name in ("psycopg2", "asyncpg")]
    results = synthetic.results(tmp_path, plan)
    results.runs[0].samples.errors[0] = "UniqueViolation: twice"
    selection = select(results)
    assert "psycopg2, at 1 (1 UniqueViolation)" in error_note(selection.summaries)
    figure = figures(results)["throughput-get_total_cost_of_an_order"]
    assert "1 UniqueViolation" in words(figure)
    crosses = [line for line in figure.axes[0].lines if line.get_color() == style.RED]
    assert len(crosses) == 1


def test_the_caption_tells_where_and_how(tmp_path: Path) -> None:
    text = caption(select(synthetic.results(tmp_path))).replace("\N{NO-BREAK SPACE}", " ")
    for part in ("AMD EPYC", "2 cores", "Python 3.11.7", "PostgreSQL 18.0", "asyncpg 0.32.0",
                 "2026-11-22", "closed loop", "3 rounds of 0.2 s"):  # fmt: skip
        assert part in text


def test_the_caption_tells_which_processors_were_used(tmp_path: Path) -> None:
    """Defect: a chart of a pinned run looked like one of a run on all processors."""
    results = synthetic.results(tmp_path)
    results.header = replace(results.header, pinned=Halves((0,), (1,)))
    text = caption(select(results)).replace("\N{NO-BREAK SPACE}", " ")
    assert "clients on processor 0, server on processor 1" in text.replace("\n", " ")


def test_a_processor_of_many_is_told_by_its_generation(tmp_path: Path) -> None:
    """Forbid equal captions of charts from two machines, of which one is twice as fast.

    Charts are shown without their run.
    """

    def caption_of(cpu: str) -> str:
        results = synthetic.results(tmp_path)
        host = replace(synthetic.ENVIRONMENT.host, cpu=cpu, cpu_generation="family 25, model 17")
        environment = replace(synthetic.ENVIRONMENT, host=host)
        results.header = replace(results.header, environment=environment)
        return caption(select(results)).replace("\N{NO-BREAK SPACE}", " ")

    assert "AMD EPYC, family 25, model 17, 2 cores" in caption_of("AMD EPYC")
    assert "AMD EPYC 9R14, 2 cores" in caption_of("AMD EPYC 9R14")


def test_a_case_may_have_been_run_in_fewer_rounds(tmp_path: Path) -> None:
    plan = [Case("psycopg2", synthetic.POINT), Case("asyncpg", synthetic.POINT)]
    results = synthetic.results(tmp_path, plan, rounds=4)
    results.runs = [run for run in results.runs if run.case == plan[1] or run.round > 2]
    text = caption(select(results)).replace("\N{NO-BREAK SPACE}", " ")
    assert "2 to 4 rounds of 0.2 s" in text
    assert "lowest to highest of 2 to 4 rounds (50% to 88% sure)" in text


def test_a_twin_is_drawn_as_the_noise_floor_alone(tmp_path: Path) -> None:
    """Forbid a second line of the same name, and a twin's summary in place of the case's own."""
    plan = [Case("psycopg2", synthetic.POINT), Case("asyncpg", synthetic.POINT)]
    alone = select(synthetic.results(tmp_path, plan))
    selection = select(synthetic.results(tmp_path, [*plan, replace(plan[0], twin=True)]))
    assert [s.case for s in selection.summaries] == [s.case for s in alone.summaries]
    assert list(selection.looks) == ["psycopg2", "asyncpg"]
    floor = "\N{NO-BREAK SPACE}".join(("noise", "floor"))
    assert (floor in caption(selection), floor in caption(alone)) == (True, False)


def test_each_driver_has_one_hue_and_each_mode_one_line(tmp_path: Path) -> None:
    selection = select(synthetic.results(tmp_path))
    hues = {look.driver: hue(look, selection.looks) for look in selection.looks.values()}
    assert len(set(hues.values())) == len(hues)
    lines = {look.mode: str(style.line_style(look, selection)["linestyle"])
             for look in selection.looks.values()}  # fmt: skip
    assert lines["sync"] != lines["async"]
    assert list(selection.looks)[:4] == ["psycopg2", "psycopg", "psycopg-async", "asyncpg"]
    assert list(selection.looks)[-2:] == ["null", "null-async"]


def test_backends_of_a_user_are_drawn_beside_ours(tmp_path: Path) -> None:
    others = {
        "pg8000": BackendFacts(colour="sync", layer="driver", driver="pg8000"),
        "tortoise+asyncpg": BackendFacts(colour="async", layer="active record", driver="asyncpg"),
    }
    backends = synthetic.BACKENDS | others
    plan = [Case(name, synthetic.POINT, concurrency=n) for n in (1, 4)
            for name in ("asyncpg", "orm+asyncpg")]  # fmt: skip
    results = synthetic.results(tmp_path, plan, backends=backends)
    for name in others:
        for case in (Case(name, synthetic.POINT), Case(name, synthetic.POINT, concurrency=4)):
            results.header = replace(results.header, plan=(*results.header.plan, case))
            results.runs += [synthetic.constant_run(case, n, 2_000_000) for n in (1, 2, 3)]
    selection = select(results)
    assert hue(selection.looks["pg8000"], selection.looks) not in _HUES.values()
    figure = figures(results)["throughput-get_total_cost_of_an_order"]
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["driver alone", "SQLAlchemy ORM", "active record"]


def test_the_orms_stream_as_taught_is_recognisable(tmp_path: Path) -> None:
    results = synthetic.results(tmp_path)
    assert "as written in the workshop" in words(figures(results)["streaming-get_customers"])


def test_sync_and_async_are_paired_by_library_and_by_the_habitual_move(tmp_path: Path) -> None:
    text = words(figures(synthetic.results(tmp_path))["sync-async-get_total_cost_of_an_order"])
    assert "The same library, sync and async" in text
    assert "psycopg2 to asyncpg: changes the driver too" in text


def test_drawing_imports_no_library_that_is_measured() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, bench.output.charts; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"asyncpg", "psycopg", "psycopg2", "matplotlib.pyplot"} & set(loaded)


def test_streaming_shows_both_modes(tmp_path: Path) -> None:
    panel = figures(synthetic.results(tmp_path))["streaming-get_customers"].axes[0]
    assert {"psycopg2", "asyncpg"} <= {label.get_text() for label in panel.get_yticklabels()}


def test_rounds_that_failed_are_named(tmp_path: Path) -> None:
    plan = [Case(name, synthetic.POINT) for name in ("asyncpg", "orm+asyncpg")]
    results = synthetic.results(tmp_path, plan)
    results.failures.append(Failure(plan[0], 1, "the server is gone"))
    text = words(figures(results)["throughput-get_total_cost_of_an_order"])
    assert "asyncpg, at 1 (1 round: the server is gone)" in text


def test_latency_of_many_backends_has_no_bands(tmp_path: Path) -> None:
    """Forbid the defect that the bands of twelve backends lay over each other.

    Up to four concurrencies have a panel each, with an interval for each mark; more have lines.
    """
    backends = [f"{layer}{driver}" for layer in ("", "core+", "orm+") for driver in _DRIVERS]
    for concurrencies in ((1, 16), (1, 2, 4, 8, 16)):
        plan = [
            Case(name, synthetic.POINT, concurrency=n) for name in backends for n in concurrencies
        ]
        results = synthetic.results(tmp_path / str(len(concurrencies)), plan)
        figure = figures(results)[f"latency-{synthetic.POINT}"]
        assert not figure.findobj(PolyCollection)
        titles = [axes.get_title(loc="left") for axes in figure.axes]
        if len(concurrencies) == 2:
            assert titles == ["1 client", "16 clients"]
            shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
            assert sorted(shown) == sorted(backends)
            assert len(figure.axes[1].containers) == 3 * len(backends)
        else:
            assert titles[:3] == ["p50", "p95", "p99"]


_DRIVERS = ("psycopg2", "psycopg", "psycopg-async", "asyncpg")
