"""Mistakes with locks: one lock has no effect, one is missing, and one hides the mistake."""

from asyncio import Lock, gather, sleep

from sqlalchemy.ext.asyncio import AsyncSession

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Rows, TaskResults
from bench.studies.lessons.tables import BALANCE, Customer, Order


class _Counter(Mistake):
    """Five tasks, each of which adds one to the balance of customer 1."""

    tasks = 5
    guess = f"the balance is {BALANCE + 5}: each task adds one"
    truth = "SELECT balance FROM gatherbench.lesson_customer WHERE id = 1"

    async def right(self, shop: Fixture) -> TaskResults:
        async def add_one() -> str:
            async with shop.sessions.begin() as session:
                customer = await session.get_one(Customer, 1, with_for_update=True)
                balance = customer.balance
                await sleep(0.002)
                customer.balance = balance + 1
            return "added"

        return await gather(*(add_one() for _ in range(5)), return_exceptions=True)

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return list(truth) == [(BALANCE + len(answers),)]

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"{len(answers)} told `added`, {truth[0][0] - BALANCE} added"


class ForUpdate(_Counter):
    name = "for-update"
    title = "five tasks lock one row FOR UPDATE on one session, and each adds one"
    reason = (
        "A row lock keeps out other transactions, and here all five tasks use one transaction. "
        "All five have the lock at the same time, and read the same balance. Advisory locks and "
        "`SET LOCAL` are shared in the same way."
    )
    cure = "Give each task a session. Then the lock makes the other transactions wait."

    async def wrong(self, shop: Fixture) -> TaskResults:
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
    title = "a session for each task, and no row lock: the rule is kept, and it is not enough"
    reason = (
        "READ COMMITTED lets all five tasks read the same balance before any of them writes. A "
        "session for each task keeps the transactions apart. It does not make the read and the "
        "write one step."
    )
    cure = "Use `with_for_update`, or `SET balance = balance + 1`, or SERIALIZABLE with a retry."
    shares = False

    async def wrong(self, shop: Fixture) -> TaskResults:
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
    title = "a lock around every call of the session, which does not cure the mistake"
    guess = "A's order is saved: no two calls overlap any more"
    reason = (
        "The lock prevents the exceptions, which were the only sign of the mistake. The tasks "
        "still share one transaction. B's rollback runs between two of A's calls, and undoes A's "
        "order."
    )
    cure = (
        "Give each task a session. A lock would have to be held from begin to commit, as in a "
        "pool of one connection."
    )

    async def wrong(self, shop: Fixture) -> TaskResults:
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

    async def right(self, shop: Fixture) -> TaskResults:
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
