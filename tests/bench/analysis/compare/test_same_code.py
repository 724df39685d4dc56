"""Several runs of the same code tell a slower machine from slower code, where cases are few.

The longer simulations are claims of `bench audit`.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import exp, sqrt

import numpy as np
import pytest

from bench.analysis.compare.cases import MeasuredRun, compare_cases
from bench.analysis.compare.gate import GateDecision, decide
from bench.analysis.compare.same_code import LEAST_RUNS, against_same_code
from bench.analysis.student import student_tail
from bench.cli.gate_words import Hints, gate_lines
from bench.results.header import Header
from bench.studies.audit.comparing import DAYS, MARGIN
from bench.studies.audit.deciding import gate_rates
from bench.studies.audit.made_runs import Truth, made_run

CALM = replace(DAYS, noise=0.01, luck=0.01)
SLOWER = replace(CALM, slower=1, slowdown=0.2)


def decided(days: Sequence[float], later: float, truth: Truth = CALM) -> GateDecision:
    """The decision on a run of a day that is slower by `later`, after runs of these days."""
    random = np.random.default_rng(2)
    base, *alike = (made_run(truth, random, day=day) for day in days)
    other = made_run(truth, random, later=True, day=later)
    return decide([("later", compare_cases(base, other, same_code=alike))], MARGIN)


def lines(decision: GateDecision) -> str:
    return "\n".join(gate_lines(decision, Hints(Header(), "bench gate monday")))


def test_days_that_differ_stop_the_same_code_at_most_once_in_twenty_times() -> None:
    """Defect: days that differ by 5 % stopped a gate of one case in a third of its runs."""
    one_reference = gate_rates(replace(DAYS, same_code=0), margin=0.0, trials=100, again=True)
    assert one_reference.stopped_wrongly >= 0.2
    assert gate_rates(DAYS, margin=0.0, trials=100, again=True).stopped_wrongly <= 0.1


def test_slower_code_still_stops_where_days_differ() -> None:
    slower = replace(DAYS, slower=1, slowdown=0.25)
    assert gate_rates(slower, MARGIN, trials=60, again=True).stopped >= 0.75


def test_a_day_like_those_before_is_unclear_and_not_slower() -> None:
    """Defect: a machine that was slower, as on other days before, stopped the gate with exit 1."""
    alone = decided([0.0], later=0.25)
    assert alone.exit_code() == 1
    assert "Fewer than 10 cases have no common ratio" in lines(alone)
    assert "bench gate monday --same-code RUN --same-code RUN" in lines(alone)
    known = decided([0.0, 0.25, 0.1, -0.1], later=0.25)
    assert (known.word, known.exit_code()) == ("blind", 3)
    assert [gated.case for gated in known.unclear] == [gated.case for gated in alone.stopped]
    assert "but 4 runs of the same code differ by" in lines(known)
    assert "common ratio" not in lines(known)


def test_days_that_are_alike_hide_no_slower_code() -> None:
    """Forbid that further runs acquit what they do not explain."""
    decision = decided([0.0, 0.01, -0.01, 0.02], later=0.25)
    assert decision.exit_code() == 1
    assert "common ratio" not in lines(decision)


def test_a_gate_is_blind_to_what_the_days_hide() -> None:
    """Defect: a faster machine hid slower code, and the gate was green: it knew rounds alone."""
    assert decided([0.0], later=0.0).exit_code() == 0
    assert decided([0.0, 0.01, -0.01, 0.02, 0.0, 0.01], later=0.0).exit_code() == 0
    hidden = decided([0.0, 0.1, -0.1, 0.2, -0.2, 0.1], later=-0.2, truth=SLOWER)
    assert hidden.exit_code() == 3
    assert "--same-code RUN" in lines(hidden)


def test_the_spread_is_that_of_runs_and_not_of_rounds() -> None:
    """Forbid that more rounds of a run make the runs look more alike."""
    middles = np.array([0.0, 0.1, 0.2])
    few, many = ([np.full(rounds, middle) for middle in middles] for rounds in (2, 50))
    found = [against_same_code(runs, np.full(5, 0.5)) for runs in (few, many)]
    assert found[0] == found[1]
    assert found[0] is not None
    t = 0.4 / (0.1 * sqrt(1 + 1 / 3))
    assert found[0].evidence.p_slower() == pytest.approx(student_tail(2, t))
    assert found[0].spread == pytest.approx(exp(0.1) - 1)
    assert found[0].runs == LEAST_RUNS


def test_two_runs_tell_no_spread() -> None:
    runs = [np.zeros(6), np.ones(6)]
    assert against_same_code(runs, np.ones(6)) is None
    assert against_same_code([*runs, np.array([])], np.ones(6)) is None
    assert against_same_code([*runs, np.ones(6)], np.array([])) is None


def test_cases_with_a_common_ratio_are_judged_by_it() -> None:
    """Forbid that a gate of many cases passes a slowdown because runs differed before."""
    random = np.random.default_rng(1)
    many = replace(CALM, cases=20, sets=0)
    runs = [made_run(many, random) for _ in range(5)]
    compared = compare_cases(runs[0], runs[1], same_code=runs[2:])
    assert compared.common is not None
    assert all(change.same_code is None for change in compared.changes.values())


def test_a_case_that_the_further_runs_lack_is_judged_without_them() -> None:
    random = np.random.default_rng(1)
    base, other = (made_run(CALM, random, later=later) for later in (False, True))
    (change,) = compare_cases(
        base, other, same_code=[MeasuredRun([]), MeasuredRun([])]
    ).changes.values()
    assert change.same_code is None
