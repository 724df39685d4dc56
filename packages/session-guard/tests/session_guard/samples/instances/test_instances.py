"""An instance that one task has and another changes: the mistake, its repair, and what is right."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from notes import Note, open_maker
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

Maker = async_sessionmaker[AsyncSession]


@asynccontextmanager
async def noted(maker: Maker) -> AsyncIterator[tuple[AsyncSession, Note]]:
    """A session, and in it an instance that is saved; no transaction is open."""
    async with maker(expire_on_commit=False) as session:
        note = Note(text="a")
        session.add(note)
        await session.commit()
        yield session, note


async def keep(maker: Maker, cache: "asyncio.Future[Note]", done: asyncio.Event) -> None:
    """Put it where the other task finds it, and go on with the transaction open."""
    async with noted(maker) as (session, note):
        await session.refresh(note)
        cache.set_result(note)
        await done.wait()


async def visit(*, shared: bool) -> None:
    async with open_maker() as maker:
        cache: asyncio.Future[Note] = asyncio.get_running_loop().create_future()
        done = asyncio.Event()

        async def rename() -> None:
            note = await cache
            async with maker() as session:
                with suppress(InvalidRequestError):
                    (note if shared else await session.get_one(Note, note.id)).text = "b"
                await session.commit()
            done.set()

        await asyncio.gather(keep(maker, cache, done), rename())


def test_shared() -> None:
    asyncio.run(visit(shared=True))


def test_own() -> None:
    asyncio.run(visit(shared=False))


async def change(note: Note) -> None:
    note.text = "b"


def test_in_the_same_task() -> None:
    async def scenario() -> None:
        async with open_maker() as maker, noted(maker) as (session, note):
            await session.refresh(note)
            await change(note)
            await session.commit()

    asyncio.run(scenario())


def test_lent_to_a_child() -> None:
    async def scenario() -> None:
        async with open_maker() as maker, noted(maker) as (session, note):
            await session.refresh(note)
            await asyncio.create_task(change(note))
            await asyncio.gather(change(note), change(note))
            await session.commit()

    asyncio.run(scenario())


def after(*, closed: bool) -> None:
    """Changed by a sibling, when the transaction is over, or when the session is."""

    async def scenario() -> None:
        async with open_maker() as maker:
            given: asyncio.Future[Note] = asyncio.get_running_loop().create_future()
            changed = asyncio.Event()

            async def giver() -> None:
                async with noted(maker) as (_, note):
                    if not closed:
                        given.set_result(note)
                        await changed.wait()
                if closed:
                    given.set_result(note)

            async def taker() -> None:
                await change(await given)
                changed.set()

            await asyncio.gather(giver(), taker())

    asyncio.run(scenario())


def test_after_the_commit() -> None:
    after(closed=False)


def test_detached() -> None:
    after(closed=True)
