"""The guard of an engine: a connection of Core that two tasks use."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from session_guard import SharedSessionError, guard_engine, violations
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.session_guard.conftest import Desk, Run


@pytest.mark.parametrize("what", ["executes", "commits", "rolls back", "begins a savepoint"])
def test_a_connection_of_core(desk: Desk, run: Run, what: str) -> None:
    """A statement is refused in time; a COMMIT or ROLLBACK is only reported."""
    steps: dict[str, Callable[[AsyncConnection], Awaitable[Any]]] = {
        "executes": lambda connection: connection.execute(text("SELECT 1")),
        "commits": lambda connection: connection.commit(),
        "rolls back": lambda connection: connection.rollback(),
        "begins a savepoint": lambda connection: connection.begin_nested().start(),
    }

    async def scenario() -> list[Any]:
        async with desk.engine() as engine:
            guard_engine(engine)
            guard_engine(engine)
            async with engine.connect() as connection:
                ready, done = asyncio.Event(), asyncio.Event()

                async def first() -> None:
                    await connection.execute(text("INSERT INTO note (text) VALUES ('a')"))
                    ready.set()
                    await done.wait()
                    if what == "executes":
                        await connection.commit()

                async def second() -> None:
                    await ready.wait()
                    try:
                        await steps[what](connection)
                    finally:
                        done.set()

                return await asyncio.gather(first(), second(), return_exceptions=True)

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert [found.shared for found in violations()] == ["connection"]
    assert desk.texts == (["a"] if what == "executes" else [])


def test_statements_of_core_that_overlap(desk: Desk, run: Run) -> None:
    async def scenario() -> list[Any]:
        async with desk.engine() as engine:
            guard_engine(engine)
            async with engine.connect() as connection:
                reads = (connection.execute(text("SELECT pg_sleep(0.01)")) for _ in range(3))
                return await asyncio.gather(*reads, return_exceptions=True)

    first, *others = run(scenario())
    assert first.all() == [(None,)]
    assert [type(error) for error in others] == [SharedSessionError] * 2
