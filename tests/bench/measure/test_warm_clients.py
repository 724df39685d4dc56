"""Clients that stay open between turns: sessions are kept, and the conditions stay equal."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from time import sleep

import psycopg
import pytest

from bench.measure import runner
from bench.measure.job import Job, clients_key
from bench.measure.start_barrier import StartBarrier
from bench.measure.turn import warm_up_s
from bench.model.case import Case
from bench.results.entries import Run
from bench.results.recording import SampleRecorder
from bench.server.database import Database, postmaster_pid
from tests.bench.command import wait_until
from tests.bench.conftest import SMALL
from tests.bench.measure.conftest import BOTH, POINT, again_while, without_a_turn
from tests.bench.recording import record

MakeJob = Callable[..., Job]


@pytest.fixture
def job(shop: Database) -> Iterator[MakeJob]:
    with shop.connect() as connection:
        pid = postmaster_pid(connection)

    def make(name: str, seconds: float = 0.03, warm_up_s: float = 0.0, **factors: object) -> Job:
        case = Case(name, POINT, loop="asyncio" if "async" in name else "none")
        case = replace(case, **factors)  # type: ignore[arg-type]
        return Job(
            case, "tests.bench.recording", shop.url, SMALL, 0, seconds, warm_up_s, pid, generation=2
        )

    yield make
    runner.close_all()


@BOTH
def test_sessions_are_kept_between_turns(job: MakeJob, name: str) -> None:
    """Defect: of 107 s of a quick run, 38 were pools and warm-ups."""
    runs = [runner.take_turn(replace(job(name, concurrency=3), round=turn)) for turn in range(4)]
    assert [run.round for run in runs] == [0, 1, 2, 3]
    assert {run.generation for run in runs} == {2}
    assert len(record.targets) == 1
    assert len(record.sessions) == 3
    assert sum(len(run.samples) for run in runs) == len(record.calls)
    assert {run.connections for run in runs} == {3}


@BOTH
def test_each_client_asks_in_its_own_session(job: MakeJob, name: str) -> None:
    """Defect: a session that a task or thread has not opened itself breaks the rule of sessions."""
    for _ in range(3):
        runner.take_turn(job(name, concurrency=4, seconds=0.1))
    assert {(who, session) for who, session, _ in record.calls} <= set(record.sessions)
    assert len({who for who, _ in record.sessions}) == 4


@BOTH
def test_pools_are_as_large_as_the_concurrency(job: MakeJob, name: str) -> None:
    """Defect: cases of another concurrency would share one large pool, and its costs."""
    for clients in (1, 4, 1, 4):
        runner.take_turn(job(name, concurrency=clients))
    assert [target.pool_size for target in record.targets] == [1, 4]


@BOTH
def test_a_transaction_does_not_outlast_its_turn(job: MakeJob, name: str, shop: Database) -> None:
    """Defect: a session in a transaction would hold its locks while others write."""
    for _ in range(2):
        runner.take_turn(job(name, concurrency=2, transactions="implicit"))
        with shop.connect() as connection:
            held = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE state LIKE 'idle in transaction%' AND datname = current_database()"
            ).fetchone()
        assert held == (0,)
    assert len(record.targets) == 1
    assert len(record.sessions) == 4


@BOTH
def test_a_lost_session_is_replaced_in_the_next_turn(
    job: MakeJob, name: str, shop: Database
) -> None:
    """Defect: a server that ended a connection would fail every later turn of the case."""
    asked = job(name, concurrency=2, seconds=0.3, warm_up_s=0.05)
    runner.take_turn(asked)
    lost = {session for _, session in record.sessions}
    with shop.connect() as connection:
        for session in lost:
            connection.execute("SELECT pg_terminate_backend(%s, 60000)", [session])
    # A client notices with its next operation. A machine that stalls leaves no time for one.
    again_while(without_a_turn, lambda: runner.take_turn(asked))
    later = again_while(without_a_turn, lambda: runner.take_turn(asked))
    assert not later.samples.errors
    assert len(later.samples) > 0
    assert not lost & {session for _, session, _ in record.calls}


@BOTH
def test_clients_that_cannot_start_are_opened_anew(job: MakeJob, name: str) -> None:
    """Defect: the clients that wait for one that failed would wait in every later turn."""
    number = count()

    def refuse() -> None:
        if next(number) == 1:
            raise ConnectionError("not you")

    record.refuse = refuse
    with pytest.raises(ConnectionError, match="not you"):
        runner.take_turn(job(name, concurrency=3))
    assert runner.take_turn(job(name, concurrency=3)).most_operations > 0
    assert len(record.targets) == 2


@BOTH
def test_closing_leaves_nothing_open(job: MakeJob, name: str, shop: Database) -> None:
    """Defect: clients of one generation would use up the connections of the next."""
    before = set(threading.enumerate())
    asked = job(name, concurrency=3)
    runner.take_turn(asked)
    runner.close(clients_key(asked.case))
    runner.close(clients_key(asked.case))
    sessions = [session for _, session in record.sessions]
    query = "SELECT FROM pg_stat_activity WHERE pid = ANY(%s)"
    with psycopg.connect(shop.url, autocommit=True) as connection:
        # The server's processes end by themselves, a little later.
        wait_until(lambda: not connection.execute(query, [sessions]).fetchall())
    assert set(threading.enumerate()) <= before


def test_the_warm_up_is_short_when_all_is_warm(job: MakeJob) -> None:
    """Defect: a warm-up of 30 ms before each window of 50 ms is a third of the time."""
    asked = job("recording", seconds=0.05, warm_up_s=0.03)
    assert warm_up_s(asked, None) == 0.03
    assert warm_up_s(asked, 1_000_000) == pytest.approx(0.0025)
    assert warm_up_s(asked, 40_000_000) == 0
    assert warm_up_s(replace(asked, warm_up_s=0.001), 1_000_000) == 0.001


@BOTH
def test_a_window_of_long_operations_is_lengthened(job: MakeJob, name: str) -> None:
    """Defect: `window_s` was called by nothing, so that an operation as long as its window left a
    throughput that nobody can know."""
    record.act = lambda: sleep(0.01)
    asked = replace(job(name, concurrency=4, seconds=0.02, warm_up_s=0.02), lengthen=True)
    run = runner.take_turn(asked)
    assert run.window_ns > 0.02e9
    assert run.samples.start_ns[-1] < run.window_ns
    assert runner.take_turn(replace(asked, latency_s=0.05)).window_ns == 0.5e9
    assert runner.take_turn(replace(asked, lengthen=False)).window_ns == 0.02e9


@BOTH
def test_the_window_of_one_client_stays(job: MakeJob, name: str) -> None:
    """Forbids longer windows where the throughput has no bounds."""
    asked = replace(job(name, seconds=0.02, warm_up_s=0.02), lengthen=True, latency_s=0.05)
    assert runner.take_turn(asked).window_ns == 0.02e9


@BOTH
def test_a_first_operation_that_takes_long_does_not_lengthen_the_window(
    job: MakeJob, name: str
) -> None:
    """Defect: the ORM's first statement took as long as the warm-up, and the window was 2 s."""
    clients: Counter[object] = Counter()

    def slow_at_first() -> None:
        client = record.calls[-1][0]
        clients[client] += 1
        if clients[client] == 1:
            sleep(0.1)

    record.act = slow_at_first
    asked = replace(job(name, concurrency=4, seconds=0.2, warm_up_s=0.02), lengthen=True)

    def measured_first() -> Run:
        runner.close_all()
        clients.clear()
        return runner.take_turn(asked)

    # A machine that stalls makes the second operation of the warm-up as long.
    run = again_while(lambda run: run.window_ns >= 0.8e9, measured_first)
    assert run.window_ns < 0.8e9


def test_the_latency_of_a_warm_up_is_without_first_operations() -> None:
    """Defect: in a queue of eight clients, the mean of the first operations is half of the time
    that an operation takes while all are active."""
    told: list[float | None] = []

    def length(latency_s: float | None) -> float:
        told.append(latency_s)
        return 0.05

    barrier = StartBarrier(0.01, length, lambda: None)
    barrier._all_open()
    barrier._all_warm()
    for client in range(8):  # a queue, a second for each
        recorder = SampleRecorder(ends=[client * 10**9, (client + 8) * 10**9])
        barrier.laps_ns += recorder.laps_ns()
    barrier.laps_ns += SampleRecorder(ends=[1]).laps_ns()
    barrier._all_warm()
    assert told == [None, 8.0]
    assert barrier.deadline_ns - barrier.start_ns == barrier.window_ns == 50_000_000


@BOTH
def test_the_last_starts_are_recorded_when_the_meter_has_stopped(job: MakeJob, name: str) -> None:
    """Defect: 16 threads of `null` used 1.4 cores by their figures: the CPU time of 5 ms windows
    contained the recording of their last starts, which came after the last operation."""
    asked = job(name, concurrency=2, seconds=0.25)
    clients = runner.opened(asked)
    for _ in range(10):
        outcome, meter = clients.window(asked)
        if all(0 < len(seen.starts) < len(seen.ends) for seen in outcome.recorders):
            break  # what was looked at before has its starts. A machine that stalls allows no look.
    for recorder in outcome.recorders:
        assert 0 < len(recorder.starts) < len(recorder.ends)
    run = clients.entry(asked, outcome, meter)
    for recorder in outcome.recorders:
        assert len(recorder.starts) == len(recorder.ends) == len(recorder)
    assert len(run.samples) == sum(map(len, outcome.recorders))
    assert min(run.samples.duration_ns) > 0


@BOTH
def test_operations_of_values_follow_without_a_pause(job: MakeJob, name: str) -> None:
    """Defect: two clock readings and two records cost 4 % of a point read's CPU time."""
    samples = runner.take_turn(job(name, concurrency=2, seconds=0.05)).samples
    for client in range(2):
        own = [at for at, number in enumerate(samples.worker) if number == client]
        ends = [samples.start_ns[at] + samples.duration_ns[at] for at in own]
        assert [samples.start_ns[at] for at in own[1:]] == ends[:-1]


@BOTH
def test_rounds_do_not_begin_with_the_same_operations(job: MakeJob, name: str) -> None:
    """Defect: short windows saw the same few operations in every round.

    A mix whose long operation was the tenth showed the throughput of the nine short ones, with a
    narrow interval.
    """
    first = []
    for turn in (0, 1, 2, 0):
        before = len(record.calls)
        runner.take_turn(replace(job(name, seconds=0.001), round=turn))
        first.append([arguments for _, _, arguments in record.calls[before:]][:1])
    assert first[0] == first[3], "the same for every backend and process"
    assert len({str(one) for one in first}) == 3
