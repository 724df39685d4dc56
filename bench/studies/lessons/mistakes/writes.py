"""Writes on one session: some raise, and what raises nothing is worse."""

from asyncio import gather

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Told
from bench.studies.lessons.tables import Order

_NAMES = ("A", "B", "C", "D", "E")


class AddAndCommit(Mistake):
    name = "add-commit-warm"
    title = "gather of add and commit on one session; the pool is warm"
    guess = "five orders"
    reason = (
        "The first commit puts the session between two states while it waits for the server; the "
        "other four find it there and are refused (isce). What the first had begun is torn down "
        "by their failures."
    )
    cure = "A session for each task: five commits that know nothing of each other."
    tasks = 5

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:

            async def buy(name: str) -> str:
                session.add(Order(name=name))
                await session.commit()
                return name

            return await gather(*map(buy, _NAMES), return_exceptions=True)

    async def right(self, shop: Fixture) -> Told:
        async def buy(name: str) -> str:
            async with shop.sessions() as session:
                session.add(Order(name=name))
                await session.commit()
                return name

        return await gather(*map(buy, _NAMES), return_exceptions=True)


class AddAndCommitCold(AddAndCommit):
    name = "add-commit-cold"
    title = "gather of add and commit on one session; the pool is cold"
    guess = "as with a warm pool"
    reason = (
        "All five are added before the first commit has its connection, so that it writes all "
        "five. Four are told that it failed, and whoever tries again orders twice."
    )
    warm = False


class AddAndFlush(Mistake):
    name = "add-flush"
    title = "gather of add and flush, then one commit"
    guess = "five orders"
    reason = (
        "A flush takes all that was added, whoever added it. The other four find it under way "
        "(`Session is already flushing`): told that they failed, although their rows are written."
    )
    cure = "A session for each task; or one task that adds all five and flushes once."
    tasks = 5

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:

            async def buy(name: str) -> str:
                session.add(Order(name=name))
                await session.flush()
                return name

            told = await gather(*map(buy, _NAMES), return_exceptions=True)
            await session.commit()
            return told

    async def right(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:
            session.add_all([Order(name=name) for name in _NAMES])
            await session.commit()
            return _NAMES


class Swallowed(Mistake):
    name = "swallowed-error"
    title = "return_exceptions=True, and nobody looks at the exceptions"
    guess = "five orders: no exception has reached anybody"
    reason = (
        "The errors are there, in a list that is thrown away. So a loud mistake becomes a silent "
        "one, as in vitofico/quire issue 29."
    )
    cure = "`TaskGroup`, which can't lose an exception, and a session for each of its tasks."
    tasks = 5

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:

            async def buy(name: str) -> None:
                session.add(Order(name=name))
                await session.commit()

            await gather(*map(buy, _NAMES), return_exceptions=True)
        return _NAMES

    async def right(self, shop: Fixture) -> Told:
        async def buy(name: str) -> None:
            async with shop.sessions() as session:
                session.add(Order(name=name))
                await session.commit()

        await gather(*map(buy, _NAMES))
        return _NAMES


MISTAKES = (AddAndCommit(), AddAndCommitCold(), AddAndFlush(), Swallowed())
