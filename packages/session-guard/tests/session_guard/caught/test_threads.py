"""A sync session that two threads use."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

import pytest
from session_guard import GuardedSession, SharedSessionError, guard_engine, violations
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import sessionmaker
from tests.session_guard.conftest import Desk, Note


def test_threads_that_overlap(desk: Desk) -> None:
    engine = desk.sync_engine()
    with sessionmaker(engine, class_=GuardedSession)() as session, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(session.scalar, text("SELECT 1 FROM pg_sleep(0.5)"))
        caught = None
        while caught is None and not slow.done():
            try:
                session.flush()  # too early it is allowed: no operation is in flight yet
            except SharedSessionError as error:
                caught = error
        assert slow.result() == 1
    engine.dispose()
    assert caught is not None
    assert caught.violation.user == "thread 'MainThread'"
    assert caught.violation.kind == "overlap"


def test_a_listener_that_executes_in_the_middle_of_a_statement(desk: Desk) -> None:
    """Forbids that the end of a listener's statement counts as the end of the outer one."""
    engine = desk.sync_engine()
    guard_engine(engine)

    @event.listens_for(engine, "before_cursor_execute")
    def ask(connection: Connection, _: Any, statement: str, *__: Any) -> None:
        if "pg_sleep" in statement:
            connection.execute(text("SELECT 2"))
            within.set()

    within = Event()
    with engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(connection.scalar, text("SELECT 1 FROM pg_sleep(0.5)"))
        assert within.wait(10)
        with pytest.raises(SharedSessionError, match="operation in flight"):
            connection.execute(text("SELECT 3"))
        assert slow.result() == 1
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
