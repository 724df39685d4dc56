"""No async plugin: each test runs a loop of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from notes import Note, open_maker
from sqlalchemy.ext.asyncio import AsyncSession


async def shared(
    second: Callable[[AsyncSession], Awaitable[Any]], *, warm: bool = True
) -> list[Any]:
    """One session: a task adds, and waits; another comes in between. Every error is swallowed."""
    async with open_maker(warm=warm) as maker, maker() as session:
        added, came_between = asyncio.Event(), asyncio.Event()

        async def first() -> None:
            session.add(Note(text="a"))
            await session.flush()
            added.set()
            await came_between.wait()
            await session.commit()

        async def other() -> None:
            await added.wait()
            try:
                await second(session)
            finally:
                came_between.set()

        return await asyncio.gather(first(), other(), return_exceptions=True)


async def own() -> None:
    async with open_maker() as maker:

        async def work() -> None:
            async with maker() as session, session.begin():
                session.add(Note(text="a"))

        await asyncio.gather(work(), work())


def test_shared_commit() -> None:
    asyncio.run(shared(lambda session: session.commit()))


def test_shared_when_cold() -> None:
    asyncio.run(shared(lambda session: session.commit(), warm=False))


def test_shared_rollback() -> None:
    asyncio.run(shared(lambda session: session.rollback()))


def test_shared_close() -> None:
    asyncio.run(shared(lambda session: session.close()))


def test_shared_read() -> None:
    asyncio.run(shared(lambda session: session.get(Note, 1)))


@pytest.mark.shares_session(reason="to see it go wrong")
def test_permitted() -> None:
    assert asyncio.run(shared(lambda session: session.rollback())) == [None, None]


def test_own() -> None:
    asyncio.run(own())
