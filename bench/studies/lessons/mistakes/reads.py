"""Reads on one session: nobody is hurt, and nothing is gained."""

from asyncio import gather
from typing import Any

from sqlalchemy import select

from bench.studies.lessons.fixture import NAP, Fixture
from bench.studies.lessons.mistake import Mistake, ReadMistake, Rows, Told
from bench.studies.lessons.tables import BALANCE, Customer

_PROVISIONING = (
    "An AsyncSession checks a connection out at its first statement. From a warm pool that takes "
    "one step of the event loop, and nobody comes between; then the driver's adapter lets one "
    "statement through at a time."
)


class _GatherOfReads(ReadMistake):
    guess = "ten reads of 10 ms in little more than 10 ms"
    cure = "A session for each task, opened inside the task: then each has a connection of its own."

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:

            async def read() -> Any:
                return (await session.execute(NAP)).one()

            return await gather(*(read() for _ in range(10)), return_exceptions=True)

    async def right(self, shop: Fixture) -> Told:
        async def read() -> Any:
            async with shop.sessions() as session:
                return (await session.execute(NAP)).one()

        return await gather(*(read() for _ in range(10)), return_exceptions=True)


class ReadsWarm(_GatherOfReads):
    name = "reads-warm-pool"
    title = "gather of reads on a fresh session; the pool is warm"
    reason = f"{_PROVISIONING} So nothing is raised, and the reads stand in a queue."


class ReadsCold(_GatherOfReads):
    name = "reads-cold-pool"
    title = "gather of reads on a fresh session; the pool is cold"
    guess = "as with a warm pool"
    reason = (
        "The same lines. Now the checkout has to connect, which waits: the second task comes "
        "while the session is between two states, and is refused (isce). Seen at start-up."
    )
    warm = False


class ReadsPrePing(_GatherOfReads):
    name = "reads-pre-ping"
    title = "gather of reads on a fresh session; pool_pre_ping"
    guess = "as with a warm pool"
    reason = "The ping is I/O in the checkout, as connecting is: a warm pool helps no more."
    options = {"pool_pre_ping": True}


class ReadsBegun(_GatherOfReads):
    name = "reads-begun"
    title = "gather of reads on a session that has its connection"
    guess = "ten at once, as nothing has to be opened"
    reason = (
        "One connection runs one statement at a time. asyncpg's adapter holds a lock round each, "
        "so the session looks concurrent, and is a for loop."
    )

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:
            await session.connection()

            async def read() -> Any:
                return (await session.execute(NAP)).one()

            return await gather(*(read() for _ in range(10)), return_exceptions=True)


class DirtyRead(Mistake):
    name = "dirty-read"
    title = "B reads what A has not committed, and A takes back"
    guess = f"B reads {BALANCE}: nobody has committed anything else"
    reason = (
        "A transaction sees its own changes, and one session is one transaction. No isolation "
        "level helps: for PostgreSQL there is one client."
    )
    cure = "B in a session of its own reads what is committed."
    truth = "SELECT balance FROM gatherbench.lesson_customer WHERE id = 1"

    async def wrong(self, shop: Fixture) -> Told:
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

    async def right(self, shop: Fixture) -> Told:
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

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return set(answers) <= set(truth[0])

    def says(self, answers: Told, truth: Rows) -> str:
        return f"B read {answers[0] if answers else 'nothing'}, the table says {truth[0][0]}"


MISTAKES = (ReadsWarm(), ReadsCold(), ReadsPrePing(), ReadsBegun(), DirtyRead())
