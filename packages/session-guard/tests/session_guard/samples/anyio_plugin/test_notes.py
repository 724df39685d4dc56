"""With anyio's plugin: its fixtures and tests run in one task."""

from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import pytest
from notes import Note, open_maker
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

Maker = async_sessionmaker[AsyncSession]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def maker() -> AsyncIterator[Maker]:
    async with open_maker() as maker:
        yield maker


@pytest.fixture
async def session(maker: Maker) -> AsyncIterator[AsyncSession]:
    async with maker() as session:
        session.add(Note(text="fixture"))
        await session.flush()
        yield session


@pytest.fixture
async def note(session: AsyncSession) -> Note:
    note = Note(text="another")
    session.add(note)
    await session.flush()
    return note


async def add(session: AsyncSession) -> None:
    session.add(Note(text="a"))
    await session.flush()
    await anyio.sleep(0.01)
    await session.commit()


async def add_and_swallow(session: AsyncSession) -> None:
    with suppress(InvalidRequestError):
        await add(session)


@pytest.mark.anyio
async def test_the_fixtures_session(session: AsyncSession) -> None:
    await add(session)


@pytest.mark.anyio
async def test_the_fixtures_instance(note: Note) -> None:
    note.text = "changed"


@pytest.mark.anyio
async def test_own(maker: Maker) -> None:
    async def work() -> None:
        async with maker() as session:
            await add(session)

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        group.start_soon(work)


@pytest.mark.anyio
async def test_shared(session: AsyncSession) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(add_and_swallow, session)
        group.start_soon(add_and_swallow, session)
