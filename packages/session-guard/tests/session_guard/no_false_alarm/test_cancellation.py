"""After a cancellation in any operation, the next task can use the session."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

import anyio
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.session_guard.conftest import Desk, Run
from tests.session_guard.no_false_alarm.conftest import Maker, add, opened


class Cancelled:
    """Awaits a coroutine, and cancels the task in its n-th wait; `waits` counts the waits."""

    def __init__(self, work: Coroutine[Any, Any, Any], number: int) -> None:
        self.work, self.number, self.waits = work, number, 0

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self.work.__await__()
        go_on: Callable[[], Any] = partial(next, inner)
        while True:
            try:
                awaited = go_on()
            except StopIteration as end:
                return end.value
            self.waits += 1
            if self.waits == self.number and (task := asyncio.current_task()):
                task.cancel()
            try:
                yield awaited
            except BaseException as error:
                go_on = partial(inner.throw, error)
            else:
                go_on = partial(next, inner)


async def work(session: AsyncSession) -> None:
    """Run statements, a savepoint, a stream, and a commit in the middle."""
    await add(session, "a")
    async with session.begin_nested():
        await session.execute(text("SELECT 1"))
    await session.commit()
    rows = await session.stream(text("SELECT generate_series(1, 200)"))
    assert len([row async for row in rows]) == 200


async def of_its_own(maker: Maker) -> None:
    async with maker() as session:
        await work(session)


async def cancel(work: Coroutine[Any, Any, Any], number: int) -> bool:
    """Return whether the work had so many waits."""
    cancelled = Cancelled(work, number)

    async def task() -> None:
        await cancelled

    await asyncio.wait([asyncio.create_task(task())])
    return cancelled.waits >= number


def test_cancelled_in_every_await(desk: Desk, run: Run) -> None:
    """Forbids that a cancelled operation stays in flight, on its session or its connection."""

    async def scenario() -> int:
        async with opened(desk) as maker:
            number = 1
            while await cancel(of_its_own(maker), number):
                await of_its_own(maker)
                number += 1
            return number

    assert run(scenario()) > 10
    assert set(desk.texts) == {"a"}


def test_a_session_whose_user_was_cancelled_in_every_await(desk: Desk, run: Run) -> None:
    """Forbids that the parent can't roll back and use a session that a cancelled child used."""

    async def scenario() -> int:
        async with opened(desk) as maker:
            number, more = 1, True
            while more:
                async with maker() as session:
                    more = await cancel(work(session), number)
                    await session.rollback()
                    await work(session)
                    number += 1
            return number

    assert run(scenario()) > 10
    assert set(desk.texts) == {"a"}


def test_cancel_scopes_of_anyio(desk: Desk, run: Run) -> None:
    """Forbids that a timeout of anyio, or a cancelled group, leaves an operation in flight."""
    sleep = text("SELECT pg_sleep(10)")

    async def scenario() -> None:
        async with opened(desk) as maker:

            async def worker(name: str) -> None:
                async with maker() as session:
                    await add(session, name)
                    await session.execute(sleep)

            async with maker() as session:
                with anyio.move_on_after(0.02) as scope:
                    await session.execute(sleep)
                assert scope.cancelled_caught
                await session.rollback()
                with pytest.raises(TimeoutError), anyio.fail_after(0.02):
                    await session.execute(sleep)
                await session.rollback()
                async with anyio.create_task_group() as group:
                    group.start_soon(worker, "lost")
                    group.start_soon(worker, "lost")
                    await anyio.sleep(0.02)
                    group.cancel_scope.cancel()
                await add(session, "a")
                await session.commit()

    run(scenario())
    assert desk.texts == ["a"]


def test_a_closing_that_is_shielded_and_cancelled(desk: Desk, run: Run) -> None:
    """SQLAlchemy ends a `with` in a shielded task: it goes on after its parent is cancelled."""

    async def opens(maker: Maker, ready: asyncio.Event) -> None:
        async with maker() as session:
            await add(session, "lost")
            ready.set()

    async def scenario() -> None:
        async with opened(desk) as maker:
            ready = asyncio.Event()
            task = asyncio.create_task(opens(maker, ready))
            await ready.wait()
            task.cancel()
            await asyncio.wait([task])

    run(scenario())
    assert desk.texts == []
