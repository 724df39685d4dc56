"""Connections of Core, with the guard of their engine."""

import asyncio
from typing import Any

import pytest
from session_guard import guard_engine
from sqlalchemy import event, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tests.session_guard.conftest import Desk, Run
from tests.session_guard.no_false_alarm.conftest import in_a_task


def test_core_connections(desk: Desk, run: Run) -> None:
    """Connections of Core: one per task, lent, with a stream, in savepoints."""
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
    """SQLAlchemy says that the connection is in a transaction; on the server there is none."""

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


@pytest.mark.parametrize("ends", ["commit", "rollback", "begin"])
def test_a_connection_changes_hands_between_its_transactions(
    desk: Desk, run: Run, ends: str
) -> None:
    """Forbids that the transaction that a second task's first statement begins counts as the first
    task's. Both tasks keep running, and use the connection by turns."""
    select = text("SELECT 1")

    async def scenario() -> None:
        async with desk.engine() as engine:
            guard_engine(engine)
            async with engine.connect() as connection:
                turn = asyncio.Lock()

                async def worker() -> None:
                    for _ in range(3):
                        async with turn:
                            if ends == "begin":
                                async with connection.begin():
                                    await connection.execute(select)
                            else:
                                await connection.execute(select)
                                await getattr(connection, ends)()
                        await asyncio.sleep(0)

                await asyncio.gather(worker(), worker())

    run(scenario())


@pytest.mark.parametrize("isolation_level", ["READ COMMITTED", "AUTOCOMMIT"])
def test_a_statement_that_a_listener_of_the_applications_own_refuses(
    desk: Desk, run: Run, isolation_level: str
) -> None:
    """Forbids that a refused statement stays in flight: SQLAlchemy 2.0 has no event for its end."""

    def refuse(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        if "note" in statement:
            raise PermissionError("not here")

    async def scenario() -> None:
        async with desk.engine(isolation_level=isolation_level) as engine:
            guard_engine(engine)
            event.listen(engine.sync_engine, "before_cursor_execute", refuse)
            async with engine.connect() as connection:
                turn = asyncio.Lock()

                async def worker() -> None:
                    for _ in range(2):
                        async with turn:
                            with pytest.raises(PermissionError):
                                await connection.execute(text("SELECT text FROM note"))
                            await connection.rollback()
                            await connection.execute(text("SELECT 1"))
                            await connection.commit()
                        await asyncio.sleep(0)

                await asyncio.gather(worker(), worker())

    run(scenario())
