"""Mistakes with writes on one session: some raise an exception, and the silent ones are worse."""

from asyncio import gather

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, TaskResults
from bench.studies.lessons.tables import Order

_NAMES = ("A", "B", "C", "D", "E")


class AddAndCommit(Mistake):
    name = "add-commit-warm"
    title = "gather of add and commit on one session; the pool is warm"
    guess = "five orders are saved"
    reason = (
        "While the first commit waits for the server, the session is between two states. The "
        "other four commits use it in this state and are refused (isce). Their failures undo what "
        "the first commit had begun."
    )
    cure = "Give each task a session: then the five commits are independent."
    tasks = 5

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def buy(name: str) -> str:
                session.add(Order(name=name))
                await session.commit()
                return name

            return await gather(*map(buy, _NAMES), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def buy(name: str) -> str:
            async with shop.sessions() as session:
                session.add(Order(name=name))
                await session.commit()
                return name

        return await gather(*map(buy, _NAMES), return_exceptions=True)


class AddAndCommitCold(AddAndCommit):
    name = "add-commit-cold"
    title = "gather of add and commit on one session; the pool is cold"
    guess = "the same as with a warm pool"
    reason = (
        "All five orders are added before the first commit has its connection, so the first "
        "commit writes all five. The other four tasks get an exception. A task that tries again "
        "orders twice."
    )
    warm = False


class AddAndFlush(Mistake):
    name = "add-flush"
    title = "gather of add and flush, then one commit"
    guess = "five orders are saved"
    reason = (
        "A flush writes everything that was added, by any task. The other four tasks find it in "
        "progress (`Session is already flushing`). They get an exception, although their rows "
        "are written."
    )
    cure = "Give each task a session, or let one task add all five orders and flush once."
    tasks = 5

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def buy(name: str) -> str:
                session.add(Order(name=name))
                await session.flush()
                return name

            told = await gather(*map(buy, _NAMES), return_exceptions=True)
            await session.commit()
            return told

    async def right(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:
            session.add_all([Order(name=name) for name in _NAMES])
            await session.commit()
            return _NAMES


class Swallowed(Mistake):
    name = "swallowed-error"
    title = "return_exceptions=True, and the code does not check the exceptions"
    guess = "five orders are saved: gather raised no exception"
    reason = (
        "The exceptions are in a list that the code throws away. So a mistake that raises "
        "becomes a silent one, as in vitofico/quire issue 29."
    )
    cure = "Use `TaskGroup`, which cannot lose an exception, and a session for each of its tasks."
    tasks = 5

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def buy(name: str) -> None:
                session.add(Order(name=name))
                await session.commit()

            await gather(*map(buy, _NAMES), return_exceptions=True)
        return _NAMES

    async def right(self, shop: Fixture) -> TaskResults:
        async def buy(name: str) -> None:
            async with shop.sessions() as session:
                session.add(Order(name=name))
                await session.commit()

        await gather(*map(buy, _NAMES))
        return _NAMES


MISTAKES = (AddAndCommit(), AddAndCommitCold(), AddAndFlush(), Swallowed())
