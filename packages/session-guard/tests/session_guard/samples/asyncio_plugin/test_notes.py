"""With pytest-asyncio: fixtures and tests are tasks of their own."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from notes import Note, open_maker
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

Maker = async_sessionmaker[AsyncSession]


@pytest_asyncio.fixture
async def maker() -> AsyncIterator[Maker]:
    async with open_maker() as maker:
        yield maker


@pytest_asyncio.fixture
async def session(maker: Maker) -> AsyncIterator[AsyncSession]:
    async with maker() as session:
        session.add(Note(text="fixture"))
        await session.flush()
        yield session


@pytest_asyncio.fixture
async def note(session: AsyncSession) -> Note:
    note = Note(text="another")
    session.add(note)
    await session.flush()
    return note


async def add(session: AsyncSession) -> None:
    session.add(Note(text="a"))
    await session.flush()
    await asyncio.sleep(0.01)
    await session.commit()


@pytest.mark.asyncio
async def test_the_fixtures_session(session: AsyncSession) -> None:
    await add(session)


@pytest.mark.asyncio
async def test_the_fixtures_instance(note: Note) -> None:
    note.text = "changed"


@pytest.mark.asyncio
async def test_own(maker: Maker) -> None:
    async def work() -> None:
        async with maker() as session:
            await add(session)

    await asyncio.gather(work(), work())


@pytest.mark.asyncio
async def test_shared(session: AsyncSession) -> None:
    await asyncio.gather(add(session), add(session), return_exceptions=True)
