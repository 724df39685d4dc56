"""Ways in which applications pass one session on, none of which shares it."""

import asyncio
import contextvars
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.session_guard.conftest import Desk, Note, Run
from tests.session_guard.no_false_alarm.conftest import add, opened


async def one_child_after_another(session: AsyncSession) -> None:
    for words in "ab":
        await asyncio.create_task(add(session, words))
    await session.commit()


async def grandchild(session: AsyncSession) -> None:
    async def child() -> None:
        await asyncio.create_task(add(session, "a"))
        await add(session, "b")

    await asyncio.create_task(child())
    await session.commit()


async def gather_of_one(session: AsyncSession) -> None:
    await add(session, "a")
    await asyncio.gather(add(session, "b"), asyncio.sleep(0.001))
    await session.commit()


async def completed_of_one(session: AsyncSession) -> None:
    await add(session, "a")
    for done in asyncio.as_completed([add(session, "b")]):
        await done
    await session.commit()


async def idle_child(session: AsyncSession) -> None:
    added, end = asyncio.Event(), asyncio.Event()

    async def child() -> None:
        await add(session, "a")
        added.set()
        await end.wait()

    task = asyncio.create_task(child())
    await added.wait()
    await add(session, "b")
    await session.commit()
    end.set()
    await task


async def callback_of_a_future(session: AsyncSession) -> None:
    await add(session, "a")
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda _: session.add(Note(text="b")))
    future.set_result(None)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await session.commit()


async def queue_of_requests(session: AsyncSession) -> None:
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    async def owner() -> None:
        while words := await queue.get():
            await add(session, words)
        await session.commit()

    task = asyncio.create_task(owner())
    await asyncio.gather(*(queue.put(words) for words in "ab"))
    await queue.put(None)
    await task


async def stream_with_lookups(session: AsyncSession) -> None:
    await add(session, "a")
    await add(session, "b")
    async for note in await session.stream_scalars(select(Note)):
        await session.get(Note, note.id, populate_existing=True)
    await session.commit()


async def generator_dependency(session: AsyncSession) -> None:
    async def dependency() -> AsyncIterator[AsyncSession]:
        yield session
        await session.commit()

    async with aclosing(dependency()) as values:
        async for value in values:
            await asyncio.create_task(add(value, "a"))
            await asyncio.shield(add(value, "b"))


async def failed_group(session: AsyncSession) -> None:
    async def fails() -> None:
        raise ValueError

    with suppress(BaseExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(add(session, "lost"))
            group.create_task(fails())
    await session.rollback()
    await add(session, "a")
    await add(session, "b")
    await session.commit()


async def run_sync_of_a_child(session: AsyncSession) -> None:
    await add(session, "a")
    await asyncio.create_task(session.run_sync(lambda sync: sync.add(Note(text="b"))))
    await session.commit()


async def another_context(session: AsyncSession) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_task(add(session, "a"), context=contextvars.Context())
    await add(session, "b")
    await session.commit()


async def another_context_in_a_transaction(session: AsyncSession) -> None:
    await add(session, "a")
    loop = asyncio.get_running_loop()
    await loop.create_task(add(session, "b"), context=contextvars.Context())
    await session.commit()


async def another_context_shielded(session: AsyncSession) -> None:
    await add(session, "a")
    loop = asyncio.get_running_loop()
    child = loop.create_task(add(session, "b"), context=contextvars.Context())
    await asyncio.shield(child)
    await session.commit()


async def thread_that_asks_the_loop(session: AsyncSession) -> None:
    loop = asyncio.get_running_loop()
    await add(session, "a")

    def work() -> None:
        asyncio.run_coroutine_threadsafe(add(session, "b"), loop).result(20)

    await asyncio.to_thread(work)
    await session.commit()


async def timeouts(session: AsyncSession) -> None:
    async with asyncio.timeout(20):
        await add(session, "a")
    await asyncio.wait_for(add(session, "b"), 20)
    await asyncio.wait_for(session.commit(), 20)


async def timed_out(session: AsyncSession) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(session.execute(text("SELECT pg_sleep(10)")), 0.02)
    await session.rollback()
    await add(session, "a")
    await add(session, "b")
    await session.commit()


PATTERNS = [
    one_child_after_another, grandchild, gather_of_one, completed_of_one, idle_child,
    callback_of_a_future, queue_of_requests, stream_with_lookups, generator_dependency,
    failed_group, run_sync_of_a_child, another_context, another_context_in_a_transaction,
    another_context_shielded, thread_that_asks_the_loop, timeouts, timed_out,
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.__name__)
def test_it_is_let_pass(desk: Desk, run: Run, pattern: Any) -> None:
    """Forbid an alarm where tasks use one session one after the other.

    A task of another context, which its parent awaits, was refused.
    """

    async def scenario() -> int:
        async with opened(desk) as maker:
            async with maker() as session:
                await pattern(session)
            pool: Any = maker.kw["bind"].pool
            return pool.checkedout()

    assert run(scenario()) == 0
    assert desk.texts == ["a", "b"]
