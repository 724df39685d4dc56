"""Mistakes with connections that tasks share: SQLAlchemy's, asyncpg's and psycopg's."""

from asyncio import gather, sleep
from typing import Any

from sqlalchemy import insert

from bench.studies.lessons.fixture import NAP, Fixture
from bench.studies.lessons.mistake import Mistake, ReadMistake, Rows, TaskResults
from bench.studies.lessons.tables import Order

_NAP = str(NAP)


class CoreConnection(Mistake):
    name = "core-connection"
    title = "A inserts and commits on one AsyncConnection; B rolls back in between"
    guess = "A's order is saved: A's commit returned without an error"
    reason = (
        "Core has no session, but the transaction is shared in the same way: a connection has "
        "one transaction at a time."
    )
    cure = "Use `async with shop.engine.begin()` in each task."

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.engine.connect() as connection:

            async def a() -> str:
                await connection.execute(insert(Order).values(name="A"))
                await shop.think()
                await connection.commit()
                return "A"

            async def b() -> None:
                async with shop.meanwhile():
                    await connection.rollback()

            return await gather(a(), b(), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def a() -> str:
            async with shop.engine.connect() as connection:
                await connection.execute(insert(Order).values(name="A"))
                await shop.think()
                await connection.commit()
                return "A"

        async def b() -> None:
            async with shop.meanwhile(), shop.engine.connect() as connection:
                await connection.rollback()

        return await gather(a(), b(), return_exceptions=True)


class AsyncpgConnection(ReadMistake):
    name = "asyncpg-connection"
    title = "gather of reads on one asyncpg connection"
    guess = "ten reads of 10 ms take little more than 10 ms"
    reason = (
        "asyncpg implements the protocol itself, and refuses to begin a statement while another "
        "runs (`another operation is in progress`). No other library reports the mistake so "
        "clearly."
    )
    cure = "Use asyncpg's pool, and `acquire` in each task."
    guardable = False

    async def wrong(self, shop: Fixture) -> TaskResults:
        connection = await shop.connect_asyncpg()
        try:
            reads = (connection.fetchrow(_NAP) for _ in range(10))
            return await gather(*reads, return_exceptions=True)
        finally:
            connection.terminate()

    async def right(self, shop: Fixture) -> TaskResults:
        async with shop.asyncpg_pool(10) as pool:

            async def read() -> Any:
                async with pool.acquire() as connection:
                    return await connection.fetchrow(_NAP)

            return await gather(*(read() for _ in range(10)), return_exceptions=True)


class PsycopgConnection(ReadMistake):
    name = "psycopg-connection"
    title = "gather of reads on one psycopg async connection"
    guess = "ten reads of 10 ms take little more than 10 ms"
    reason = (
        "psycopg 3 holds a lock around every statement of a connection. So no exception is "
        "raised, and no two statements run at the same time."
    )
    cure = "Use psycopg_pool's AsyncConnectionPool, and `connection()` in each task."
    guardable = False

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with await shop.connect_psycopg() as connection:

            async def read() -> Any:
                return await (await connection.execute(_NAP)).fetchone()

            return await gather(*(read() for _ in range(10)), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def read() -> Any:
            async with await shop.connect_psycopg() as connection:
                return await (await connection.execute(_NAP)).fetchone()

        return await gather(*(read() for _ in range(10)), return_exceptions=True)


class PsycopgCursor(Mistake):
    name = "psycopg-cursor"
    title = "five tasks share one psycopg async cursor, and each asks for its own number"
    guess = "each task gets the number that it asked for"
    reason = (
        "`execute` and `fetchone` are two calls, and other tasks run between them. A cursor "
        "holds only the last result. So a task fetches the row of another task, or no row."
    )
    cure = (
        "Use a connection for each task. Cursors are cheap, but tasks must not share them either."
    )
    guardable = False
    tasks = 5

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with await shop.connect_psycopg() as connection:
            cursor = connection.cursor()

            async def ask(number: int) -> tuple[int, Any]:
                await cursor.execute("SELECT %s::int", [number])
                await sleep(0.01)  # any await: a log, a cache
                return number, await cursor.fetchone()

            return await gather(*map(ask, range(5)), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def ask(number: int) -> tuple[int, Any]:
            async with await shop.connect_psycopg() as connection:
                cursor = await connection.execute("SELECT %s::int", [number])
                return number, await cursor.fetchone()

        return await gather(*map(ask, range(5)), return_exceptions=True)

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return all(row == (number,) for number, row in answers)

    def says(self, answers: TaskResults, truth: Rows) -> str:
        right = sum(row == (number,) for number, row in answers)
        return f"{right} of {len(answers)} answers are to the question"


MISTAKES = (CoreConnection(), AsyncpgConnection(), PsycopgConnection(), PsycopgCursor())
