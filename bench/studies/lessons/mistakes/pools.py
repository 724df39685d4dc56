"""What a shared session or a shared engine does to those who share nothing else: the pool."""

from asyncio import gather, run, to_thread
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Rows, Told

_INNOCENT = 5
_ONE = text("SELECT 1")


class PoisonedPool(Mistake):
    name = "poisoned-pool"
    title = "one overlap; then five innocent requests, each with a session of its own"
    guess = "five answers: whoever shared has had an error, and that is over"
    reason = (
        "Committed while another statement runs, asyncpg's connection goes back to the pool "
        "`idle in transaction`, locks and all. Every later user of it fails (`cannot use "
        "Connection.transaction() in a manually started transaction`), until it is closed."
    )
    cure = "No overlap. What heals: `pool_pre_ping`, or `idle_in_transaction_session_timeout`."
    tasks = _INNOCENT
    options = {"pool_size": 1, "max_overflow": 0}

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:
            await session.execute(_ONE)
            slow = session.execute(text("SELECT pg_sleep(0.02)"))
            await gather(slow, session.commit(), return_exceptions=True)

        async def innocent() -> Any:
            async with shop.sessions() as session:
                return await session.scalar(_ONE)

        told: list[Any] = []
        for _ in range(5):
            told += await gather(innocent(), return_exceptions=True)
        return told

    async def right(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:
            await session.execute(_ONE)
            await session.execute(text("SELECT pg_sleep(0.02)"))
            await session.commit()

        async def innocent() -> Any:
            async with shop.sessions() as session:
                return await session.scalar(_ONE)

        told: list[Any] = []
        for _ in range(5):
            told += await gather(innocent(), return_exceptions=True)
        return told

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return set(answers) <= {1}

    def says(self, answers: Told, truth: Rows) -> str:
        return f"{len(answers)} of {_INNOCENT} innocent requests answered"


class HealedPool(PoisonedPool):
    name = "poisoned-pool-pre-ping"
    title = "the same, with pool_pre_ping"
    guess = "as before; the connection answers a ping"
    reason = (
        "A ping begins a transaction, too, and fails as a statement would: one request is told so, "
        "the connection is thrown away, and the next gets a new one. Healed, at a price a ping."
    )
    options = {"pool_size": 1, "max_overflow": 0, "pool_pre_ping": True}


class PoolDeadlock(Mistake):
    name = "pool-deadlock"
    title = "two tasks hold the last two connections, and each awaits a second"
    guess = "two answers, one after the other"
    reason = (
        "Each keeps what the other waits for. Nobody is wrong about sessions here: it takes a pool "
        "as small as the crowd, and an end comes only by `pool_timeout` (QueuePool limit)."
    )
    cure = "One session a task, and one only: pass on the one you have, down the call."
    options = {"pool_size": 2, "max_overflow": 0, "pool_timeout": 0.2}
    shares = False

    async def wrong(self, shop: Fixture) -> Told:
        async def task() -> Any:
            async with shop.sessions() as outer:
                await outer.execute(text("SELECT pg_sleep(0.01)"))
                async with shop.sessions() as inner:
                    return await inner.scalar(_ONE)

        return await gather(task(), task(), return_exceptions=True)

    async def right(self, shop: Fixture) -> Told:
        async def task() -> Any:
            async with shop.sessions() as session:
                await session.execute(text("SELECT pg_sleep(0.01)"))
                return await session.scalar(_ONE)

        return await gather(task(), task(), return_exceptions=True)

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return set(answers) <= {1}

    def says(self, answers: Told, truth: Rows) -> str:
        return f"{len(answers)} of 2 answered"


class SecondLoop(Mistake):
    name = "second-loop"
    title = "an engine used from a second asyncio.run"
    guess = "an answer: it is the same engine"
    reason = (
        "Its pooled connections belong to the loop that opened them, and that is closed. Seen in "
        "tests with a loop each. From a loop in another thread it is worse: asyncpg can crash."
    )
    cure = "An engine for each loop; or `await engine.dispose()` at the end of the first."
    tasks = 1
    shares = False

    async def wrong(self, shop: Fixture) -> Told:
        async def ask(engine: AsyncEngine) -> Any:
            async with engine.connect() as connection:
                return await connection.scalar(_ONE)

        def program() -> Any:
            engine = shop.make_engine()
            run(ask(engine))
            return run(ask(engine))

        return await gather(to_thread(program), return_exceptions=True)

    async def right(self, shop: Fixture) -> Told:
        async def ask(engine: AsyncEngine) -> Any:
            async with engine.connect() as connection:
                found = await connection.scalar(_ONE)
            await engine.dispose()
            return found

        def program() -> Any:
            engine = shop.make_engine()
            run(ask(engine))
            return run(ask(engine))

        return await gather(to_thread(program), return_exceptions=True)

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return set(answers) <= {1}

    def says(self, answers: Told, truth: Rows) -> str:
        return f"{len(answers)} of 1 answered"


MISTAKES = (PoisonedPool(), HealedPool(), PoolDeadlock(), SecondLoop())
