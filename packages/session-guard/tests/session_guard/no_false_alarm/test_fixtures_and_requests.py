"""Sessions of test runners and web frameworks: begun, used and ended in different tasks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
from session_guard import GuardedSession
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from tests.session_guard.conftest import Desk, Note, Run
from tests.session_guard.no_false_alarm.conftest import add, in_a_task, opened


def test_a_fixture_opens_it_in_another_task(desk: Desk) -> None:
    """Fixtures and tests are tasks, one after another, as in pytest-asyncio."""
    stages: list[Any] = []

    async def set_up() -> AsyncSession:
        engine = desk.engine()
        session = async_sessionmaker(await engine.__aenter__(), sync_session_class=GuardedSession)()
        stages.append(engine)
        await add(session, "fixture")
        return session

    async def use(session: AsyncSession) -> None:
        await add(session, "test")

    async def tear_down(session: AsyncSession) -> None:
        await session.commit()
        await session.close()
        await stages.pop().__aexit__(None, None, None)

    with asyncio.Runner() as runner:
        session = runner.run(set_up())
        runner.run(use(session))
        runner.run(tear_down(session))
    assert desk.texts == ["fixture", "test"]


def test_a_generator_fixture_is_closed_in_another_task(desk: Desk, run: Run) -> None:
    async def fixture() -> AsyncIterator[AsyncSession]:
        async with opened(desk) as maker, maker() as session:
            yield session

    async def use(session: AsyncSession) -> None:
        await add(session, "test")

    async def scenario() -> None:
        generator = fixture()
        session = await in_a_task(anext(generator))
        await in_a_task(use(session))
        await in_a_task(anext(generator, None))

    run(scenario())


def test_one_request_with_an_injected_session(desk: Desk, run: Run) -> None:
    """Each middleware runs the rest of the application in a new task, as in Starlette."""

    async def scenario() -> None:
        async with opened(desk) as maker:

            @asynccontextmanager
            async def dependency() -> AsyncIterator[AsyncSession]:
                async with maker() as session:
                    yield session
                    await session.commit()

            async def handler(name: str) -> None:
                async with dependency() as session:
                    await add(session, name)
                    await session.refresh((await session.scalars(select(Note))).first())

            async def middleware(call: Callable[..., Any], name: str) -> None:
                async with maker() as own, anyio.create_task_group() as group:
                    await own.execute(text("SELECT 1"))
                    group.start_soon(call, name)

            async def outer(name: str) -> None:
                await middleware(lambda name: middleware(handler, name), name)

            await outer("a")
            await outer("b")

    run(scenario())
    assert desk.texts == ["a", "b"]


def test_a_background_task_with_a_session_of_its_own(desk: Desk, run: Run) -> None:
    async def scenario() -> None:
        async with opened(desk) as maker:

            async def background() -> None:
                async with maker() as session, session.begin():
                    await add(session, "background")

            async with maker() as session:
                await add(session, "request")
                later = asyncio.create_task(background())
                await session.commit()
            await later

    run(scenario())
    assert desk.texts == ["background", "request"]


def test_an_abandoned_generator_is_closed_by_the_loop(desk: Desk, run: Run) -> None:
    """asyncio closes an abandoned generator in a separate task."""

    async def scenario() -> None:
        async with opened(desk) as maker:

            async def rows() -> AsyncIterator[Any]:
                async with maker() as session:
                    for row in await session.execute(text("SELECT generate_series(1, 5)")):
                        yield row

            async for _ in rows():
                break
            for _ in range(20):
                await asyncio.sleep(0.005)

    run(scenario())
