"""A sync session that two threads use."""

from concurrent.futures import ThreadPoolExecutor
from threading import Thread

from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from session_guard import GuardedSession, SharedSessionError, violations
from tests.session_guard.conftest import Desk


def test_threads_that_overlap(desk: Desk) -> None:
    engine = desk.sync_engine()
    with sessionmaker(engine, class_=GuardedSession)() as session, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(session.scalar, text("SELECT 1 FROM pg_sleep(0.5)"))
        caught = None
        while caught is None and not slow.done():
            try:
                session.flush()  # a moment too early, it is let in: nothing is in flight yet
            except SharedSessionError as error:
                caught = error
        assert slow.result() == 1
    engine.dispose()
    assert caught is not None
    assert caught.violation.user == "thread 'MainThread'"
    assert caught.violation.kind == "overlap"


def test_a_dead_thread_leaves_no_lock(desk: Desk) -> None:
    """An operation whose thread has ended can't be in flight."""
    engine = desk.sync_engine()
    session = sessionmaker(engine, class_=GuardedSession)()
    thread = Thread(target=lambda: session.custody.enter("execute", session))
    thread.start()
    thread.join()
    session.execute(text("SELECT 1"))
    session.close()
    engine.dispose()
    assert violations() == ()
