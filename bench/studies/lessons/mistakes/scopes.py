"""Mistakes where one task closes what another task uses: a savepoint, or the session itself."""

from asyncio import gather, sleep

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, TaskResults
from bench.studies.lessons.tables import Customer, Order


class Savepoint(Mistake):
    name = "savepoint"
    title = "A and B each open a savepoint on one session; B rolls back its own"
    guess = "A's order is saved, and B's is not"
    reason = (
        "Savepoints form a stack, and the tasks do not end in the order of a stack. A opened its "
        "savepoint first, and releases it while B's is still open above it. This releases B's "
        "savepoint too, so B cannot roll back."
    )
    cure = (
        "Use savepoints within one task, around a part that may fail. Two tasks need two sessions."
    )

    async def wrong(self, shop: Fixture) -> TaskResults:
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

    async def right(self, shop: Fixture) -> TaskResults:
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
    title = "A's savepoint fails and is rolled back; B's savepoint lies above it"
    guess = "B's order is saved: B's savepoint was released without an error"
    reason = (
        "A rollback to A's savepoint undoes everything that came after it, including B's order."
    )

    async def wrong(self, shop: Fixture) -> TaskResults:
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

    async def right(self, shop: Fixture) -> TaskResults:
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
    title = "A adds an order; B leaves `async with session` first; A commits"
    guess = "A's order is saved: A's commit returned without an error"
    reason = (
        "Leaving the block closes the session, and the session drops what was added. A closed "
        "session can be used again, so A's commit commits nothing, and raises nothing."
    )
    cure = (
        "Open, use and close a session in one task. With `close_resets_only=False`, a use after "
        "close raises an exception."
    )

    async def wrong(self, shop: Fixture) -> TaskResults:
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

    async def right(self, shop: Fixture) -> TaskResults:
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
