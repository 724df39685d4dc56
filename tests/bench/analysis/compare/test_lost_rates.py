"""Cases at an arrival rate in two runs: p99 compares them, and a rate that is lost is slower."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.compare.cases import MeasuredRun, RunsCompared, compare_cases
from bench.analysis.compare.gate import confirmed, decide
from bench.analysis.figure import FIGURES, usual_figure
from bench.analysis.findings.between import between
from bench.analysis.summary import Summary, of_case
from bench.model.case import Case
from bench.output.report.comparison import render
from bench.results.entries import Run
from bench.results.file import Results
from tests.bench import synthetic
from tests.bench.analysis.compare.made_runs import compared as runs_compared
from tests.bench.analysis.test_open_loop import CASE, GROWING, STEADY, run_of

OTHER = replace(CASE, backend="psycopg-async")


def summary(case: Case, held: Sequence[bool]) -> Summary:
    runs: list[Run] = [
        run_of(STEADY, case=case, number=number)
        if kept
        else run_of(GROWING, unserved=9, case=case, number=number)
        for number, kept in enumerate(held)
    ]
    return of_case(case, runs, [], [])


def compared(before: Sequence[bool], after: Sequence[bool]) -> RunsCompared:
    runs = [
        MeasuredRun([summary(CASE, held), summary(OTHER, [True] * 6)]) for held in (before, after)
    ]
    return compare_cases(*runs, FIGURES["p99"])


def test_a_lost_rate_stops_the_gate() -> None:
    """Defect: a rate that is not held has no latency, so the case was in no comparison: passed."""
    pair = compared([True] * 6, [False] * 6)
    change = pair.changes[CASE]
    assert change.word == "slower"
    assert str(change) == "no longer holds its rate: held in 0 of 6 rounds, before in 6 of 6 rounds"
    decision = decide([("later", pair)], margin=0.1)
    assert [gated.case for gated in decision.stopped] == [CASE]
    assert decision.exit_code() == 1
    assert between(pair, "before", "after")[1].sentence.endswith(f"100/s {change}.")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([True] * 6, [True] * 5 + [False]),
        ([True] * 2, [False] * 2),
        ([True] * 5 + [False], [False] * 6),
        ([False] * 6, [True] * 6),
    ],
)
def test_chance_loses_no_rate(before: list[bool], after: list[bool]) -> None:
    """Forbids a verdict by one bad round, by too few, or on a rate that was not held before."""
    pair = compared(before, after)
    assert not any(change.rate_lost for change in pair.changes.values())
    assert decide([("later", pair)], margin=0.1).stopped == ()


def test_a_second_measurement_acquits() -> None:
    """Forbids a gate that stops for a rate that the same code holds when it is measured again."""
    lost, found = (
        decide([("later", compared([True] * 6, [held] * 6))], margin=0.1) for held in (False, True)
    )
    assert confirmed(lost, lost, lost).stopped == lost.stopped
    assert confirmed(lost, lost, found).stopped == ()


def test_the_usual_figure() -> None:
    """Defect: two runs at a rate were compared by throughput, which is the rate in both."""
    closed = replace(CASE, rate=None)
    assert usual_figure([CASE, OTHER]) == "p99"
    assert usual_figure([CASE, closed]) == usual_figure([closed]) == "throughput"


def results(folder: Path, cases: Mapping[Case, Sequence[bool]], service_ms: int) -> Results:
    steady = [(due, wait, late, service_ms) for due, wait, late, _ in STEADY]
    runs = [
        run_of(steady if kept else GROWING, unserved=0 if kept else 9, case=case, number=number)
        for case, held in cases.items()
        for number, kept in enumerate(held)
    ]
    return Results(folder, synthetic.header(list(cases), load_model="open"), runs)


def test_the_report_compares_rates_as_the_command_does(tmp_path: Path) -> None:
    """Defect: the report compared the throughput, which is the rate, and left out lost rates."""
    before = results(tmp_path / "a", {CASE: [True] * 6, OTHER: [True] * 6}, 4)
    after = results(tmp_path / "b", {CASE: [False] * 6, OTHER: [True] * 6}, 6)
    comparison = runs_compared(before, after, figure="p99")
    words = [change.word for row in comparison.rows for change in row.verdicts if change]
    page = render([before, after], tmp_path / "both.html")
    assert words == ["slower", "slower"]
    assert page.count(">slower</td>") == 2
    assert page.count("rate no longer held") == 1
    assert "P99 latency. The name" in page
    assert "p99 latency, ratio to the first run" in page
