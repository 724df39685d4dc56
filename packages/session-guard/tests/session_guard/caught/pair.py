"""Two tasks and one session: the steps of each, and the one order that goes wrong silently."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from session_guard import hand_over
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from tests.session_guard.conftest import Desk, Note

Step = Callable[[AsyncSession], Awaitable[Any]]


async def add(session: AsyncSession) -> None:
    session.add(Note(text="a"))


async def add_and_flush(session: AsyncSession) -> None:
    await add(session)
    await session.flush()


async def read(session: AsyncSession) -> None:
    await session.scalars(select(Note))


async def savepoint(session: AsyncSession) -> None:
    async with session.begin_nested():
        session.add(Note(text="a"))


async def stream(session: AsyncSession) -> None:
    """Read the first row of many, and leave the cursor open."""
    await add_and_flush(session)
    rows = await session.stream(text("SELECT generate_series(1, 5000)"))
    await anext(rows)


async def open_savepoint(session: AsyncSession) -> None:
    await session.begin_nested()
    await add_and_flush(session)


BEFORE: dict[str, Step] = {
    "adds": add,
    "adds and flushes": add_and_flush,
    "has left a savepoint": savepoint,
    "is in a savepoint": open_savepoint,
    "streams": stream,
}


async def enters(session: AsyncSession) -> None:
    async with session:
        pass


async def transaction(session: AsyncSession) -> None:
    async with session.begin():
        pass


async def fails(session: AsyncSession) -> None:
    """Fail, and handle the error, as code does that knows of no other user."""
    await session.execute(text("SELECT 1 / 0"))


def release(session: Session) -> None:
    if transaction := session.get_nested_transaction():
        transaction.commit()


def commit_transaction(session: Session) -> None:
    """Commit by the transaction object, not by the method of the session."""
    session.get_transaction().commit()


BETWEEN: dict[str, Step] = {
    "commits": lambda session: session.commit(),
    "rolls back": lambda session: session.rollback(),
    "closes": lambda session: session.close(),
    "leaves a with": enters,
    "invalidates": lambda session: session.invalidate(),
    "resets": lambda session: session.reset(),
    "adds": add,
    "reads": read,
    "flushes": lambda session: session.flush(),
    "begins a savepoint": savepoint,
    "begins": transaction,
    "fails": fails,
    "expunges": lambda session: session.run_sync(lambda sync: sync.expunge_all()),
    "expires": lambda session: session.run_sync(lambda sync: sync.expire_all()),
    "hands over what is not its own": lambda session: session.run_sync(hand_over),
    "commits its transaction object": lambda session: session.run_sync(commit_transaction),
}


@asynccontextmanager
async def two(desk: Desk) -> AsyncIterator[AsyncSession]:
    async with desk.maker() as maker, maker() as session:
        yield session


async def interleave(session: AsyncSession, before: Step, between: Step) -> list[Any]:
    """Run a task that waits in its transaction, and another one in between; return their errors."""
    ready, done = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        await before(session)
        ready.set()
        await done.wait()
        await session.run_sync(release)
        await session.commit()

    async def second() -> None:
        await ready.wait()
        try:
            await between(session)
        finally:
            done.set()

    return await asyncio.gather(first(), second(), return_exceptions=True)
