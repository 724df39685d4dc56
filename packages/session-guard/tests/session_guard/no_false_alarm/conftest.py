"""Right code gets no report, with the guards of the session and of the engine both on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from session_guard import guard_engine, violations
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from tests.session_guard.conftest import Desk, Note

Maker = async_sessionmaker[AsyncSession]


@pytest.fixture(autouse=True)
def _no_alarm(desk: Desk) -> Iterator[None]:
    yield
    assert violations() == ()


@asynccontextmanager
async def opened(desk: Desk, **options: Any) -> AsyncIterator[Maker]:
    async with desk.maker(**options) as maker:
        guard_engine(maker.kw["bind"])
        yield maker


async def add(session: AsyncSession, words: str) -> None:
    """Add a note, and leave the transaction open."""
    session.add(Note(text=words))
    await session.flush()


async def in_a_task(coroutine: Any) -> Any:
    return await asyncio.create_task(coroutine)
