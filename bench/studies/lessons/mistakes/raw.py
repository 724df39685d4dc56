"""Connections shared by tasks: SQLAlchemy's, asyncpg's, psycopg's."""

from asyncio import gather, sleep
from typing import Any

from sqlalchemy import insert

from bench.studies.lessons.fixture import NAP, Fixture
from bench.studies.lessons.mistake import Mistake, ReadMistake, Rows, Told
from bench.studies.lessons.tables import Order

_NAP = str(NAP)


class CoreConnection(Mistake):
    name = "core-connection"
    title = "one AsyncConnection: A inserts and commits, B rolls back in between"
    guess = "A's order: A has committed, and was told so"
    reason = "Core has no session, and the same transaction: a connection holds one at a time."
    cure = "`async with shop.engine.begin()` in each task."

    async def wrong(self, shop: Fixture) -> Told:
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

    async def right(self, shop: Fixture) -> Told:
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
    guess = "ten reads of 10 ms in little more than 10 ms"
    reason = (
        "asyncpg speaks the protocol itself, and refuses to begin a statement while another runs "
        "(`another operation is in progress`). The clearest answer of all."
    )
    cure = "asyncpg's pool, and `acquire` in each task."
    guardable = False

    async def wrong(self, shop: Fixture) -> Told:
        connection = await shop.connect_asyncpg()
        try:
            reads = (connection.fetchrow(_NAP) for _ in range(10))
            return await gather(*reads, return_exceptions=True)
        finally:
            connection.terminate()

    async def right(self, shop: Fixture) -> Told:
        async with shop.asyncpg_pool(10) as pool:

            async def read() -> Any:
                async with pool.acquire() as connection:
                    return await connection.fetchrow(_NAP)

            return await gather(*(read() for _ in range(10)), return_exceptions=True)


class PsycopgConnection(ReadMistake):
    name = "psycopg-connection"
    title = "gather of reads on one psycopg async connection"
    guess = "ten reads of 10 ms in little more than 10 ms"
    reason = (
        "psycopg 3 holds a lock round every statement of a connection: nothing is ever raised, and "
        "nothing ever runs at once."
    )
    cure = "psycopg_pool's AsyncConnectionPool, and `connection()` in each task."
    guardable = False

    async def wrong(self, shop: Fixture) -> Told:
        async with await shop.connect_psycopg() as connection:

            async def read() -> Any:
                return await (await connection.execute(_NAP)).fetchone()

            return await gather(*(read() for _ in range(10)), return_exceptions=True)

    async def right(self, shop: Fixture) -> Told:
        async def read() -> Any:
            async with await shop.connect_psycopg() as connection:
                return await (await connection.execute(_NAP)).fetchone()

        return await gather(*(read() for _ in range(10)), return_exceptions=True)


class PsycopgCursor(Mistake):
    name = "psycopg-cursor"
    title = "five tasks on one psycopg async cursor, each asking for its own number"
    guess = "each task gets the number that it asked for"
    reason = (
        "`execute` and `fetchone` are two calls, with other tasks between them. A cursor holds one "
        "result, the last: whoever fetches gets somebody's row, or none."
    )
    cure = "A connection for each task. Cursors are cheap, but not to be shared either."
    guardable = False
    tasks = 5

    async def wrong(self, shop: Fixture) -> Told:
        async with await shop.connect_psycopg() as connection:
            cursor = connection.cursor()

            async def ask(number: int) -> tuple[int, Any]:
                await cursor.execute("SELECT %s::int", [number])
                await sleep(0.01)  # any await: a log, a cache
                return number, await cursor.fetchone()

            return await gather(*map(ask, range(5)), return_exceptions=True)

    async def right(self, shop: Fixture) -> Told:
        async def ask(number: int) -> tuple[int, Any]:
            async with await shop.connect_psycopg() as connection:
                cursor = await connection.execute("SELECT %s::int", [number])
                return number, await cursor.fetchone()

        return await gather(*map(ask, range(5)), return_exceptions=True)

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return all(row == (number,) for number, row in answers)

    def says(self, answers: Told, truth: Rows) -> str:
        right = sum(row == (number,) for number, row in answers)
        return f"{right} of {len(answers)} answers are to the question"


MISTAKES = (CoreConnection(), AsyncpgConnection(), PsycopgConnection(), PsycopgCursor())
