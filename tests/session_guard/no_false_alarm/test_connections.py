"""Connections of Core, under the net at the engine."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from session_guard import guard_engine
from tests.session_guard.conftest import Desk, Run
from tests.session_guard.no_false_alarm.conftest import in_a_task


def test_core_connections(desk: Desk, run: Run) -> None:
    """One for each task, lent, streamed from, in savepoints."""
    insert = text("INSERT INTO note (text) VALUES (:text)")

    async def nested(connection: AsyncConnection, name: str) -> None:
        async with connection.begin_nested():
            await connection.execute(insert, {"text": name})

    async def work(engine: AsyncEngine, name: str) -> None:
        async with engine.begin() as connection:
            await connection.execute(insert, {"text": name})
            await in_a_task(nested(connection, f"{name}, lent"))
            async with connection.stream(text("SELECT generate_series(1, 100)")) as rows:
                assert len([row async for row in rows]) == 100

    async def scenario() -> None:
        async with desk.engine() as engine:
            guard_engine(engine)
            await asyncio.gather(*(work(engine, name) for name in "ab"))

    run(scenario())
    assert desk.texts == ["a", "a, lent", "b", "b, lent"]


def test_an_autocommit_connection_between_its_statements(desk: Desk, run: Run) -> None:
    """SQLAlchemy says that it is in a transaction; the server knows of none."""

    async def scenario() -> None:
        async with desk.engine(isolation_level="AUTOCOMMIT") as engine:
            guard_engine(engine)
            async with engine.connect() as connection:
                turn = asyncio.Lock()

                async def worker(name: str) -> None:
                    for _ in range(3):
                        async with turn:
                            await connection.execute(text("SELECT 1"))
                        await asyncio.sleep(0)

                await asyncio.gather(worker("a"), worker("b"))

    run(scenario())
