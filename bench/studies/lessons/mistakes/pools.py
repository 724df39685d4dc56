"""Mistakes that harm other tasks through the pool, although those tasks share nothing else."""

from asyncio import gather, run, to_thread
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Rows, TaskResults

_INNOCENT = 5
_ONE = text("SELECT 1")


class PoisonedPool(Mistake):
    name = "poisoned-pool"
    title = (
        "two calls overlap on one session; then come five innocent requests, each with its own "
        "session"
    )
    guess = "five answers: only the sharing tasks got an error, and they have ended"
    reason = (
        "The commit runs while another statement runs. asyncpg's connection then goes back to "
        "the pool `idle in transaction`, and keeps its locks. Every later user of the connection "
        "gets an error (`cannot use Connection.transaction() in a manually started "
        "transaction`), until the connection is closed."
    )
    cure = (
        "Avoid the overlap. Two settings repair the pool afterwards: `pool_pre_ping` and "
        "`idle_in_transaction_session_timeout`."
    )
    tasks = _INNOCENT
    options = {"pool_size": 1, "max_overflow": 0}

    async def wrong(self, shop: Fixture) -> TaskResults:
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

    async def right(self, shop: Fixture) -> TaskResults:
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

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return set(answers) <= {1}

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"{len(answers)} of {_INNOCENT} innocent requests answered"


class HealedPool(PoisonedPool):
    name = "poisoned-pool-pre-ping"
    title = "the mistake of poisoned-pool, with pool_pre_ping"
    guess = "no answer, as before: the connection answers the ping"
    reason = (
        "A ping begins a transaction too, and fails as a statement would. One request gets the "
        "error. The pool then discards the connection, and the next request gets a new one. This "
        "repairs the pool, and costs a ping for every checkout."
    )
    options = {"pool_size": 1, "max_overflow": 0, "pool_pre_ping": True}


class PoolDeadlock(Mistake):
    name = "pool-deadlock"
    title = "two tasks hold the last two connections, and each waits for a second one"
    guess = "two answers, one after the other"
    reason = (
        "Each task holds the connection that the other waits for. No session is shared here: the "
        "deadlock needs a pool that is no larger than the number of tasks. Only `pool_timeout` "
        "ends it (QueuePool limit)."
    )
    cure = "Use only one session in a task, and pass it to the functions that the task calls."
    options = {"pool_size": 2, "max_overflow": 0, "pool_timeout": 0.2}
    shares = False

    async def wrong(self, shop: Fixture) -> TaskResults:
        async def task() -> Any:
            async with shop.sessions() as outer:
                await outer.execute(text("SELECT pg_sleep(0.01)"))
                async with shop.sessions() as inner:
                    return await inner.scalar(_ONE)

        return await gather(task(), task(), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def task() -> Any:
            async with shop.sessions() as session:
                await session.execute(text("SELECT pg_sleep(0.01)"))
                return await session.scalar(_ONE)

        return await gather(task(), task(), return_exceptions=True)

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return set(answers) <= {1}

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"{len(answers)} of 2 answered"


class SecondLoop(Mistake):
    name = "second-loop"
    title = "an engine used from a second asyncio.run"
    guess = "an answer: it is the same engine"
    reason = (
        "The pooled connections belong to the event loop that opened them, and that loop is "
        "closed. This happens in tests that have a loop each. From a loop in another thread it "
        "is worse: asyncpg can crash."
    )
    cure = (
        "Make an engine for each loop, or call `await engine.dispose()` at the end of the first "
        "loop."
    )
    tasks = 1
    shares = False

    async def wrong(self, shop: Fixture) -> TaskResults:
        async def ask(engine: AsyncEngine) -> Any:
            async with engine.connect() as connection:
                return await connection.scalar(_ONE)

        def program() -> Any:
            engine = shop.make_engine()
            run(ask(engine))
            return run(ask(engine))

        return await gather(to_thread(program), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
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

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return set(answers) <= {1}

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"{len(answers)} of 1 answered"


MISTAKES = (PoisonedPool(), HealedPool(), PoolDeadlock(), SecondLoop())
