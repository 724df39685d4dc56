"""Locks: one that can't help, one that must be there, one that cures nothing."""

from asyncio import Lock, gather, sleep

from sqlalchemy.ext.asyncio import AsyncSession

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Rows, Told
from bench.studies.lessons.tables import BALANCE, Customer, Order


class _Counter(Mistake):
    """Five tasks each add one to the balance of customer 1."""

    tasks = 5
    guess = f"{BALANCE} and five more"
    truth = "SELECT balance FROM gatherbench.lesson_customer WHERE id = 1"

    async def right(self, shop: Fixture) -> Told:
        async def add_one() -> str:
            async with shop.sessions.begin() as session:
                customer = await session.get_one(Customer, 1, with_for_update=True)
                balance = customer.balance
                await sleep(0.002)
                customer.balance = balance + 1
            return "added"

        return await gather(*(add_one() for _ in range(5)), return_exceptions=True)

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return list(truth) == [(BALANCE + len(answers),)]

    def says(self, answers: Told, truth: Rows) -> str:
        return f"{len(answers)} told `added`, {truth[0][0] - BALANCE} added"


class ForUpdate(_Counter):
    name = "for-update"
    title = "five tasks lock one row FOR UPDATE on one session, and add one"
    reason = (
        "A row lock keeps other transactions out, and here is only one: all five have the lock at "
        "once, and read the same balance. Advisory locks and `SET LOCAL` are shared likewise."
    )
    cure = "A session for each: then the lock has somebody to keep out."

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions.begin() as session:

            async def add_one() -> str:
                customer = await session.get_one(Customer, 1, with_for_update=True)
                balance = customer.balance
                await sleep(0.002)
                customer.balance = balance + 1
                return "added"

            return await gather(*(add_one() for _ in range(5)), return_exceptions=True)


class NoRowLock(_Counter):
    name = "no-row-lock"
    title = "a session for each, and no lock: the rule is kept, and it is not enough"
    reason = (
        "READ COMMITTED lets all five read the same balance before anybody writes. Sessions of "
        "their own keep tasks apart; they do not make reading and writing one step."
    )
    cure = "`with_for_update`, or `SET balance = balance + 1`, or SERIALIZABLE and another try."
    shares = False

    async def wrong(self, shop: Fixture) -> Told:
        async def add_one() -> str:
            async with shop.sessions.begin() as session:
                customer = await session.get_one(Customer, 1)
                balance = customer.balance
                await sleep(0.01)
                customer.balance = balance + 1
            return "added"

        return await gather(*(add_one() for _ in range(5)), return_exceptions=True)


class LockRoundTheSession(Mistake):
    name = "lock-round-the-session"
    title = "the cure that is none: a lock round every call of the session"
    guess = "A's order: no two calls overlap any more"
    reason = (
        "The lock ends the exceptions, which were the only thing that told. The transaction is "
        "still one, and B's rollback lies between A's calls in perfect order."
    )
    cure = "A session for each. A lock would have to be held from begin to commit: a pool of one."

    async def wrong(self, shop: Fixture) -> Told:
        lock = Lock()

        async def a(session: AsyncSession) -> str:
            async with lock:
                session.add(Order(name="A"))
                await session.flush()
            await shop.think()
            async with lock:
                await session.commit()
            return "A"

        async def b(session: AsyncSession) -> None:
            async with shop.meanwhile(), lock:
                await session.rollback()

        async with shop.sessions() as session:
            return await gather(a(session), b(session), return_exceptions=True)

    async def right(self, shop: Fixture) -> Told:
        async def a() -> str:
            async with shop.sessions() as session:
                session.add(Order(name="A"))
                await session.flush()
                await shop.think()
                await session.commit()
            return "A"

        async def b() -> None:
            async with shop.meanwhile(), shop.sessions() as session:
                await session.rollback()

        return await gather(a(), b(), return_exceptions=True)


MISTAKES = (ForUpdate(), LockRoundTheSession(), NoRowLock())
