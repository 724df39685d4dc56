"""What a run measures, and how: seen by backends that note everything, on a real server."""

import time
from functools import partial
from itertools import count
from typing import Any

import pytest
from sqlalchemy import event

from accessors.models import Customer
from bench.measure import start_barrier
from bench.model.profiles import FINE_HEARTBEAT_S
from bench.results.entries import Run
from tests.bench.conftest import SMALL
from tests.bench.measure.conftest import BOTH, Measure, again_while, without_a_turn
from tests.bench.recording import record


@BOTH
def test_each_task_has_a_session_of_its_own(measure: Measure, name: str) -> None:
    again_while(without_a_turn, lambda: measure(name, concurrency=4, seconds=0.2))
    assert len(record.sessions) == 4
    assert len(set(record.sessions)) == 4
    assert len({who for who, _ in record.sessions}) == 4
    assert len({session for _, session in record.sessions}) == 4
    # It is opened by the one who asks, inside the task.
    assert {(who, session) for who, session, _ in record.calls} == set(record.sessions)


@BOTH
def test_the_pool_is_as_large_as_the_crowd(measure: Measure, name: str) -> None:
    measure(name, concurrency=3, session_scope="operation")
    assert [target.pool_size for target in record.targets] == [3]
    assert len({session for _, session in record.sessions}) <= 3


@BOTH
def test_a_session_for_every_operation(measure: Measure, name: str) -> None:
    found = measure(name, concurrency=2, session_scope="operation")
    assert len(record.sessions) == len(record.calls) == len(found.samples)


def cold(run: Run) -> bool:
    """Return whether the warm-up had no time for an operation."""
    return len(run.samples) == len(record.calls)


@BOTH
def test_the_warm_up_is_not_recorded(measure: Measure, name: str) -> None:
    found = again_while(cold, lambda: measure(name, warm_up_s=0.03))
    assert 0 < len(found.samples) < len(record.calls)
    assert min(found.samples.start_ns) >= 0


def asked(calls: list[Any]) -> list[list[Any]]:
    """The first arguments of each of the crowd."""
    by_whom: dict[object, list[Any]] = {}
    for who, _, arguments in calls:
        by_whom.setdefault(who, []).append(arguments)
    return sorted(arguments[:5] for arguments in by_whom.values())


def test_all_backends_and_rounds_are_asked_the_same(measure: Measure) -> None:
    seen = []
    for name in ("recording", "recording-async", "recording"):
        again_while(
            lambda run: run.fewest_operations < 5,
            partial(measure, name, seconds=0.3, concurrency=2),
        )
        seen.append(asked(record.calls))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] != seen[0][1]  # but not each worker


@BOTH
def test_an_operation_over_the_deadline_is_finished_and_kept(measure: Measure, name: str) -> None:
    record.act = lambda: time.sleep(0.05)
    found = measure(name, seconds=0.02)
    assert len(found.samples) == 1
    assert found.samples.start_ns[0] < found.window_ns < found.samples.duration_ns[0]
    assert found.elapsed_ns >= found.samples.duration_ns[0]


@BOTH
def test_a_window_in_which_nothing_began_is_measured_again(
    measure: Measure, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids that a machine that stalls at the start line fails the run, or is blamed on it."""
    asked = count()
    long_ago = lambda: 1 if next(asked) < 2 else time.perf_counter_ns()  # noqa: E731
    monkeypatch.setattr(start_barrier, "perf_counter_ns", long_ago)
    found = measure(name, concurrency=2, seconds=0.02)
    assert len(found.samples) == len(record.calls) > 0
    assert len(record.sessions) == 2
    assert found.window_ns == 80_000_000  # four times as long: it may stall again


@BOTH
def test_a_machine_that_stalls_each_time_is_said(measure: Measure, name: str) -> None:
    with pytest.raises(RuntimeError, match=r"no operation began within 1e-09 s, 3 times in a row"):
        measure(name, seconds=1e-9)


@BOTH
def test_a_failed_operation_is_a_sample_and_its_session_is_replaced(
    measure: Measure, name: str
) -> None:

    def fail_often() -> None:
        if len(record.calls) % 3 == 2:
            raise ValueError("every third")

    record.act = fail_often
    found = again_while(lambda run: len(run.samples) < 6, lambda: measure(name, seconds=0.2))
    errors = found.samples.errors
    assert len(errors) >= 2
    assert set(errors.values()) == {"ValueError: every third"}
    assert found.samples.error_classes == {"ValueError": len(errors)}
    assert list(errors) == [at for at in range(len(found.samples)) if at % 3 == 1]
    assert len(found.samples) == len(record.calls)
    assert [found.samples.rows[at] for at in errors] == [0] * len(errors)
    assert len(record.sessions) in (len(errors), len(errors) + 1)


@BOTH
def test_a_session_that_cannot_be_had_is_said(measure: Measure, name: str) -> None:
    """Forbids "Meter has no attribute": the meter of a run that never began was read."""

    def refuse() -> None:
        raise ConnectionError("no session today")

    record.refuse = refuse
    with pytest.raises(ConnectionError, match="no session today"):
        measure(name, concurrency=3)


@BOTH
def test_one_that_cannot_start_does_not_keep_the_others(measure: Measure, name: str) -> None:
    number = count()

    def refuse() -> None:
        if next(number) == 1:
            raise ConnectionError("not you")

    record.refuse = refuse
    with pytest.raises(ConnectionError, match="not you"):
        measure(name, concurrency=3)


def test_the_heartbeat_sees_a_blocking_call(measure: Measure) -> None:
    record.act = lambda: time.sleep(0.05)
    found = measure("recording-async", seconds=0.12)
    assert found.loop_stall_max_ns is not None
    assert found.loop_stall_max_ns >= 29_000_000
    threads = measure("recording", seconds=0.12)
    assert threads.loop_stall_max_ns is threads.loop_stall_p99_ns is None


def test_a_short_run_of_many_rows_hides_no_stall(measure: Measure) -> None:
    """Forbids a chart of stalls that are noise: of 10,000 rows in a batch, 0.3 ms were seen."""
    first = count()
    record.act = lambda: time.sleep(0.008) if next(first) == 0 else None
    found = measure("recording-async", seconds=0.02, heartbeat_s=FINE_HEARTBEAT_S)
    assert found.loop_stall_max_ns is not None
    assert found.loop_stall_max_ns >= 6_000_000


def test_a_stall_as_long_as_its_window_is_read_whole(measure: Measure) -> None:
    """Defect: many rows that blocked a window of 50 ms were read as a stall of 37 ms."""
    record.act = lambda: time.sleep(0.05)
    found = measure("recording-async", seconds=0.05, workload="get_customers")
    assert found.loop_stall_max_ns is not None
    assert found.loop_stall_max_ns >= 47_000_000


def test_the_cpu_time_of_the_machine_is_recorded(measure: Measure) -> None:
    """Forbids a record of other programs that was cut off at 0 before it could be added up."""
    found = measure("recording", seconds=0.05)
    assert found.machine_cpu_ns is not None
    assert found.server_cpu_ns is not None
    others_ns = found.machine_cpu_ns - found.client_cpu_ns - found.server_cpu_ns
    assert found.others_cpu_ns == others_ns
    assert found.other_cpu_ns == max(0, others_ns)


def test_a_stall_at_the_very_end_is_seen(measure: Measure) -> None:
    """Forbids losing the longest stall of all: that of an operation that outlasts the run."""
    record.act = lambda: time.sleep(0.08)
    found = measure("recording-async", seconds=0.01)
    assert len(found.samples) == 1
    assert found.loop_stall_max_ns is not None
    assert found.loop_stall_max_ns >= 55_000_000


@BOTH
def test_fairness_and_cpu(measure: Measure, name: str) -> None:
    found = measure(name, seconds=0.1, concurrency=3)
    by_worker = [list(found.samples.worker).count(number) for number in range(3)]
    assert (found.fewest_operations, found.most_operations) == (min(by_worker), max(by_worker))
    assert sum(by_worker) == len(found.samples)
    assert found.client_cpu_ns > 0
    assert found.server_cpu_ns is not None
    assert found.server_cpu_ns > 0


@BOTH
def test_a_warm_up_may_be_easier_than_what_is_measured(measure: Measure, name: str) -> None:
    measured_with = partial(measure, name, warm_up_s=0.02, asked=(1,), asked_before=(2,))
    found = again_while(cold, measured_with)
    arguments = [arguments for _, _, arguments in record.calls]
    measured = len(found.samples)
    assert set(arguments[-measured:]) == {(1,)}
    assert set(arguments[:-measured]) == {(2,)}


@pytest.mark.parametrize("name", ["orm+psycopg2", "orm+psycopg-async"])
def test_the_orm_loads_every_object_each_time(measure: Measure, name: str) -> None:
    """Forbids an answer that lives on while the next is fetched: its objects are then found in
    the session's identity map, and none is loaded."""
    measure(name, workload="get_customers")  # what is compiled and mapped is so from here on
    loaded: list[int] = []

    def measured() -> Run:
        loaded.clear()
        return measure(name, seconds=0.5, workload="get_customers")

    listener = (Customer, "load", lambda instance, context: loaded.append(1))
    event.listen(*listener)
    try:
        found = again_while(lambda run: len(run.samples) < 2, measured)
    finally:
        event.remove(*listener)
    assert len(found.samples) > 1
    assert not found.samples.errors
    assert len(loaded) == SMALL.customers * len(found.samples)


def test_a_window_shorter_than_the_heartbeats_shows_no_stall(measure: Measure) -> None:
    """Defect: turns of 10 ms read 0 for stalls as long as themselves, and showed it."""
    assert measure("recording-async", seconds=0.01, heartbeat_s=30.0).loop_stall_max_ns is None
    assert measure("recording-async", seconds=0.01, heartbeat_s=0.001).loop_stall_max_ns is not None
