"""Mistakes with streams: a stream lasts, and other calls on its session disturb it."""

from asyncio import gather
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from sqlalchemy import text

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Rows, TaskResults
from bench.studies.lessons.tables import Order

_ROWS = 2000
_MANY = text(f"SELECT generate_series(1, {_ROWS})").execution_options(yield_per=100)


class _Stream(Mistake):
    """A streams 2,000 rows, while B does something else. A returns its count of rows."""

    guess = f"A gets {_ROWS:,} rows, and B gets its own answer"

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        saved = [answer for answer in answers if answer == "B"]
        counted = [answer for answer in answers if answer != "B"]
        return set(counted) <= {_ROWS} and saved == [row[0] for row in truth]

    def says(self, answers: TaskResults, truth: Rows) -> str:
        counted = next((answer for answer in answers if isinstance(answer, int)), None)
        rows = "no count" if counted is None else f"{counted:,} of {_ROWS:,} rows"
        return f"A got {rows}" + (f"; B confirmed, {len(truth)} there" if "B" in answers else "")


class StreamAndExecute(_Stream):
    name = "stream-execute"
    title = "A streams; B executes statements on the same session"
    reason = (
        "Between two fetches the connection looks idle, so B's statement begins. The fetches of "
        "asyncpg's cursor do not wait for it (`another operation is in progress`)."
    )
    cure = "Use a session for the stream alone, for as long as the stream lasts."

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def a() -> int:
                return sum([1 async for _ in await session.stream(_MANY)])

            async def b() -> None:
                for _ in range(20):
                    await session.execute(text("SELECT 1"))

            return await gather(a(), b(), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
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
    title = "A streams, and handles the rows part by part; B adds and commits"
    reason = (
        "A server-side cursor lives in a transaction. B's commit ends the transaction, and the "
        "next fetch finds no cursor. A has handled only some of the rows by then."
    )
    cure = "Use a session for the stream alone, for as long as the stream lasts."

    async def wrong(self, shop: Fixture) -> TaskResults:
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

    async def right(self, shop: Fixture) -> TaskResults:
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
    title = "a loop leaves an async generator, which has a session open, at its first row"
    guess = "the session is closed: the generator opened it with `async with`"
    reason = (
        "An async generator that is left early stays suspended at its `yield`. Its `async with` "
        "ends only when the garbage collector or the event loop closes the generator. Until then "
        "the connection stays checked out, in a transaction."
    )
    cure = "Put `async with aclosing(...)` around the generator, or pass it a session from outside."
    tasks = 1
    shares = False

    async def wrong(self, shop: Fixture) -> TaskResults:
        async def rows() -> AsyncGenerator[Any]:
            async with shop.sessions() as session:
                async for row in await session.stream(_MANY):
                    yield row

        found = rows()
        async for _row in found:
            break
        return [shop.given_out()]

    async def right(self, shop: Fixture) -> TaskResults:
        async def rows() -> AsyncGenerator[Any]:
            async with shop.sessions() as session:
                async for row in await session.stream(_MANY):
                    yield row

        async with aclosing(rows()) as found:
            async for _row in found:
                break
        return [shop.given_out()]

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return list(answers) == [0]

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"{answers[0]} connection(s) still given out after the loop"


MISTAKES = (StreamAndExecute(), StreamAndCommit(), AbandonedGenerator())
