"""The words and exit codes of a gate: blind and failed runs, event loops, margins, the command."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest

from bench.analysis.compare.cases import MeasuredRun, RunsCompared, compare_cases
from bench.analysis.compare.gate import GateDecision, confirmed, decide
from bench.analysis.figure import FIGURES, THROUGHPUT
from bench.cli.compare import as_share
from bench.cli.gate_command import gate_command
from bench.cli.gate_words import Hints, gate_lines, percent
from bench.output.terminal.comparison import as_github, as_json, share_in_words
from bench.results.header import Header
from bench.studies.audit.made_runs import Truth, made_run
from tests.bench import synthetic
from tests.bench.analysis.compare.made_runs import POINT, compared, run

CALM = Truth(cases=12, noise=0.001, luck=0.0, common_noise=0.0, day=0.0)


def two(truth: Truth = CALM, seed: int = 4) -> tuple[MeasuredRun, MeasuredRun]:
    random = np.random.default_rng(seed)
    return made_run(truth, random), made_run(truth, random, later=True)


def pair_of(truth: Truth) -> RunsCompared:
    return compare_cases(*two(truth))


def words(decision: GateDecision) -> str:
    return "\n".join(gate_lines(decision, Hints(Header(), "bench gate before")))


def test_one_blind_run_does_not_hide_among_others() -> None:
    """Defect: of eleven runs, one blind in every case passed: 1 of 11 cases is below 10 %."""
    seeing = pair_of(CALM)
    blind = pair_of(replace(CALM, noise=0.3))
    assert decide([("a", seeing)], 0.1).word == "passed"
    runs = [(f"run {number}", seeing) for number in range(11)]
    decision = decide([*runs, ("dark", blind)], 0.1)
    assert len(decision.blind) < 0.1 * decision.cases
    assert (decision.word, decision.blind_runs, decision.exit_code()) == ("blind", ("dark",), 3)
    slower = pair_of(replace(CALM, slower=1, slowdown=0.5))
    assert decide([("slow", slower), ("dark", blind)], 0.1).exit_code(allow_blind=True) == 1
    faster = pair_of(replace(CALM, slower=1, slowdown=-0.4))
    assert decide([("fast", faster)], 0.1).exit_code() == 0
    assert decide([("fast", faster), ("dark", blind)], 0.1).exit_code() == 3


@pytest.mark.parametrize("rounds", [True, False])
def test_a_case_that_failed_is_never_green(*, rounds: bool) -> None:
    """Defect: of 84 cases, one whose operations all failed was in no row, and the gate passed."""
    base, other = two()
    dead = replace(other.summaries[0], failures=("it died",))
    dead = dead if rounds else replace(dead, rounds=(), operations=0)
    decision = decide(
        [("later", compare_cases(base, MeasuredRun([dead, *other.summaries[1:]])))], 0.1
    )
    assert [gated.case for gated in decision.failed] == [dead.case]
    assert decision.word == "blind"
    assert f"no verdict in later: {dead.case.title}: operations failed" in words(decision)
    failed_before = MeasuredRun([dead, *base.summaries[1:]])
    assert decide([("later", compare_cases(failed_before, other))], 0.1).word == "passed"


def test_a_quantile_that_is_lost_is_not_green(tmp_path: Path) -> None:
    """Defect: a case so slow that no round has a p99 had no verdict, and the gate on p99 passed."""
    found = compared(run(tmp_path), run(tmp_path, {POINT: 400.0}), figure="p99")
    ((_, pair),) = found.compared
    (change,) = [change for case, change in pair.changes.items() if case == POINT]
    assert change.figure_lost
    decision = found.gate(0.1)
    assert decision.word == "blind"
    assert "no round has enough operations" in words(decision)
    assert "figure_lost" not in as_json(found, decision)
    assert found.without_common_cases == ["run1"]


def test_a_case_on_two_event_loops_is_two_cases() -> None:
    """Defect: of a case on asyncio and on uvloop, only the latter was compared."""
    base, other = two()
    on_uvloop = [replace(s, case=replace(s.case, loop="uvloop")) for s in base.summaries]
    both = MeasuredRun([*base.summaries, *on_uvloop])
    pair = compare_cases(both, both)
    assert set(pair.changes) == {s.case for s in both.summaries if not s.case.twin}
    assert compare_cases(both, other).changes.keys() == compare_cases(base, other).changes.keys()
    moved = compare_cases(base, MeasuredRun(on_uvloop)).changes
    assert list(moved) == [s.case for s in base.summaries if not s.case.twin]


def test_json_and_github_say_what_the_gate_decided(tmp_path: Path) -> None:
    """Defect: `bench gate --format json` printed exit code 1 for what was acquitted by the second
    measurement, and exited with 0."""
    slow = {POINT: 1.25, replace(POINT, twin=True): 1.25}
    found = compared(run(tmp_path), run(tmp_path, slow))
    first = found.gate(0.1)
    assert [stop.case for stop in first.stopped] == [POINT]
    acquitted = confirmed(replace(first, suspects=()), first, first)
    said = json.loads(as_json(found, acquitted))
    assert said["failed"] == []
    assert said["gate"]["exit_code"] == acquitted.exit_code() != 1
    assert "::error" not in as_github(found, acquitted)
    assert said["fail_on"] == 0.1


@pytest.mark.parametrize(
    ("typed", "share", "shown"),
    [
        ("10%", 0.1, "10%"),
        ("10 %", 0.1, "10%"),
        ("0.1", 0.1, "10%"),
        ("0%", 0.0, "0%"),
        ("0.1%", 0.001, "0.1%"),
        ("7%", 0.07, "7%"),
        ("2.5%", 0.025, "2.5%"),
        ("1000%", 10.0, "1000%"),
    ],
)
def test_a_margin_is_shown_as_it_was_typed(typed: str, share: float, shown: str) -> None:
    """Defect: the command that `compare` printed had `--fail-on 0%` for 0.1 %, and 2% for 2.5 %."""
    known = as_share(click.Context(click.Command("x")), click.Option(["--y"]), typed)
    assert known == pytest.approx(share)
    assert known is not None
    assert percent(known) == shown


@pytest.mark.parametrize("typed", ["10", "1", "-1%", "-0.1", "10%%", "nan", "inf", "%", ""])
def test_what_is_no_share_is_refused(typed: str) -> None:
    """Defect: `--fail-on 10` permitted a slowdown of 1000 %, so that every gate passed."""
    with pytest.raises(click.BadParameter, match=r"write 10?%|write 1%"):
        as_share(click.Context(click.Command("x")), click.Option(["--y"]), typed)


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.004, "0.4%"), (0.0936, "9.4%"), (0.0996, "10%"), (0.25, "25%"), (1.3, "2.3x")],
)
def test_a_visible_slowdown_has_two_digits(share: float, shown: str) -> None:
    """Defect: a slowdown of 0.4 % was shown as 0%, beside a margin of 0.1 %."""
    assert share_in_words(share) == shown


def test_the_command_has_what_the_gate_needs(tmp_path: Path) -> None:
    """Defect: the printed command left out --figure and --workload-file, gated another figure, and
    named `latest`, which is another run after the first paste."""
    odd = tmp_path / "a folder's name"
    dashed = tmp_path / "-x"
    command = "bench run --label q --workload-file 'my file.py' --backend-module=mine --rounds 6"
    header = synthetic.header([POINT], command=command)
    told = gate_command(odd, dashed, header, FIGURES["p99"], 0.001)
    assert shlex.split(told) == [
        "bench", "gate", str(odd), "--first", str(dashed), "--fail-on", "0.1%", "--figure", "p99",
        "--workload-file", "my file.py", "--backend-module=mine",
    ]  # fmt: skip
    broken = gate_command(odd, odd, replace(header, command="bench run 'x"), THROUGHPUT, 0.1)
    assert shlex.split(broken)[-2:] == ["--figure", "throughput"]


def changed(slowdown: Mapping[int, float]) -> RunsCompared:
    """Compare a dozen cases of which these, and their twins, are slower by so much."""
    base, other = two()
    names = {f"backend {number}": 1 / (1 + share) for number, share in slowdown.items()}
    slowed = [
        replace(
            summary,
            rounds=tuple(
                replace(r, throughput_per_s=r.throughput_per_s * names.get(summary.case.backend, 1))
                for r in summary.rounds
            ),
        )
        for summary in other.summaries
    ]
    return compare_cases(base, MeasuredRun(slowed))


def test_what_only_others_overtook_does_not_stop_the_gate() -> None:
    """Defect: where most cases became faster, the others looked slower than the common ratio, and
    the gate exited with 1 for an improvement."""
    decision = decide([("later", changed(dict.fromkeys(range(8), -0.3)))], 0.1)
    assert decision.stopped == ()
    assert {gated.case.backend for gated in decision.unclear} == {
        f"backend {n}" for n in range(8, 12)
    }
    assert decision.exit_code() == 3
    assert "unclear in later: backend 8, " in words(decision)
    assert "slower than the other cases: 0.70x" in words(decision)
    assert "measure the code of the reference again" in words(decision)


def test_half_of_the_cases_slower_is_never_green() -> None:
    """Defect: where half of the cases were slower by 15 %, the common ratio took 7 % of it, and a
    gate of 10 % passed."""
    decision = decide([("later", changed(dict.fromkeys(range(6), 0.15)))], 0.1)
    assert {gated.case.backend for gated in decision.unclear} == {f"backend {n}" for n in range(6)}
    assert decision.exit_code() == 3
    few = decide([("later", changed({0: 0.15, 1: 0.15}))], 0.1)
    assert (len(few.stopped), few.unclear, few.exit_code()) == (2, (), 1)


def test_six_cases_in_two_runs_have_no_common_ratio() -> None:
    """Defect: the cases of all runs were counted together, so that the gate did not say that a
    slower machine looks the same."""
    few = replace(CALM, cases=6, slower=1, slowdown=0.5)
    decision = decide([("a", pair_of(few)), ("b", pair_of(few))], 0.1)
    assert decision.cases == 12
    assert "have no common ratio" in words(decision)
    many = pair_of(replace(few, cases=12))
    assert "have no common ratio" not in words(decide([("a", many)], 0.1))
