"""What one task opens on a shared session, savepoint or session itself, another closes."""

from asyncio import gather, sleep

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Told
from bench.studies.lessons.tables import Customer, Order


class Savepoint(Mistake):
    name = "savepoint"
    title = "A and B each in a savepoint of their own; B's is undone"
    guess = "A's order, without B's"
    reason = (
        "Savepoints are a stack, and tasks are none: A's name was opened first and is released "
        "while B's is open above it, which takes B's with it."
    )
    cure = "Savepoints are for one task that tries something. Two tasks need two sessions."

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:

            async def a() -> str:
                async with session.begin_nested():
                    session.add(Order(name="A"))
                    await session.flush()
                    await shop.think()
                return "A"

            async def b() -> None:
                async with shop.meanwhile():
                    savepoint = await session.begin_nested()
                    session.add(Order(name="B"))
                    await session.flush()
                await sleep(0.002)
                await savepoint.rollback()

            told = await gather(a(), b(), return_exceptions=True)
            await session.commit()
            return told

    async def right(self, shop: Fixture) -> Told:
        async def a() -> str:
            async with shop.sessions.begin() as session:
                session.add(Order(name="A"))
                await session.flush()
                await shop.think()
            return "A"

        async def b() -> None:
            async with shop.sessions.begin() as session:
                async with shop.meanwhile():
                    savepoint = await session.begin_nested()
                    session.add(Order(name="B"))
                    await session.flush()
                await sleep(0.002)
                await savepoint.rollback()

        return await gather(a(), b(), return_exceptions=True)


class Savepoints(Savepoint):
    name = "savepoint-taken-along"
    title = "A's savepoint fails and is rolled back; B's lies above it"
    guess = "B's order: B's savepoint was released in order"
    reason = "Going back to A's savepoint undoes all that came after it, whoever wrote it."

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:

            async def a() -> None:
                savepoint = await session.begin_nested()
                await shop.think()
                await savepoint.rollback()

            async def b() -> str:
                async with shop.meanwhile():
                    async with session.begin_nested():
                        session.add(Order(name="B"))
                    return "B"

            told = await gather(b(), a(), return_exceptions=True)
            await session.commit()
            return told

    async def right(self, shop: Fixture) -> Told:
        async def a() -> None:
            async with shop.sessions.begin() as session:
                savepoint = await session.begin_nested()
                await shop.think()
                await savepoint.rollback()

        async def b() -> str:
            async with shop.meanwhile(), shop.sessions.begin() as session:
                async with session.begin_nested():
                    session.add(Order(name="B"))
                return "B"

        return await gather(b(), a(), return_exceptions=True)


class Expunged(Mistake):
    name = "close-expunges"
    title = "A adds; B leaves `async with session` first; A commits"
    guess = "A's order: A has committed, and was told so"
    reason = (
        "Leaving the block closes the session, which forgets whatever was added. A closed session "
        "may be used again, so A's commit commits nothing, without a word."
    )
    cure = "Open, use and close in one task. `close_resets_only=False` makes use after close raise."

    async def wrong(self, shop: Fixture) -> Told:
        session = shop.sessions()

        async def a() -> str:
            async with session:
                session.add(Order(name="A"))
                await shop.think()
                await session.commit()
                return "A"

        async def b() -> None:
            async with shop.meanwhile(), session:
                await session.get(Customer, 1)

        return await gather(a(), b(), return_exceptions=True)

    async def right(self, shop: Fixture) -> Told:
        async def a() -> str:
            async with shop.sessions() as session:
                session.add(Order(name="A"))
                await shop.think()
                await session.commit()
                return "A"

        async def b() -> None:
            async with shop.meanwhile(), shop.sessions() as session:
                await session.get(Customer, 1)

        return await gather(a(), b(), return_exceptions=True)


MISTAKES = (Savepoint(), Savepoints(), Expunged())
