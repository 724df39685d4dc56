"""Many tasks at once, each with a session of its own."""

import asyncio

import anyio
import anyio.lowlevel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from tests.session_guard.conftest import Desk, Run
from tests.session_guard.no_false_alarm.conftest import add, opened


def test_a_session_for_each_task_of_a_group(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker:

            async def worker(name: str) -> None:
                async with maker() as session, session.begin():
                    await add(session, name)

            async with asyncio.TaskGroup() as group:
                for name in "abc":
                    group.create_task(worker(name))

    run(scenario())
    assert desk.texts == ["a", "b", "c"]


def test_a_session_for_each_task_of_a_group_of_anyios(desk: Desk, run: Run) -> None:
    """Forbids that tasks of a group count as users of the session of the group's parent."""

    async def scenario() -> None:
        async with opened(desk) as maker, maker.begin() as parents:
            await add(parents, "parent")

            async def worker(name: str) -> None:
                async with maker() as session, session.begin():
                    await add(session, name)
                    await anyio.lowlevel.checkpoint()

            async with anyio.create_task_group() as group:
                for name in "abc":
                    group.start_soon(worker, name)
            await add(parents, "parent")

    run(scenario())
    assert desk.texts == ["a", "b", "c", "parent", "parent"]


def test_sessions_made_by_the_parent_one_for_each_child(desk: Desk, run: Run) -> None:
    """Making a session is not a use of it, even in strict mode."""

    async def worker(session: AsyncSession, name: str) -> None:
        async with session:
            await add(session, name)
            await session.commit()

    async def scenario() -> None:
        async with opened(desk, strict=True) as maker:
            await asyncio.gather(*(worker(maker(), name) for name in "abc"))

    run(scenario())
    assert desk.texts == ["a", "b", "c"]


def test_scoped_by_the_current_task(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker:
            session = async_scoped_session(maker, scopefunc=asyncio.current_task)

            async def worker(name: str) -> None:
                await add(session(), name)
                await asyncio.sleep(0.01)
                await session.commit()
                await session.remove()

            await asyncio.gather(worker("a"), worker("b"))

    run(scenario())
    assert desk.texts == ["a", "b"]


def test_streams_side_by_side(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker:

            async def stream() -> int:
                async with maker() as session:
                    result = await session.stream(text("SELECT generate_series(1, 500)"))
                    return len([row async for row in result])

            assert await asyncio.gather(*(stream() for _ in range(3))) == [500] * 3

    run(scenario())
