"""A stream is an operation that lasts: whoever comes meanwhile is in its way."""

from asyncio import gather
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from sqlalchemy import text

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Rows, Told
from bench.studies.lessons.tables import Order

_ROWS = 2000
_MANY = text(f"SELECT generate_series(1, {_ROWS})").execution_options(yield_per=100)


class _Stream(Mistake):
    """A streams 2,000 rows; B does something else meanwhile. Told: what A counted."""

    guess = f"{_ROWS:,} rows for A, and B's own answer"

    def agrees(self, answers: Told, truth: Rows) -> bool:
        saved = [answer for answer in answers if answer == "B"]
        counted = [answer for answer in answers if answer != "B"]
        return set(counted) <= {_ROWS} and saved == [row[0] for row in truth]

    def says(self, answers: Told, truth: Rows) -> str:
        counted = next((answer for answer in answers if isinstance(answer, int)), None)
        rows = "no count" if counted is None else f"{counted:,} of {_ROWS:,} rows"
        return f"A got {rows}" + (f"; B confirmed, {len(truth)} there" if "B" in answers else "")


class StreamAndExecute(_Stream):
    name = "stream-execute"
    title = "A streams; B adds and flushes on the same session"
    reason = (
        "Between two fetches the connection looks idle, and B's statement gets in; the fetches of "
        "asyncpg's cursor do not queue behind it (`another operation is in progress`)."
    )
    cure = "A session for the stream alone, for as long as it lasts."

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:

            async def a() -> int:
                return sum([1 async for _ in await session.stream(_MANY)])

            async def b() -> None:
                for _ in range(20):
                    await session.execute(text("SELECT 1"))

            return await gather(a(), b(), return_exceptions=True)

    async def right(self, shop: Fixture) -> Told:
        async def a() -> int:
            async with shop.sessions() as session:
                return sum([1 async for _ in await session.stream(_MANY)])

        async def b() -> None:
            async with shop.sessions() as session:
                for _ in range(20):
                    await session.execute(text("SELECT 1"))

        return await gather(a(), b(), return_exceptions=True)


class StreamAndCommit(_Stream):
    name = "stream-commit"
    title = "A streams and does something with each part; B adds and commits"
    reason = (
        "A server-side cursor lives in a transaction. B's commit ends it, and the next fetch finds "
        "no cursor: what A has handled until then is half of the rows."
    )
    cure = "A session for the stream alone, for as long as it lasts."

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:

            async def a() -> int:
                rows = 0
                async for part in (await session.stream(_MANY)).partitions(100):
                    rows += len(part)
                    await shop.think()
                return rows

            async def b() -> str:
                async with shop.meanwhile():
                    session.add(Order(name="B"))
                    await session.commit()
                return "B"

            return await gather(a(), b(), return_exceptions=True)

    async def right(self, shop: Fixture) -> Told:
        async def a() -> int:
            async with shop.sessions() as session:
                rows = 0
                async for part in (await session.stream(_MANY)).partitions(100):
                    rows += len(part)
                    await shop.think()
                return rows

        async def b() -> str:
            async with shop.meanwhile(), shop.sessions() as session:
                session.add(Order(name="B"))
                await session.commit()
            return "B"

        return await gather(a(), b(), return_exceptions=True)


class AbandonedGenerator(Mistake):
    name = "abandoned-generator"
    title = "an async generator with a session in it is left at its first row"
    guess = "the session is closed: it is in an `async with`"
    reason = (
        "An async generator that is left early stands still where it was. Its `async with` ends "
        "when the garbage collector or the loop finds it; until then the connection is out, in a "
        "transaction."
    )
    cure = "`async with aclosing(...)` round the generator, or give it a session from outside."
    tasks = 1
    shares = False

    async def wrong(self, shop: Fixture) -> Told:
        async def rows() -> AsyncGenerator[Any]:
            async with shop.sessions() as session:
                async for row in await session.stream(_MANY):
                    yield row

        found = rows()
        async for _row in found:
            break
        return [shop.given_out()]

    async def right(self, shop: Fixture) -> Told:
        async def rows() -> AsyncGenerator[Any]:
            async with shop.sessions() as session:
                async for row in await session.stream(_MANY):
                    yield row

        async with aclosing(rows()) as found:
            async for _row in found:
                break
        return [shop.given_out()]

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return list(answers) == [0]

    def says(self, answers: Told, truth: Rows) -> str:
        return f"{answers[0]} connection(s) still given out after the loop"


MISTAKES = (StreamAndExecute(), StreamAndCommit(), AbandonedGenerator())
