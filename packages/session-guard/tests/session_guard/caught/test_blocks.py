"""Blocks: `no_autoflush` while another task uses the session, and sessions used after `with`."""

import asyncio
from typing import Any

import pytest
from session_guard import GuardedSession, SharedSessionError, violations
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import sessionmaker
from tests.session_guard.caught.pair import two
from tests.session_guard.conftest import Desk, Note, Run

COUNT = select(func.count()).select_from(Note)


def test_no_autoflush_of_another_task(desk: Desk, run: Run) -> None:
    """Forbids that one task's block stops another's autoflush: it counted 0 of its 2 rows."""

    async def scenario() -> list[Any]:
        async with two(desk) as session:
            inside, done = asyncio.Event(), asyncio.Event()

            async def holds() -> None:
                with session.no_autoflush:
                    inside.set()
                    await done.wait()

            async def counts() -> Any:
                await inside.wait()
                try:
                    session.add_all([Note(text="1"), Note(text="2")])
                    return await session.scalar(COUNT)
                finally:
                    done.set()

            found = await asyncio.gather(holds(), counts(), return_exceptions=True)
            session.add(Note(text="3"))
            assert await session.scalar(COUNT) == 1  # the block has ended
            return found

    held, counted = run(scenario())
    assert held is None
    assert isinstance(counted, SharedSessionError)
    assert counted.violation.since == "no_autoflush"


def test_no_autoflush_of_a_borrower(desk: Desk, run: Run) -> None:
    """Forbids that a lender that takes its session back finds autoflush switched off."""

    async def scenario() -> None:
        async with two(desk) as session:
            inside, done = asyncio.Event(), asyncio.Event()

            async def holds() -> None:
                with session.no_autoflush:
                    inside.set()
                    await done.wait()

            child = asyncio.create_task(holds())
            await inside.wait()
            session.add(Note(text="1"))
            assert await session.scalar(COUNT) == 1
            done.set()
            await child

    run(scenario())
    assert violations() == ()


def test_no_autoflush_within_one_task(desk: Desk, run: Run) -> None:
    """Forbids a report if the task of the block, or its child, uses the session in the block."""

    async def scenario() -> None:
        async with two(desk) as session:
            with session.no_autoflush:
                session.add(Note(text="1"))
                assert await session.scalar(COUNT) == 0
                assert await asyncio.create_task(session.scalar(COUNT)) == 0
            assert await session.scalar(COUNT) == 1

    run(scenario())
    assert violations() == ()


async def uses(session: AsyncSession) -> None:
    await session.execute(text("SELECT 1"))


def test_after_its_block(desk: Desk, run: Run) -> None:
    """Forbids that a session opens again unreported after its `with` has closed it."""

    async def scenario() -> None:
        async with desk.maker() as maker:
            async with maker() as session:
                await uses(session)
            await uses(session)
            await session.close()
            async with maker.begin() as begun:
                await uses(begun)
            await asyncio.create_task(uses(begun))
            await begun.close()

    run(scenario())
    assert [(found.kind, found.refused) for found in violations()] == [
        ("use after close", False)
    ] * 2
    assert all("test_blocks.py:" in found.holder_at for found in violations())


def test_after_the_block_of_a_unit_of_work(desk: Desk, run: Run) -> None:
    """Forbids that a session is missed which a class has made on entry and closed on exit."""

    class Work:
        def __init__(self, maker: Any) -> None:
            self._maker = maker

        async def __aenter__(self) -> AsyncSession:
            self.session: AsyncSession = self._maker()
            return self.session

        async def __aexit__(self, *_: object) -> None:
            await self.session.rollback()
            await self.session.close()

    async def scenario() -> None:
        async with desk.maker() as maker:
            work = Work(maker)
            for _ in range(2):
                async with work as session:
                    await uses(session)
            await uses(session)
            await session.close()

    run(scenario())
    assert [found.kind for found in violations()] == ["use after close"]


def test_after_its_block_if_a_child_used_it_last(desk: Desk, run: Run) -> None:
    """Forbids that the end of the block is missed if a child task has used the session last."""

    async def scenario() -> None:
        async with desk.maker() as maker:
            async with maker() as session:
                await asyncio.create_task(uses(session))
            await uses(session)
            await session.close()

    run(scenario())
    assert [found.kind for found in violations()] == ["use after close"]


def test_after_its_block_it_is_refused_where_strict(desk: Desk, run: Run) -> None:
    """Forbids that a strict session opens again after its block."""

    async def scenario() -> None:
        async with desk.maker(strict=True) as maker:
            async with maker() as session:
                await uses(session)
            for _ in range(2):
                with pytest.raises(SharedSessionError, match="used after its end"):
                    await uses(session)
            await session.close()

    run(scenario())
    assert [found.refused for found in violations()] == [True, True]


def test_a_sync_session_after_its_block(desk: Desk) -> None:
    """Forbids that the use of a sync session after its block is not reported."""
    engine = desk.sync_engine()
    maker = sessionmaker(engine, class_=GuardedSession)
    with maker() as session:
        session.execute(text("SELECT 1"))
    session.execute(text("SELECT 1"))
    session.close()
    with maker.begin() as begun:
        begun.execute(text("SELECT 1"))
    begun.execute(text("SELECT 1"))
    begun.close()
    engine.dispose()
    assert [found.kind for found in violations()] == ["use after close"] * 2


def test_a_session_that_is_meant_to_be_used_again(desk: Desk, run: Run) -> None:
    """Forbids a report if a session is entered again that was made before its blocks, or if the
    function that made a session closes it and uses it again: SQLAlchemy documents both."""

    async def scenario() -> None:
        async with desk.maker() as maker:
            session = maker()
            for _ in range(3):
                async with session:
                    await uses(session)
                async with session.begin():
                    await uses(session)
                await session.close()
                await asyncio.create_task(uses(session))
            await session.close()
            for _ in range(3):
                async with maker() as another:
                    await uses(another)
            early = maker()
            async with early:  # the next statement: its bytecode is as near as that of a head
                await uses(early)
            async with early:
                await uses(early)

    run(scenario())
    assert violations() == ()
