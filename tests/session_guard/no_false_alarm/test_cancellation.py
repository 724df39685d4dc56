"""Whatever a task was cancelled in, the next finds everything in order."""

import asyncio

import pytest
from sqlalchemy import select, text

from tests.session_guard.conftest import Desk, Note, Run
from tests.session_guard.no_false_alarm.conftest import Maker, add, opened


@pytest.mark.parametrize("steps", range(0, 60, 4))
def test_cancelled_anywhere(desk: Desk, run: Run, steps: int) -> None:
    """Whatever it was waiting for, the next task finds everything in order."""

    async def work(maker: Maker) -> None:
        async with maker() as session:
            await add(session, "a")
            async with session.begin_nested():
                await session.execute(text("SELECT 1"))
            await session.commit()
            await session.scalars(select(Note))

    async def scenario() -> None:
        async with opened(desk) as maker:
            task = asyncio.create_task(work(maker))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            await work(maker)

    run(scenario())
    assert set(desk.texts) == {"a"}


def test_a_closing_that_is_shielded_and_cancelled(desk: Desk, run: Run) -> None:
    """SQLAlchemy ends a `with` in a shielded task: it goes on after its parent is cancelled."""

    async def work(maker: Maker, ready: asyncio.Event) -> None:
        async with maker() as session:
            await add(session, "lost")
            ready.set()

    async def scenario() -> None:
        async with opened(desk) as maker:
            ready = asyncio.Event()
            task = asyncio.create_task(work(maker, ready))
            await ready.wait()
            task.cancel()
            await asyncio.wait([task])

    run(scenario())
    assert desk.texts == []
