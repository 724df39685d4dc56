"""The cases of the experiment, and their numbers of rows."""

import pytest

import accessors
from bench.studies.streaming.plan import FUNCTIONS, LARGEST, PROMISED, PROMISED_WAYS, plan, rows


@pytest.mark.parametrize(
    ("most_rows", "customers"),
    [(1, 10_000), (10_000, 10_000), (10_001, 20_000), (LARGEST, LARGEST), (10**9, LARGEST)],
)
def test_there_are_as_many_customers_as_the_largest_result_has(
    most_rows: int, customers: int
) -> None:
    """Forbids to make, and to prove with, 100,000 customers where a hundred were asked for."""
    assert rows(most_rows).customers == customers


@pytest.mark.parametrize("most_rows", [1, 5_000, LARGEST])
def test_nothing_is_asked_of_more_rows_than_were_wanted(most_rows: int) -> None:
    asked = plan(accessors.usual(accessors.discover()), quick=False, most_rows=most_rows).everything
    assert max(case.size or 0 for case in asked) <= most_rows


def test_the_streams_of_both_functions_are_proved() -> None:
    """Forbids a verdict on orders from memory alone, which tells nothing of batches."""
    proved = plan(accessors.usual(accessors.discover()), quick=False).probes["proof"]
    assert {case.workload for case in proved} == set(FUNCTIONS)
    ways = {name: {c.backend for c in proved if c.workload == name} for name in FUNCTIONS}
    assert ways[FUNCTIONS[1]] <= ways[FUNCTIONS[0]]
    assert len(ways[FUNCTIONS[1]]) == 8


def test_what_is_promised_is_run_in_every_round_and_frozen_too() -> None:
    """Forbids a promise of two runs, whose ratio nobody can tell from one."""
    made = plan(accessors.usual(accessors.discover()), quick=False)
    last = made.of_round(made.profile.rounds - 1)
    assert {(case.backend, case.fetch, case.size, case.frozen) for case in last} == {
        (backend, fetch, LARGEST, frozen)
        for backend in PROMISED
        for fetch in PROMISED_WAYS
        for frozen in (False, True)
    }
    assert len({case.process for case in last}) == len(last)
