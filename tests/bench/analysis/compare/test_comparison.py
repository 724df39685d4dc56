"""Runs against each other: what differs, what is stopped at the gate, what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.compare.comparable import changes_between
from bench.analysis.compare.differences import differences
from bench.analysis.compare.history import history
from bench.analysis.figure import THROUGHPUT
from bench.output.report.comparison import why_not
from bench.output.terminal.comparison import as_markdown
from bench.results.file import Results
from bench.results.header import DatasetFacts, Environment, Header, Host, Server
from tests.bench import synthetic
from tests.bench.analysis.compare.made_runs import MANY, POINT, SLOWER, TWIN, compared, run


def test_a_slowdown_is_told_from_what_stayed(tmp_path: Path) -> None:
    found = compared(run(tmp_path), run(tmp_path, SLOWER), run(tmp_path, {MANY: 0.5}))
    assert [row.case for row in found.rows] == [POINT, MANY]
    assert list(found.workloads) == [synthetic.POINT, synthetic.MANY]
    point, many = found.rows
    assert [v and v.word for v in point.verdicts] == ["slower", None]
    assert [v and v.word for v in many.verdicts] == ["indistinguishable", "faster"]


def test_only_what_both_measured_is_compared(tmp_path: Path) -> None:
    assert compared(run(tmp_path, {POINT: 1.0}), run(tmp_path, {MANY: 1.0})).rows == ()


def test_a_difference_counts_beyond_the_noise_of_either_run(tmp_path: Path) -> None:
    noisy = run(tmp_path, {POINT: 1.25, TWIN: 2.0})
    (row,) = compared(run(tmp_path, {POINT: 1.0}), noisy).rows
    assert [v and v.word for v in row.verdicts] == ["indistinguishable"]


def test_what_others_took_in_either_run_may_be_the_difference(tmp_path: Path) -> None:
    """Forbids a gate that stops a change because another program ran, which happened."""

    def crowded(results: Results, share: float) -> Results:
        runs = [replace(r, other_cpu_ns=round(2 * share * r.elapsed_ns)) for r in results.runs]
        return replace(results, runs=runs)

    alone, slower = run(tmp_path, {POINT: 1.0}), run(tmp_path, {POINT: 1.5})
    assert compared(alone, slower).gate(0.1).stopped
    assert compared(crowded(alone, 0.1), crowded(slower, 0.2)).gate(0.1).stopped
    for one, other in ((0.0, 0.4), (0.4, 0.0)):
        found = compared(crowded(alone, one), crowded(slower, other))
        assert not found.gate(0.1).stopped
        (verdict,) = found.rows[0].verdicts
        assert verdict is not None
        assert verdict.floor == pytest.approx(1 / 0.6)


@pytest.mark.parametrize("figure", ["throughput", "p50"])
def test_the_gate_stops_a_slowdown_of_a_fifth_and_nothing_else(tmp_path: Path, figure: str) -> None:
    found = compared(run(tmp_path), run(tmp_path, SLOWER), figure=figure)
    assert [(stop.run, stop.case) for stop in found.gate(0.10).stopped] == [("run1", POINT)]
    assert not found.gate(0.30).stopped
    assert not compared(run(tmp_path), run(tmp_path), figure=figure).gate(0).stopped
    faster = {POINT: 0.8, MANY: 1.0}
    assert not compared(run(tmp_path), run(tmp_path, faster), figure=figure).gate(0).stopped


def test_the_gate_asks_for_the_margin_at_the_kinder_end_of_the_interval(tmp_path: Path) -> None:
    """Forbids to stop a change for a slowdown that may be smaller than what is allowed."""
    found = compared(run(tmp_path), run(tmp_path, {POINT: 1.11}))
    (stop,) = found.gate(0.05).stopped
    verdict = stop.change
    assert verdict.ratio is not None
    assert verdict.ratio.median == pytest.approx(1 / 1.11, rel=0.01)
    assert not found.gate(0.10).stopped


def test_three_rounds_stop_nothing(tmp_path: Path) -> None:
    found = compared(run(tmp_path, rounds=3), run(tmp_path, SLOWER, rounds=3))
    assert not found.gate(0).stopped
    assert {v and v.word for row in found.rows for v in row.verdicts} == {"undecided"}


def test_what_differs_around_is_told_first(tmp_path: Path) -> None:
    other = replace(synthetic.ENVIRONMENT, python="3.13.0", server=Server(version="17.2"))
    headers = [run(tmp_path).header, run(tmp_path, environment=other, seconds=1.0).header]
    told = [str(each) for each in differences(headers)]
    assert "seconds: 0.2 -> 1.0" in told
    assert "server.version: 18.0 -> 17.2" in told
    assert "python: 3.11.7 -> 3.13.0" in told
    assert "server.transport: unix socket -> -" in told
    assert differences([headers[0], headers[0]]) == []


def test_the_load_of_the_moment_is_no_difference(tmp_path: Path) -> None:
    environments = [Environment(host=Host(cores=2, load_1min=load)) for load in (0.1, 7.0)]
    headers = [run(tmp_path, environment=each).header for each in environments]
    assert differences(headers) == []


def test_what_older_files_do_not_tell_is_no_difference() -> None:
    """Forbids to call a machine unlike itself as soon as more is told of it."""

    def header(**host: str) -> Header:
        return Header(environment=Environment(host=Host(cpu="AMD EPYC", **host)))

    older = header()
    newer = header(cpu_generation="family 25, model 17")
    other = header(cpu_generation="family 25, model 1")
    assert differences([older, newer]) == []
    assert [each.what for each in differences([older, newer, other])] == ["host.cpu_generation"]


def test_the_measurements_of_a_gate_are_made_on_one_server(tmp_path: Path) -> None:
    """Defect: `bench gate` pooled two measurements without a look at their conditions."""
    first = run(tmp_path).header
    fewer = replace(first, rounds=9, load_model="closed", backends={})
    assert changes_between(first, fewer) == []
    server = replace(first.environment.server, url="postgresql://elsewhere/d")
    elsewhere = replace(
        fewer, connect=("x.y=1",), environment=replace(first.environment, server=server)
    )
    assert [change.what for change in changes_between(first, elsewhere)] == [
        "server.url",
        "connect",
    ]


def test_a_history_and_a_report_have_the_obstacles_of_a_comparison(tmp_path: Path) -> None:
    """Defect: `bench report A B` compared asyncio with uvloop, and said nothing."""
    asyncio, uvloop = run(tmp_path, {POINT: 1.0}), run(tmp_path, {replace(POINT, loop="uvloop"): 1})
    assert tuple(why_not([asyncio, uvloop])) == compared(asyncio, uvloop).obstacles != ()
    larger = run(tmp_path, dataset=DatasetFacts(scale=10.0, seed=7, digest="e"))
    first, second = history([("a", asyncio), ("b", larger)], THROUGHPUT)
    assert (first.obstacles, second.obstacles) == ((), compared(asyncio, larger).obstacles)


def test_unlike_datasets_and_loops_are_obstacles(tmp_path: Path) -> None:
    larger = DatasetFacts(scale=10.0, seed=7, digest="e")
    uvloop = {replace(POINT, loop="uvloop"): 1.0}
    assert compared(run(tmp_path), run(tmp_path)).obstacles == ()
    assert compared(run(tmp_path), run(tmp_path, dataset=larger)).obstacles == (
        "datasets differ: scale 1.0 (d) and scale 10.0 (e)",
    )
    found = compared(run(tmp_path, {POINT: 1.0}), run(tmp_path, uvloop))
    assert found.obstacles == ("event loops differ: asyncio and uvloop",)
    assert [row.case for row in found.rows] == [POINT]


def test_two_runs_are_compared_without_pairing_their_rounds(tmp_path: Path) -> None:
    """Defect: round 3 of one run was paired with round 3 of another, though they are unrelated."""
    shifted = {POINT: 1.005}
    (row,) = compared(run(tmp_path, {POINT: 1.0}), run(tmp_path, shifted)).rows
    assert [change and change.word for change in row.verdicts] == ["indistinguishable"]


def test_a_quantile_of_too_few_operations_is_not_left_out_in_silence(tmp_path: Path) -> None:
    """Defect: cases without a p99 stood in no row, and the command said that no case was common."""
    few = run(tmp_path, {POINT: 200.0, MANY: 1.0, TWIN: 1.0})
    found = compared(few, few, figure="p99")
    assert [row.case for row in found.rows] == [MANY]
    assert found.left_out.startswith(f"1 case has no verdict, as {POINT.title}: no round of a run")
    assert found.left_out in as_markdown(found)
    assert compared(few, few, figure="p50").left_out == ""
    assert compared(run(tmp_path, {MANY: 1.0}), few, figure="p99").left_out == ""
