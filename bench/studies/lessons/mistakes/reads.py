"""Mistakes with reads on one session: most give right answers, and none saves time."""

from asyncio import gather
from typing import Any

from sqlalchemy import select

from bench.studies.lessons.fixture import NAP, Fixture
from bench.studies.lessons.mistake import Mistake, ReadMistake, Rows, TaskResults
from bench.studies.lessons.tables import BALANCE, Customer

_PROVISIONING = (
    "An AsyncSession checks out a connection at its first statement. From a warm pool this takes "
    "one step of the event loop, and no other task runs in between. After that the driver's "
    "adapter lets one statement through at a time."
)


class _GatherOfReads(ReadMistake):
    guess = "ten reads of 10 ms take little more than 10 ms"
    cure = "Open a session inside each task: then each task has a connection of its own."

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def read() -> Any:
                return (await session.execute(NAP)).one()

            return await gather(*(read() for _ in range(10)), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def read() -> Any:
            async with shop.sessions() as session:
                return (await session.execute(NAP)).one()

        return await gather(*(read() for _ in range(10)), return_exceptions=True)


class ReadsWarm(_GatherOfReads):
    name = "reads-warm-pool"
    title = "gather of reads on a fresh session; the pool is warm"
    reason = f"{_PROVISIONING} So no exception is raised, and one read runs after the other."


class ReadsCold(_GatherOfReads):
    name = "reads-cold-pool"
    title = "gather of reads on a fresh session; the pool is cold"
    guess = "the same as with a warm pool"
    reason = (
        "The code is the same. But now the checkout has to connect, and waits. The second task "
        "uses the session while it is between two states, and is refused (isce). This happens at "
        "start-up."
    )
    warm = False


class ReadsPrePing(_GatherOfReads):
    name = "reads-pre-ping"
    title = "gather of reads on a fresh session, with pool_pre_ping"
    guess = "the same as with a warm pool"
    reason = (
        "The ping is I/O in the checkout, as connecting is. So a warm pool no longer prevents "
        "the exception."
    )
    options = {"pool_pre_ping": True}


class ReadsBegun(_GatherOfReads):
    name = "reads-begun"
    title = "gather of reads on a session that has its connection"
    guess = "ten reads run at the same time, as no connection has to be opened"
    reason = (
        "One connection runs one statement at a time. asyncpg's adapter holds a lock around each "
        "statement. So the session looks concurrent, and works like a for loop."
    )

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:
            await session.connection()

            async def read() -> Any:
                return (await session.execute(NAP)).one()

            return await gather(*(read() for _ in range(10)), return_exceptions=True)


class DirtyRead(Mistake):
    name = "dirty-read"
    title = "B reads a change that A has not committed, and then A rolls back"
    guess = f"B reads {BALANCE}: no other value was committed"
    reason = (
        "A transaction sees its own changes, and one session has one transaction. No isolation "
        "level helps, because PostgreSQL sees only one client."
    )
    cure = "Give B a session of its own: then B reads what is committed."
    truth = "SELECT balance FROM gatherbench.lesson_customer WHERE id = 1"

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def a() -> None:
                customer = await session.get_one(Customer, 1)
                customer.balance = 999
                await session.flush()
                await shop.think()
                await session.rollback()

            async def b() -> int | None:
                async with shop.meanwhile():
                    return await session.scalar(select(Customer.balance).where(Customer.id == 1))

            return await gather(b(), a(), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def a() -> None:
            async with shop.sessions() as session:
                customer = await session.get_one(Customer, 1)
                customer.balance = 999
                await session.flush()
                await shop.think()
                await session.rollback()

        async def b() -> int | None:
            async with shop.meanwhile(), shop.sessions() as session:
                return await session.scalar(select(Customer.balance).where(Customer.id == 1))

        return await gather(b(), a(), return_exceptions=True)

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return set(answers) <= set(truth[0])

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"B read {answers[0] if answers else 'nothing'}, the table says {truth[0][0]}"


MISTAKES = (ReadsWarm(), ReadsCold(), ReadsPrePing(), ReadsBegun(), DirtyRead())
