"""A sync session that two threads use.

The first thread's statement waits for a lock: it is in flight for as long as the second one takes.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from session_guard import GuardedSession, SharedSessionError, guard_engine, violations
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import sessionmaker
from tests.session_guard.conftest import Desk, Note

WAIT = text("SELECT 1 FROM pg_advisory_xact_lock_shared(5)")


@contextmanager
def waiting(desk: Desk, work: Any) -> Iterator[None]:
    """Hold the lock. `work` starts the thread, whose statement waits for it from then on."""
    with psycopg.connect(desk.url, autocommit=True) as gate:
        gate.execute("SELECT pg_advisory_lock(5)")
        work()
        deadline = time.monotonic() + 60
        query = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not gate.execute(query).fetchall():
            assert time.monotonic() < deadline, "no statement waits"
            time.sleep(0.005)
        yield


def test_threads_that_overlap(desk: Desk) -> None:
    engine = desk.sync_engine()
    with sessionmaker(engine, class_=GuardedSession)() as session, ThreadPoolExecutor(1) as pool:
        slow: list[Future[Any]] = []
        begin = lambda: slow.append(pool.submit(session.scalar, WAIT))  # noqa: E731
        with waiting(desk, begin), pytest.raises(SharedSessionError) as caught:
            session.flush()
        assert slow[0].result() == 1
    engine.dispose()
    assert caught.value.violation.user == "thread 'MainThread'"
    assert caught.value.violation.kind == "overlap"


def test_a_listener_that_executes_in_the_middle_of_a_statement(desk: Desk) -> None:
    """Forbids that the end of a listener's statement counts as the end of the outer one."""
    engine = desk.sync_engine()
    guard_engine(engine)

    @event.listens_for(engine, "before_cursor_execute")
    def ask(connection: Connection, _: Any, statement: str, *__: Any) -> None:
        if "pg_advisory" in statement:
            connection.execute(text("SELECT 2"))
            within.set()

    within = Event()
    with engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        slow: list[Future[Any]] = []
        with waiting(desk, lambda: slow.append(pool.submit(connection.scalar, WAIT))):
            assert within.is_set()
            with pytest.raises(SharedSessionError, match="operation in flight"):
                connection.execute(text("SELECT 3"))
        assert slow[0].result() == 1
        assert connection.scalar(text("SELECT 4")) == 4  # the outer statement has ended
    engine.dispose()


def test_a_dead_thread_leaves_no_lock(desk: Desk) -> None:
    """An operation whose thread has ended can't be in flight."""
    engine = desk.sync_engine()
    session = sessionmaker(engine, class_=GuardedSession)()
    thread = Thread(target=lambda: session.ownership.enter("execute", session))
    thread.start()
    thread.join()
    session.execute(text("SELECT 1"))
    session.close()
    engine.dispose()
    assert violations() == ()


def test_strict_refuses_threads_that_take_turns(desk: Desk) -> None:
    """Forbids that two threads share a strict session unseen because they never overlap."""
    engine = desk.sync_engine()
    session = sessionmaker(engine, class_=GuardedSession, strict=True)()
    session.add(Note(text="a"))
    with ThreadPoolExecutor(1) as pool, pytest.raises(SharedSessionError, match="strict"):
        pool.submit(session.commit).result()
    session.commit()
    session.close()
    engine.dispose()
    assert desk.texts == ["a"]
