"""Two-phase transactions of sessions: one user is allowed, a second user is refused."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from typing import Any

import pytest
from session_guard import GuardedSession, SharedSessionError, guard_engine, hand_over, violations
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, sessionmaker
from tests.session_guard.conftest import Note, Run
from tests.session_guard.two_phase.conftest import TwoPhaseDesk

from bench.server.database import Database

ENDINGS = {
    "commit": True,
    "rollback": False,
    "prepare, commit": True,
    "prepare, rollback": False,
    "prepare, close": False,
}
"""Name -> the calls on the session, in order, and whether its row is committed afterwards."""


def tell(what: str) -> Callable[[Session], object]:
    """Return a call of the session's own method. `Session.commit(session)` bypasses the guard."""
    if what == "execute":
        return methodcaller("execute", text("SELECT 1"))
    return methodcaller(what)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_sync_session_ends_it_in_either_way(desk: TwoPhaseDesk, ending: str) -> None:
    """Forbids a false alarm at PREPARE, COMMIT PREPARED or ROLLBACK PREPARED with one user."""
    engine = desk.sync_engine()
    guard_engine(engine)
    with sessionmaker(engine, class_=GuardedSession, twophase=True)() as session:
        for _ in range(2):
            session.add(Note(text="a"))
            session.flush()
            for step in ending.split(", "):
                tell(step)(session)
    engine.dispose()
    assert violations() == ()
    assert desk.texts == ["a", "a"] * ENDINGS[ending]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_async_session_ends_it_in_either_way(
    async_desk: TwoPhaseDesk, run: Run, ending: str
) -> None:
    """Forbids a false alarm if each step runs in a child to which the task lends its session."""

    async def scenario() -> None:
        async with async_desk.maker() as maker, maker() as session:
            session.add(Note(text="a"))
            await session.flush()
            for step in ending.split(", "):
                await asyncio.create_task(session.run_sync(tell(step)))

    run(scenario())
    assert violations() == ()
    assert async_desk.texts == ["a"] * ENDINGS[ending]


def test_another_thread_commits_what_one_has_prepared(desk: TwoPhaseDesk) -> None:
    """Forbids a false alarm if one thread prepares and another commits."""
    engine = desk.sync_engine()
    guard_engine(engine)
    session = sessionmaker(engine, class_=GuardedSession, twophase=True)()
    session.add(Note(text="a"))
    session.prepare()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(session.commit).result()
        pool.submit(session.close).result()
    engine.dispose()
    assert violations() == ()
    assert desk.texts == ["a"]


def test_a_prepared_session_is_handed_over(async_desk: TwoPhaseDesk, run: Run) -> None:
    """Forbids that hand_over() forgets the connection of a two-phase transaction."""

    async def scenario() -> None:
        async with async_desk.maker() as maker, maker() as session:
            prepared, done = asyncio.Event(), asyncio.Event()

            async def giver() -> None:
                session.add(Note(text="a"))
                await session.run_sync(tell("prepare"))
                hand_over(session)
                prepared.set()
                await done.wait()

            async def taker() -> None:
                await prepared.wait()
                await session.commit()
                done.set()

            await asyncio.gather(giver(), taker())

    run(scenario())
    assert violations() == ()
    assert async_desk.texts == ["a"]


@pytest.mark.parametrize("prepared", [False, True], ids=["open", "prepared"])
@pytest.mark.parametrize("what", ["commit", "rollback", "prepare", "close", "execute"])
def test_another_task_that_comes_in_between_is_refused(
    async_desk: TwoPhaseDesk, run: Run, what: str, prepared: bool
) -> None:
    """Forbids that a task ends a transaction that another has begun or prepared."""

    async def interleave(session: AsyncSession) -> list[Any]:
        ready, done = asyncio.Event(), asyncio.Event()

        async def first() -> None:
            session.add(Note(text="a"))
            await session.run_sync(tell("prepare" if prepared else "flush"))
            ready.set()
            await done.wait()
            await session.commit()

        async def second() -> None:
            await ready.wait()
            try:
                await session.run_sync(tell(what))
            finally:
                done.set()

        return await asyncio.gather(first(), second(), return_exceptions=True)

    async def scenario() -> list[Any]:
        async with async_desk.maker() as maker, maker() as session:
            return await interleave(session)

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert (others.violation.kind, others.violation.operation) == ("interleaving", what)
    assert [found.refused for found in violations()] == [True]
    assert async_desk.texts == ["a"]


def test_another_thread_that_commits_in_mid_statement_is_refused(desk: TwoPhaseDesk) -> None:
    """Forbids that a thread prepares and commits while another thread's statement is in flight."""
    engine = desk.sync_engine()
    guard_engine(engine)
    maker = sessionmaker(engine, class_=GuardedSession, twophase=True)
    lock = text("SELECT pg_advisory_xact_lock(4)")
    with Database(desk.url).connect() as other, maker() as session, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT pg_advisory_lock(4)")
        session.add(Note(text="a"))
        session.flush()
        slow = pool.submit(session.execute, lock)
        while session.ownership.operation != "execute":
            pass  # not begun yet: the commit would be allowed
        with pytest.raises(SharedSessionError, match=r"commit\(\)"):
            session.commit()
        other.execute("SELECT pg_advisory_unlock(4)")
        slow.result()
        assert desk.texts == []
        session.commit()
    engine.dispose()
    assert [found.kind for found in violations()] == ["overlap"]
    assert desk.texts == ["a"]


def test_a_commit_past_a_prepared_session_is_refused(async_desk: TwoPhaseDesk, run: Run) -> None:
    """Forbids that another task commits a prepared transaction through its object."""

    async def scenario() -> list[Any]:
        async with async_desk.unguarded_engine() as engine:
            maker = async_sessionmaker(engine, sync_session_class=GuardedSession, twophase=True)
            async with maker() as session:
                ready, done = asyncio.Event(), asyncio.Event()

                async def first() -> None:
                    session.add(Note(text="a"))
                    await session.run_sync(tell("prepare"))
                    ready.set()
                    await done.wait()
                    await session.commit()

                async def second() -> None:
                    await ready.wait()
                    try:
                        await session.run_sync(lambda sync: sync.get_transaction().commit())
                    finally:
                        done.set()

                return await asyncio.gather(first(), second(), return_exceptions=True)

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert [(found.kind, found.refused) for found in violations()] == [("interleaving", True)]
    assert async_desk.texts == ["a"]
