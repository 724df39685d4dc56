"""Sync sessions in pools of threads."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread
from session_guard import GuardedSession, guard_engine
from sqlalchemy.orm import scoped_session, sessionmaker
from tests.session_guard.conftest import Desk, Note, Run


def test_a_session_for_each_thread(desk: Desk) -> None:
    engine = desk.sync_engine()
    guard_engine(engine)
    maker = sessionmaker(engine, class_=GuardedSession)

    def work(name: str) -> None:
        with maker() as session, session.begin():
            session.add(Note(text=name))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, "abc"))
    engine.dispose()
    assert desk.texts == ["a", "b", "c"]


def test_a_request_that_moves_through_a_pool_of_threads(desk: Desk, run: Run) -> None:
    """A session begins in one thread and ends in another, as in FastAPI's sync dependencies."""
    engine = desk.sync_engine()
    guard_engine(engine)
    maker = sessionmaker(engine, class_=GuardedSession)

    async def scenario() -> None:
        async def request(name: str) -> None:
            session = await anyio.to_thread.run_sync(maker)
            note = Note(text=name)
            await anyio.to_thread.run_sync(session.add, note)
            await asyncio.to_thread(session.flush)
            session.refresh(note)  # an async endpoint, with the session of a sync dependency
            await anyio.to_thread.run_sync(session.commit)
            await asyncio.get_running_loop().run_in_executor(None, session.close)

        await asyncio.gather(*(request(name) for name in "abc"))

    run(scenario())
    engine.dispose()
    assert desk.texts == ["a", "b", "c"]


def test_scoped_by_the_thread(desk: Desk) -> None:
    engine = desk.sync_engine()
    session = scoped_session(sessionmaker(engine, class_=GuardedSession))

    def work(name: str) -> None:
        session.add(Note(text=name))
        session.commit()
        session.remove()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, "abc"))
    engine.dispose()
    assert desk.texts == ["a", "b", "c"]
