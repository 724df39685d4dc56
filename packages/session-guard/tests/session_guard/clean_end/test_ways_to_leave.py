"""A block ends while a child's statement is in flight on the session or connection of the block."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from session_guard import GuardedSession, SharedSessionError, guard_engine, violations
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker
from tests.session_guard.clean_end.conftest import (
    SLEEP,
    WAIT,
    WAYS,
    Gate,
    MineError,
    leave,
    outcome,
    small_pool,
)
from tests.session_guard.conftest import Desk

FIRST = {"returns": SharedSessionError, "raises": MineError, "is cancelled": asyncio.CancelledError}

Body = Callable[[Any], Awaitable[Any]]
Maker = async_sessionmaker[AsyncSession]


async def block(maker: Maker, body: Body) -> None:
    async with maker() as session:
        await body(session)


async def begun(maker: Maker, body: Body) -> None:
    async with maker.begin() as session:
        await body(session)


async def transaction(maker: Maker, body: Body) -> None:
    async with maker() as session, session.begin():
        await body(session)


async def savepoint(maker: Maker, body: Body) -> None:
    async with maker() as session, session.begin(), session.begin_nested():
        await body(session)


async def finally_closes(maker: Maker, body: Body) -> None:
    session = maker()
    try:
        await body(session)
    finally:
        await session.close()


async def rolls_back(maker: Maker, body: Body) -> None:
    session = maker()
    try:
        await body(session)
    except BaseException:
        await session.rollback()
        raise
    finally:
        await asyncio.shield(session.close())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "opens", [block, begun, transaction, savepoint, finally_closes, rolls_back]
)
def test_a_session(desk: Desk, driver: str, gate: Gate, opens: Any, way: str) -> None:
    """Forbids that a refused close keeps its connection, or hides the first error."""

    async def scenario() -> BaseException | None:
        async with small_pool(desk, driver) as engine:
            maker = async_sessionmaker(engine, sync_session_class=GuardedSession)
            return await outcome(
                opens(maker, lambda session: leave(lambda: session.execute(WAIT), way, gate)), gate
            )

    error = asyncio.run(scenario())
    if opens is rolls_back and way == "returns":
        assert isinstance(error, SharedSessionError | None)
    else:
        assert isinstance(error, FIRST[way])
    found = violations(clear=True)
    assert found
    if way != "returns":
        notes = "".join(getattr(error, "__notes__", []))
        assert found[0].operation in notes or way == "is cancelled"


async def connects(engine: AsyncEngine, body: Body) -> None:
    async with engine.connect() as connection:
        await body(connection)


async def begins(engine: AsyncEngine, body: Body) -> None:
    async with engine.begin() as connection:
        await body(connection)


async def closes(engine: AsyncEngine, body: Body) -> None:
    connection = await engine.connect()
    try:
        await body(connection)
    finally:
        await connection.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("opens", [connects, begins, closes])
def test_a_connection(desk: Desk, driver: str, gate: Gate, opens: Any, way: str) -> None:
    """Forbids the same for a connection of Core, with the guard of its engine."""

    async def use(connection: AsyncConnection) -> None:
        # The connection is invalidated, and each driver has its own message for that.
        with suppress(Exception):
            await connection.execute(WAIT)

    async def scenario() -> BaseException | None:
        async with small_pool(desk, driver) as engine:
            guard_engine(engine)
            return await outcome(
                opens(engine, lambda connection: leave(lambda: use(connection), way, gate)), gate
            )

    assert isinstance(asyncio.run(scenario()), FIRST[way])
    assert violations(clear=True)


def test_the_error_of_the_second_statement_is_raised(desk: Desk, driver: str) -> None:
    """Forbids that the refusal of `close()` hides the refusal that names the wrong line."""

    async def page(maker: Maker) -> None:
        async with maker() as session:
            await asyncio.gather(session.scalar(SLEEP), session.scalars(SLEEP))

    async def scenario() -> BaseException | None:
        async with small_pool(desk, driver) as engine:
            maker = async_sessionmaker(engine, sync_session_class=GuardedSession)
            return await outcome(page(maker))

    error = asyncio.run(scenario())
    assert isinstance(error, SharedSessionError)
    assert error.violation.operation == "execute"
    assert "test_ways_to_leave.py:" in error.violation.at
    assert "test_ways_to_leave.py:" in error.violation.holder_at
    assert [found.operation for found in violations(clear=True)] == ["execute", "close"]


def test_a_pool_survives_as_many_mistakes_as_it_has_places(desk: Desk, driver: str) -> None:
    """Forbids that each caught mistake keeps a connection of the pool."""

    async def mistake(maker: Maker) -> None:
        async with maker() as session:
            await asyncio.gather(session.execute(SLEEP), session.execute(SLEEP))

    async def scenario() -> None:
        async with small_pool(desk, driver) as engine:
            maker = async_sessionmaker(engine, sync_session_class=GuardedSession)
            for _ in range(4):
                assert isinstance(await outcome(mistake(maker)), SharedSessionError)

    asyncio.run(scenario())
    violations(clear=True)
