"""The plan of a statement without options: it ends soon, whatever the statement."""

from types import SimpleNamespace
from typing import Any

import pytest

from accessors import discover
from bench.model.declared import declare
from bench.model.fetch import Fetch
from bench.model.plan import Plan
from bench.model.profiles import Factors
from bench.model.workload import WORKLOADS
from bench.studies.query.planning import FEWER_ROUNDS, ROUNDS, planned, windows_s
from bench.studies.query.question import Subject

BACKENDS = {name: discover()[name] for name in ("psycopg2", "core+asyncpg")}


def subject(rows: int, execution_ns: int = 0, **options: Any) -> Subject:
    """Return the subject of a statement of so many rows, declared under a name of its own."""
    question: Any = SimpleNamespace(
        name=f"q-{rows}-{execution_ns}",
        rows=rows,
        orm=False,
        times=SimpleNamespace(execution_ns=execution_ns),
    )
    declare(question.name, {question.name: 1}, "", rows)
    return Subject(question.name, (question,), (1,), **options)


@pytest.fixture(autouse=True)
def undeclared() -> Any:
    """Leave no workload of these tests behind."""
    before = set(WORKLOADS)
    yield
    for name in set(WORKLOADS) - before:
        del WORKLOADS[name]


def plan_of(*subjects: Subject, **options: Any) -> Plan:
    return planned(subjects, BACKENDS, Factors(), **options)


@pytest.mark.parametrize(
    ("rows", "execution_ns", "concurrency"),
    [
        (1, 20_000, {1, 16}),
        (999, 0, {1, 16}),
        (1_000, 0, {1, 4}),
        (1, 5_000_000, {1, 4}),
        (1, 100_000_000, {1}),
        (100_000, 0, {1}),
    ],
)
def test_long_operations_have_fewer_clients(
    rows: int, execution_ns: int, concurrency: set[int]
) -> None:
    """Forbids that sixteen clients wait for a slow statement, window after window."""
    cases = plan_of(subject(rows, execution_ns)).cases
    assert {case.concurrency for case in cases} == concurrency


def test_streams_are_measured_with_one_client() -> None:
    """Forbids that a statement of some thousand rows takes four minutes by default."""
    cases = plan_of(subject(4_000)).cases
    several = {case.fetch for case in cases if case.concurrency > 1}
    assert several == {Fetch()}
    assert {str(case.fetch) for case in cases} == {"buffered", "streamed", "batched:1000"}


def test_named_factors_are_all_measured() -> None:
    """Forbids that a stream of several clients is left out if the user asks for it."""
    factors = Factors(fetches=(Fetch("streamed"),), concurrency=(1, 16))
    cases = planned([subject(4_000)], BACKENDS, factors).cases
    assert {(str(case.fetch), case.concurrency) for case in cases} == {
        ("streamed", 1),
        ("streamed", 16),
    }


def test_a_plan_that_takes_long_has_fewer_rounds() -> None:
    """Forbids a default that takes minutes, and one that overrules the user's rounds."""
    short, slow = subject(1, 20_000), subject(1, 800_000_000)
    assert plan_of(short).profile.rounds == ROUNDS
    made = plan_of(slow)
    assert made.profile.rounds == FEWER_ROUNDS
    assert windows_s(made, [slow]) >= 0.8 * FEWER_ROUNDS * len(made.cases)
    assert plan_of(slow, rounds=9).profile.rounds == 9
