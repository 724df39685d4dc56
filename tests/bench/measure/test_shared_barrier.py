"""The start barrier of several processes, on a real server. Threads stand for the processes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import perf_counter_ns, sleep

import psycopg
import pytest

from bench.measure.job import Part
from bench.measure.shared_barrier import SharedBarrier, StartGate, joined, read_clock
from bench.server.database import Database
from tests.bench.command import LONGEST_S


@pytest.fixture
def gate(database: Database) -> Iterator[StartGate]:
    with StartGate(database) as opened:
        yield opened


def test_all_wait_and_start_at_one_time(database: Database, gate: StartGate) -> None:
    """Forbids a start before the last process is ready, and two ideas of when it was."""
    part = Part(0, gate.shut(), gate.server_process)
    with database.connect() as one, database.connect() as two:
        barriers = [SharedBarrier(part, session) for session in (one, two)]
        with ThreadPoolExecutor() as threads:
            first = threads.submit(barriers[0].wait)
            while gate.waiting() < 1:
                sleep(0.001)
            assert not first.done()
            second = threads.submit(barriers[1].wait)
            while gate.waiting() < 2:
                sleep(0.001)
            before_ns = perf_counter_ns()
            gate.open()
            starts = [first.result(LONGEST_S), second.result(LONGEST_S)]
        error_ns = sum(barrier.clock.error_ns for barrier in barriers) + 2_000
        assert abs(starts[0] - starts[1]) <= error_ns
        assert min(starts) + error_ns > before_ns


def test_a_late_start_is_noted(database: Database) -> None:
    with database.connect() as session:
        barrier = SharedBarrier(Part(0), session)
        barrier.sleep_until(perf_counter_ns() - 3_000_000)
        assert barrier.late_ns >= 3_000_000


def test_the_lock_of_a_dead_run_is_in_nobodys_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids a fixed key: the server may hold the lock of a vanished machine for hours."""
    keys = iter([7, 7, 8])
    monkeypatch.setattr("secrets.randbits", lambda _: next(keys))
    with StartGate(database) as dead, StartGate(database) as alive:
        assert dead.shut() == 7
        assert alive.shut() == 8


def test_nobody_waits_for_a_command_that_died(database: Database, gate: StartGate) -> None:
    """Forbids worker processes on other machines that wait for a command that is gone."""
    part = Part(0, gate.shut(), gate.server_process)
    with database.connect() as session, ThreadPoolExecutor() as threads:
        waiting = threads.submit(SharedBarrier(part, session).wait)
        while gate.waiting() < 1:
            sleep(0.001)
        with database.connect() as killer:
            killer.execute("SELECT pg_terminate_backend(%s, 5000)", [gate.server_process])
        # The server may still show the dead session, or not.
        with suppress(RuntimeError):
            assert waiting.result(LONGEST_S)
        gate.open()  # the server has released the lock: nothing to do, and no error
        assert gate.shut()


def test_a_wait_ends_with_its_timeout(database: Database, gate: StartGate) -> None:
    part = Part(0, gate.shut(), gate.server_process, database.url, timeout_s=0.05)
    with joined(part) as barrier, pytest.raises(psycopg.errors.LockNotAvailable):
        barrier.wait()


def test_the_clock_is_the_servers(database: Database) -> None:
    with database.connect() as session:
        clock = read_clock(session)
        row = session.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
        assert row is not None
        late_s = (perf_counter_ns() + clock.offset_ns) / 1e9 - row[0]
        assert -clock.error_ns / 1e9 - 1e-4 < late_s < 5
