"""One task, and everything that an ORM does for it."""

from typing import Any

from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.util import greenlet_spawn
from tests.session_guard.conftest import Desk, Note, Run
from tests.session_guard.no_false_alarm.conftest import add, in_a_task, opened


def test_nested_savepoints(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker, maker.begin() as session:
            await add(session, "a")
            async with session.begin_nested():
                await add(session, "b")
                async with session.begin_nested() as inner:
                    await add(session, "lost")
                    await inner.rollback()
            await in_a_task(nested(session, "c"))

    async def nested(session: AsyncSession, name: str) -> None:
        async with session.begin_nested():
            await add(session, name)

    run(scenario())
    assert desk.texts == ["a", "b", "c"]


def test_run_sync_and_greenlet_spawn(desk: Desk, run: Run) -> None:
    def sync(session: Session, name: str) -> None:
        with session.begin_nested():
            session.add(Note(text=name))
        session.scalars(select(Note)).all()

    async def scenario() -> None:
        async with opened(desk) as maker, maker() as session:
            await session.run_sync(sync, "a")
            await greenlet_spawn(sync, session.sync_session, "b")
            await session.commit()

    run(scenario())
    assert desk.texts == ["a", "b"]


def test_awaitable_attributes_and_expired_instances(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker, maker() as session:
            note = Note(text="a")
            session.add(note)
            await session.commit()
            assert await note.awaitable_attrs.text == "a"
            note.text = "b"
            await session.commit()

    run(scenario())
    assert desk.texts == ["b"]


def test_a_listener_that_uses_the_session(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker, maker() as session:

            @event.listens_for(session.sync_session, "before_flush")
            def count(session: Session, *_: Any) -> None:
                with session.no_autoflush:
                    session.execute(text("SELECT 1"))

            await add(session, "a")
            await session.commit()

    run(scenario())
    assert desk.texts == ["a"]
